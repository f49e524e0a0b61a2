import type { Service } from "@knots/api/core/v1";
import type { ServiceCIDR } from "@knots/api/networking/v1";
import { newInternalError, newInvalid } from "@knots/machinery";
import type { FieldError, KubeObject } from "@knots/machinery";
import type { Store } from "@knots/store";
import type { ResourceCache } from "../../watch-cache/resource-cache.ts";
import type { StorageHooks, Undo } from "../resource-type.ts";
import type { Operation } from "../operation.ts";
import { addressesOf, type AddressClaims } from "./address-claims.ts";
import { AddressRanges } from "./address-ranges.ts";
import { carryOver } from "./carry-over.ts";
import { Pool } from "./pool.ts";
import { PortClaims } from "./port-claims.ts";

const SERVICE = { group: "", kind: "Service" };
/** An address without a service is left alone for so long: the service may be on its way (upstream's figure). */
const CLAIM_GRACE_MS = 60_000;

/** What one write of a service takes, and how it is given back when the write fails. */
interface Allocation {
  readonly service: Service;
  readonly dryRun: boolean;
  readonly undos: Undo[];
}

/**
 * Gives Services their cluster IPs and node ports. What is in use is read from the watch cache, so nothing can drift; the store's claims decide between
 * servers.
 */
export class ServiceAllocator implements StorageHooks {
  readonly #ranges: AddressRanges;
  readonly #firstPort: number;
  readonly #lastPort: number;
  readonly #ports: Pool;
  readonly #claims: { addresses?: AddressClaims; ports?: PortClaims };

  /** `nodePorts` as "30000-32767"; throws on malformed ranges. `claims` decide where other servers allocate too. */
  constructor(
    clusterIPRange: string,
    nodePorts: string,
    claims: { addresses?: AddressClaims; portStore?: Store | undefined } = {},
  ) {
    this.#ranges = new AddressRanges(clusterIPRange);
    const match = /^(\d+)-(\d+)$/.exec(nodePorts);
    if (match === null) throw new Error(`not a port range: ${JSON.stringify(nodePorts)}`);
    this.#firstPort = Number(match[1]);
    this.#lastPort = Number(match[2]);
    this.#ports = new Pool(this.#lastPort - this.#firstPort + 1);
    const { addresses, portStore } = claims;
    this.#claims = {
      ...(addresses === undefined ? {} : { addresses }),
      ...(portStore === undefined ? {} : { ports: new PortClaims(portStore, this.#firstPort, this.#lastPort) }),
    };
  }

  /** The address of the `kubernetes` Service. */
  get firstAddress(): string {
    return this.#ranges.first;
  }

  /** Follows the services; to be called when the cache has been filled. */
  follow(cache: ResourceCache): void {
    for (const entry of cache.scan(cache.prefix)) this.#count(entry.object as Service, 1);
    cache.subscribe("", {
      onEvent: ({ entry, previous, deleted }) => {
        if (!deleted) this.#count(entry.object as Service, 1);
        if (previous !== undefined) this.#count(previous.object as Service, -1);
      },
    });
  }

  /** Follows the ServiceCIDR objects, whose ranges are used as long as they are ready; after `follow`. */
  followRanges(cache: ResourceCache, services: ResourceCache): void {
    const used = (): string[] =>
      Array.from(services.scan(services.prefix), ({ object }) => addressesOf(object as Service)).flat();
    const read = (): void => {
      const ranges = Array.from(cache.scan(cache.prefix), ({ object }) => object as ServiceCIDR);
      this.#ranges.set(
        ranges.filter(isReady).flatMap(({ spec }) => spec?.cidrs ?? []),
        used,
      );
    };
    read();
    cache.subscribe("", { onEvent: read });
  }

  beforeCreate(object: KubeObject, op: Pick<Operation, "dryRun">): Promise<Undo> {
    return this.#allocate(object as Service, undefined, op.dryRun);
  }

  beforeUpdate(next: KubeObject, old: KubeObject, op: Pick<Operation, "dryRun">): Promise<Undo> {
    carryOver(next as Service, old as Service);
    return this.#allocate(next as Service, old as Service, op.dryRun);
  }

  /** Gives back what the update let go. */
  afterUpdate(next: KubeObject, old: KubeObject): Promise<void> {
    return this.#giveBack(old as Service, next as Service);
  }

  afterDelete(object: KubeObject): Promise<void> {
    return this.#giveBack(object as Service, undefined);
  }

  /** Brings the claims in the store in line with the services: after a crash between a claim and its service. */
  async repair(now: number): Promise<void> {
    await this.#claims.addresses?.repair((ip) => this.#ranges.contains(ip), now - CLAIM_GRACE_MS);
    await this.#claims.ports?.repair(new Set(this.#ports.used().map((offset) => this.#firstPort + offset)));
  }

  async #giveBack(service: Service, kept: Service | undefined): Promise<void> {
    const { addresses, ports } = this.#claims;
    if (addresses !== undefined) {
      const left = kept === undefined ? [] : addressesOf(kept);
      for (const ip of addressesOf(service)) if (!left.includes(ip)) await addresses.release(ip, service);
    }
    if (ports !== undefined) {
      const left = kept === undefined ? new Set<number>() : nodePortsOf(kept);
      for (const port of nodePortsOf(service)) if (!left.has(port)) await ports.release(port);
    }
  }

