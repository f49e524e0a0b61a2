// default/kubernetes: the addresses of all API servers, as Endpoints and EndpointSlice (upstream's lease reconciler).
import type { Endpoints } from "@knots/api/core/v1";
import { endpoints } from "@knots/api/core/v1";
import type { EndpointSlice } from "@knots/api/discovery/v1";
import { endpointSlices } from "@knots/api/discovery/v1";
import { isAlreadyExists, isNotFound } from "@knots/machinery";
import type { Clock, KubeObject, Logger, ResourceType, Timer } from "@knots/machinery";
import { deepEqual } from "../registry/metadata.ts";
import type { Registry } from "../registry/registry.ts";
import type { ServerLeases } from "./server-leases.ts";

const NAME = "kubernetes";
const NAMESPACE = "default";
const INTERVAL_MS = 10_000;

type Body = Record<string, unknown>;

/** The objects for these addresses, the same whichever server makes them. Pure. */
export function kubernetesEndpoints(
  addresses: readonly string[],
  port: number,
): { endpoints: Body; slice: Body & { addressType: string } } {
  const sorted = addresses.toSorted();
  const ports = [{ name: "https", port, protocol: "TCP" }];
  return {
    endpoints: { subsets: [{ addresses: sorted.map((ip) => ({ ip })), ports }] },
    slice: {
      addressType: sorted[0]?.includes(":") === true ? "IPv6" : "IPv4",
      endpoints: sorted.map((address) => ({ addresses: [address], conditions: { ready: true } })),
      ports,
    },
  };
}

export interface EndpointReconcilerOptions {
  readonly registry: Registry;
  readonly leases: ServerLeases;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly address: string;
  readonly port: number;
}

export class EndpointReconciler implements AsyncDisposable {
  readonly #options: EndpointReconcilerOptions;
  #timer: Timer | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: EndpointReconcilerOptions) {
    this.#options = options;
  }

  /** Throws what the first round throws. */
  async start(): Promise<void> {
    await this.#round();
    this.#timer = this.#options.clock.setInterval(() => {
      this.#running = this.#running
        .then(() => this.#round())
        .catch((error: unknown) =>
          this.#options.logger.warn(
            { err: error },
            "the endpoints of default/kubernetes could not be brought up to date",
          ),
        );
    }, INTERVAL_MS);
  }

  /** Takes this server's address away: clients should not be sent to it any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.cancel();
    const { leases, address, logger } = this.#options;
    await this.#running;
    if (this.#timer === undefined) return;
    try {
      await leases.remove(address);
      await this.#reconcile();
    } catch (error) {
      logger.warn({ err: error }, "the address of this server could not be taken from default/kubernetes");
    }
  }

  async #round(): Promise<void> {
    await this.#options.leases.renew(this.#options.address);
    await this.#reconcile();
  }

  async #reconcile(): Promise<void> {
    const addresses = await this.#options.leases.list();
    // Upstream refuses to erase all endpoints, too: the last server leaves its address.
    if (addresses.length === 0) return;
    const wanted = kubernetesEndpoints(addresses, this.#options.port);
    // "skip-mirror": the slice below is made here, not by the mirroring controller.
    const mirror = { "endpointslice.kubernetes.io/skip-mirror": "true" };
    await this.#write<Endpoints>(endpoints, mirror, wanted.endpoints);
    const slice = this.#options.registry.get<EndpointSlice>(endpointSlices, NAMESPACE, NAME);
    // The type of addresses cannot be changed.
    if (slice !== undefined && slice.addressType !== wanted.slice.addressType) await this.#delete(endpointSlices);
    await this.#write<EndpointSlice>(endpointSlices, { "kubernetes.io/service-name": NAME }, wanted.slice);
  }

  /** Writes only where something is to be changed. */
  async #write<T extends KubeObject>(
    type: ResourceType<T>,
    labels: Readonly<Record<string, string>>,
    body: Body,
  ): Promise<void> {
    const { registry } = this.#options;
    const filled = (object: KubeObject): KubeObject => ({
      ...object,
      metadata: { ...object.metadata, labels: { ...object.metadata?.labels, ...labels } },
      ...body,
    });
    const storage = registry.storageFor(type);
    const current = registry.get(type, NAMESPACE, NAME);
    try {
      if (current === undefined) {
        const apiVersion = type.group === "" ? type.version : `${type.group}/${type.version}`;
        const metadata = { name: NAME, namespace: NAMESPACE };
        await storage.create(registry.system(), NAMESPACE, filled({ apiVersion, kind: type.kind, metadata }));
      } else if (!deepEqual(filled(current), current)) {
        await storage.update(registry.system(), {
          namespace: NAMESPACE,
          name: NAME,
          retryOnConflict: true,
          transform: (latest) => filled(structuredClone(latest) as KubeObject),
        });
      }
    } catch (error) {
      // Another server was faster, or somebody deletes them: the next round sees what there is then.
      if (!isAlreadyExists(error) && !isNotFound(error)) throw error;
    }
  }

  async #delete(type: ResourceType): Promise<void> {
    const { registry } = this.#options;
    try {
      await registry.storageFor(type).delete(registry.system(), NAMESPACE, NAME, {});
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}
