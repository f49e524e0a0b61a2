import type { APIService, APIServiceCondition } from "@knots/api/apiregistration/v1";
import { apiServices } from "@knots/api/apiregistration/v1";
import { services } from "@knots/api/core/v1";
import { endpointSlices } from "@knots/api/discovery/v1";
import { formatTime, isNotFound } from "@knots/machinery";
import type { Clock, KubeObject, Logger } from "@knots/machinery";
import type { OutboundClient } from "../outbound/index.ts";
import { deepEqual } from "../registry/metadata.ts";
import type { Registry } from "../registry/registry.ts";
import type { ApiServices, RemoteService } from "./api-services.ts";
import { LOCAL, checkDiscovery, checkService } from "./availability.ts";
import type { Availability } from "./availability.ts";

/** Every APIService is looked at again this often, failing ones sooner. */
const RESYNC_MS = 30_000;
const FIRST_RETRY_MS = 500;

export interface LoopDependencies {
  readonly registry: Registry;
  readonly services: ApiServices;
  readonly client: OutboundClient;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called after each check of a remote service. */
  checked(service: RemoteService, available: boolean): Promise<void>;
  /** An APIService came, changed or went. */
  changed(name: string, deleted: boolean): void;
}

/** Keeps the Available condition of every APIService; level-triggered by name, each name by one task at a time. */
export class AvailabilityLoop implements AsyncDisposable {
  readonly #deps: LoopDependencies;
  readonly #subscriptions: Disposable[] = [];
  readonly #dirty = new Set<string>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #timers = new Map<string, { cancel(): void }>();
  readonly #failures = new Map<string, number>();
  #stopped = false;

  constructor(deps: LoopDependencies) {
    this.#deps = deps;
  }

  start(): void {
    const { registry } = this.#deps;
    this.#subscriptions.push(
      registry.subscribe<APIService>(apiServices, ({ type, object, previous }) => {
        const name = object.metadata?.name ?? "";
        if (type !== "modified" || !deepEqual(object.spec, previous?.spec)) this.#enqueue(name);
        this.#deps.changed(name, type === "deleted");
      }),
      registry.subscribe(services, ({ object }) => this.#serviceChanged(object, object.metadata?.name)),
      registry.subscribe(endpointSlices, ({ object }) =>
        this.#serviceChanged(object, object.metadata?.labels?.["kubernetes.io/service-name"]),
      ),
    );
    for (const { metadata } of this.#deps.services.all()) this.#enqueue(metadata?.name ?? "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
    for (const timer of this.#timers.values()) timer.cancel();
    await Promise.all(this.#running.values());
  }

  #serviceChanged(object: KubeObject, name: string | undefined): void {
    for (const { name: apiService, service } of this.#deps.services.remotes().values()) {
      if (service.name === name && service.namespace === object.metadata?.namespace) this.#enqueue(apiService);
    }
  }

  #enqueue(name: string): void {
    if (this.#stopped) return;
    this.#dirty.add(name);
    if (this.#running.has(name)) return;
    const work = this.#work(name).finally(() => {
      this.#running.delete(name);
      if (this.#dirty.has(name)) this.#enqueue(name);
    });
    this.#running.set(name, work);
  }

  async #work(name: string): Promise<void> {
    // Several changes in one turn are one.
    await Promise.resolve();
    this.#dirty.delete(name);
    this.#timers.get(name)?.cancel();
    this.#timers.delete(name);
    let failed = false;
    try {
      failed = await this.#check(name);
    } catch (error) {
      failed = true;
      this.#deps.logger.warn({ err: error, apiService: name }, "an APIService's availability could not be recorded");
    }
    if (this.#stopped) return;
    const failures = failed ? (this.#failures.get(name) ?? 0) + 1 : 0;
    this.#failures.set(name, failures);
    if (this.#deps.registry.get(apiServices, undefined, name)?.spec?.service === undefined && !failed) return;
    const wait = failed ? Math.min(RESYNC_MS, FIRST_RETRY_MS * 2 ** (failures - 1)) : RESYNC_MS;
    this.#timers.set(
      name,
      this.#deps.clock.setTimeout(() => this.#enqueue(name), wait),
    );
  }

  /** True when it should be looked at again soon. */
  async #check(name: string): Promise<boolean> {
    const { registry, client } = this.#deps;
    const apiService = registry.get<APIService>(apiServices, undefined, name);
    if (apiService === undefined) return false;
    const service = Array.from(this.#deps.services.remotes().values()).find((each) => each.name === name);
    if (service === undefined) {
      await this.#record(name, LOCAL);
      return false;
    }
    const seen = checkService(registry, service);
    const availability = seen ?? (await checkDiscovery(client, service));
    await this.#record(name, availability);
    const available = availability.status === "True";
    await this.#deps.checked(service, available);
    return !available && seen === undefined;
  }

  async #record(name: string, { status, reason, message }: Availability): Promise<void> {
    const { registry, clock } = this.#deps;
    const now = formatTime(new Date(clock.now()));
    try {
      await registry.storageFor(apiServices).update(registry.system("status"), {
        namespace: "",
        name,
        forceUnconditional: true,
        retryOnConflict: true,
        raw: true,
        transform(current) {
          const next = structuredClone(current) as KubeObject as APIService;
          const conditions = next.status?.conditions ?? [];
          const old = conditions.find(({ type }) => type === "Available");
          const condition: APIServiceCondition = {
            type: "Available",
            status,
            lastTransitionTime: old?.status === status ? (old.lastTransitionTime ?? now) : now,
            reason,
            message,
          };
          next.status = { ...next.status, conditions: [...conditions.filter((each) => each !== old), condition] };
          return next;
        },
      });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}