  async #allocate(service: Service, old: Service | undefined, dryRun: boolean): Promise<Undo> {
    const allocation: Allocation = { service, dryRun, undos: [] };
    const release = async (): Promise<void> => {
      for (const undo of allocation.undos) await undo();
    };
    try {
      await this.#allocateAddress(allocation, old);
      await this.#allocatePorts(allocation, old);
    } catch (error) {
      await release();
      throw error;
    }
    return release;
  }

  async #allocateAddress(allocation: Allocation, old: Service | undefined): Promise<void> {
    const { spec } = allocation.service;
    if (spec === undefined || spec.type === "ExternalName") return;
    spec.ipFamilyPolicy ??= "SingleStack";
    spec.ipFamilies ??= [this.#ranges.family];
    const wanted = spec.clusterIPs?.[0] ?? spec.clusterIP ?? "";
    if (wanted === "None") {
      spec.clusterIP = "None";
      spec.clusterIPs = ["None"];
      return;
    }
    const before = old?.spec?.type === "ExternalName" ? undefined : old?.spec?.clusterIPs?.[0];
    if (wanted !== "" && wanted === before) {
      spec.clusterIP = wanted;
      spec.clusterIPs ??= [wanted];
      return;
    }
    // An address that is set may not change, which validation tells.
    if (wanted !== "" && before !== undefined) return;
    const ip = wanted === "" ? await this.#anyAddress(allocation) : await this.#thisAddress(allocation, wanted);
    spec.clusterIP = ip;
    spec.clusterIPs = [ip];
  }

  async #anyAddress(allocation: Allocation): Promise<string> {
    const ip = await this.#ranges.reserveAny((candidate) => this.#claimAddress(allocation, candidate));
    if (ip === undefined) throw newInternalError("failed to allocate a serviceIP: range is full");
    allocation.undos.push(() => this.#ranges.release(ip));
    return ip;
  }

  async #thisAddress(allocation: Allocation, ip: string): Promise<string> {
    const fail = (detail: string): Error =>
      invalid(allocation.service, {
        type: "FieldValueInvalid",
        field: "spec.clusterIPs",
        badValue: [ip],
        detail: `failed to allocate IP ${ip}: ${detail}`,
      });
    if (!this.#ranges.contains(ip)) {
      throw fail(
        `the provided IP (${ip}) is not in the valid range. The range of valid IPs is ${this.#ranges.toString()}`,
      );
    }
    const refused = this.#ranges.reserve(ip);
    if (refused === "outside") throw fail("the provided network does not match the current range");
    if (refused === "taken") throw fail("provided IP is already allocated");
    allocation.undos.push(() => this.#ranges.release(ip));
    if (!(await this.#claimAddress(allocation, ip))) throw fail("provided IP is already allocated");
    return ip;
  }

  async #claimAddress({ service, dryRun, undos }: Allocation, ip: string): Promise<boolean> {
    const { addresses } = this.#claims;
    if (addresses === undefined || dryRun) return true;
    if (!(await addresses.claim(ip, service))) return false;
    undos.push(() => addresses.release(ip, service));
    return true;
  }

  /** A number that is free here and that `claim` got in the store; undefined when there is none. */
  async #chooseAny(
    pool: Pool,
    { undos }: Allocation,
    claim: (offset: number) => Promise<boolean>,
  ): Promise<number | undefined> {
    const refused: number[] = [];
    try {
      for (;;) {
        const offset = pool.reserveAny();
        if (offset === undefined) return undefined;
        refused.push(offset);
        if (!(await claim(offset))) continue;
        refused.pop();
        undos.push(() => pool.release(offset));
        return offset;
      }
    } finally {
      for (const offset of refused) pool.release(offset);
    }
  }

  /** A node port is one service's, whatever the protocol; a service may use it for several (upstream: initNodePorts). */
  async #allocatePorts(allocation: Allocation, old: Service | undefined): Promise<void> {
    const { spec } = allocation.service;
    if (spec === undefined) return;
    const mine = old === undefined ? new Set<number>() : nodePortsOf(old);
    const wants =
      spec.type === "NodePort" || (spec.type === "LoadBalancer" && spec.allocateLoadBalancerNodePorts !== false);
    const ports = spec.ports ?? [];
    for (const [i, port] of ports.entries()) {
      if ((port.nodePort ?? 0) === 0) {
        if (!wants) continue;
        // The same port under another protocol shares its node port.
        port.nodePort = ports.find((other) => other.port === port.port && (other.nodePort ?? 0) > 0)?.nodePort ?? 0;
      }
      if (port.nodePort === undefined || port.nodePort === 0) port.nodePort = await this.#anyPort(allocation);
      else if (!mine.has(port.nodePort)) await this.#thisPort(allocation, `spec.ports[${i}].nodePort`, port.nodePort);
      mine.add(port.nodePort);
    }
    if (spec.type !== "LoadBalancer" || spec.externalTrafficPolicy !== "Local") return;
    if (spec.healthCheckNodePort === undefined || spec.healthCheckNodePort === 0) {
      spec.healthCheckNodePort = old?.spec?.healthCheckNodePort ?? (await this.#anyPort(allocation));
    } else if (spec.healthCheckNodePort !== old?.spec?.healthCheckNodePort) {
      await this.#thisPort(allocation, "spec.healthCheckNodePort", spec.healthCheckNodePort);
    }
  }

  async #anyPort(allocation: Allocation): Promise<number> {
    const chosen = await this.#chooseAny(this.#ports, allocation, (offset) =>
      this.#claimPort(allocation, this.#firstPort + offset),
    );
    if (chosen === undefined) throw newInternalError("failed to allocate a nodePort: range is full");
    return this.#firstPort + chosen;
  }

  async #thisPort(allocation: Allocation, field: string, port: number): Promise<void> {
    const fail = (detail: string): Error =>
      invalid(allocation.service, { type: "FieldValueInvalid", field, badValue: port, detail });
    const offset = port - this.#firstPort;
    if (port < this.#firstPort || port > this.#lastPort) {
      throw fail(
        `provided port is not in the valid range. The range of valid ports is ${this.#firstPort}-${this.#lastPort}`,
      );
    }
    if (!this.#ports.reserve(offset)) throw fail("provided port is already allocated");
    allocation.undos.push(() => this.#ports.release(offset));
    if (!(await this.#claimPort(allocation, port))) throw fail("provided port is already allocated");
  }

  async #claimPort({ dryRun, undos }: Allocation, port: number): Promise<boolean> {
    const { ports } = this.#claims;
    if (ports === undefined || dryRun) return true;
    if (!(await ports.claim(port))) return false;
    undos.push(() => ports.release(port));
    return true;
  }

  #count(service: Service, by: 1 | -1): void {
    for (const ip of addressesOf(service)) this.#ranges.count(ip, by);
    for (const port of nodePortsOf(service)) {
      if (by === 1) this.#ports.use(port - this.#firstPort);
      else this.#ports.drop(port - this.#firstPort);
    }
  }
}

function isReady({ metadata, status }: ServiceCIDR): boolean {
  if (metadata?.deletionTimestamp !== undefined) return false;
  return (status?.conditions ?? []).some((condition) => condition.type === "Ready" && condition.status === "True");
}

function nodePortsOf({ spec }: Service): Set<number> {
  const ports = [...(spec?.ports ?? []).map(({ nodePort }) => nodePort), spec?.healthCheckNodePort];
  return new Set(ports.filter((port): port is number => port !== undefined && port !== 0));
}

function invalid(service: Service, error: FieldError): Error {
  return newInvalid(SERVICE, service.metadata?.name ?? "", [error]);
}
