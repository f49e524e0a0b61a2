import type { Service, ServicePort } from "@knots/api/core/v1";
import { newInternalError, newInvalid } from "@knots/machinery";
import type { FieldError, KubeObject } from "@knots/machinery";
import type { ResourceCache } from "../../watch-cache/resource-cache.ts";
import type { StorageHooks, Undo } from "../resource-type.ts";
import { IpRange } from "./ip-range.ts";
import { Pool } from "./pool.ts";

const SERVICE = { group: "", kind: "Service" };

/** Gives Services their cluster IPs and node ports. What is in use is read from the watch cache, so nothing can drift. */
export class ServiceAllocator implements StorageHooks {
  readonly #range: IpRange;
  readonly #addresses: Pool;
  /** Pool number of every address that was given out or asked for. */
  readonly #offsets = new Map<string, number>();
  readonly #firstPort: number;
  readonly #lastPort: number;
  /** Node ports are unique per port number and protocol. */
  readonly #ports = new Map<string, Pool>();

  /** `nodePorts` as "30000-32767". Throws on malformed ranges. */
  constructor(clusterIPRange: string, nodePorts: string) {
    this.#range = new IpRange(clusterIPRange);
    this.#addresses = new Pool(this.#range.size);
    const match = /^(\d+)-(\d+)$/.exec(nodePorts);
    if (match === null) throw new Error(`not a port range: ${JSON.stringify(nodePorts)}`);
    this.#firstPort = Number(match[1]);
    this.#lastPort = Number(match[2]);
  }

  /** The address of the `kubernetes` Service. */
  get firstAddress(): string {
    return this.#range.at(0);
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

  beforeCreate(object: KubeObject): Undo | undefined {
    return this.#allocate(object as Service, undefined);
  }

  beforeUpdate(next: KubeObject, old: KubeObject): Undo | undefined {
    carryOver(next as Service, old as Service);
    return this.#allocate(next as Service, old as Service);
  }

  #allocate(service: Service, old: Service | undefined): Undo {
    const undos: Undo[] = [];
    const release = (): void => {
      for (const undo of undos) undo();
    };
    try {
      this.#allocateAddress(service, old, undos);
      this.#allocatePorts(service, old, undos);
    } catch (error) {
      release();
      throw error;
    }
    return release;
  }

  #allocateAddress(service: Service, old: Service | undefined, undos: Undo[]): void {
    const { spec } = service;
    if (spec === undefined || spec.type === "ExternalName") return;
    spec.ipFamilyPolicy ??= "SingleStack";
    spec.ipFamilies ??= [this.#range.family];
    const wanted = spec.clusterIPs?.[0] ?? spec.clusterIP ?? "";
    if (wanted === "None") {
      spec.clusterIP = "None";
      spec.clusterIPs = ["None"];
      return;
    }
    if (wanted !== "" && wanted === old?.spec?.clusterIPs?.[0]) {
      spec.clusterIP = wanted;
      spec.clusterIPs ??= [wanted];
      return;
    }
    const ip = wanted === "" ? this.#anyAddress(undos) : this.#thisAddress(service, wanted, undos);
    spec.clusterIP = ip;
    spec.clusterIPs = [ip];
  }

  #anyAddress(undos: Undo[]): string {
    const offset = this.#addresses.reserveAny();
    if (offset === undefined) throw newInternalError("failed to allocate a serviceIP: range is full");
    undos.push(() => this.#addresses.release(offset));
    const ip = this.#range.at(offset);
    this.#offsets.set(ip, offset);
    return ip;
  }

  #thisAddress(service: Service, ip: string, undos: Undo[]): string {
    const offset = this.#offsetOf(ip);
    const problem =
      offset === undefined
        ? `the provided network does not match the current range`
        : this.#addresses.isTaken(offset)
          ? "provided IP is already allocated"
          : undefined;
    if (problem !== undefined || offset === undefined) {
      throw invalid(service, {
        type: "FieldValueInvalid",
        field: "spec.clusterIPs",
        badValue: [ip],
        detail: this.#range.contains(ip)
          ? `failed to allocate IP ${ip}: ${problem ?? ""}`
          : `failed to allocate IP ${ip}: the provided IP (${ip}) is not in the valid range. The range of valid IPs is ${this.#range.cidr}`,
      });
    }
    this.#addresses.reserve(offset);
    undos.push(() => this.#addresses.release(offset));
    return ip;
  }

  /** Pool number of an address; undefined outside the usable range. */
  #offsetOf(ip: string): number | undefined {
    const known = this.#offsets.get(ip);
    if (known !== undefined) return known;
    if (!this.#range.contains(ip)) return undefined;
    const offset = this.#range.offsetOf(ip);
    if (offset < 0 || offset >= this.#range.size) return undefined;
    this.#offsets.set(ip, offset);
    return offset;
  }

  #allocatePorts(service: Service, old: Service | undefined, undos: Undo[]): void {
    const { spec } = service;
    if (spec === undefined) return;
    const held = new Set((old?.spec?.ports ?? []).map((port) => portKey(port)));
    const wants =
      spec.type === "NodePort" || (spec.type === "LoadBalancer" && spec.allocateLoadBalancerNodePorts !== false);
    const given = new Map<number, Set<string>>();
    for (const [i, port] of (spec.ports ?? []).entries()) {
      const protocol = port.protocol ?? "TCP";
      if (port.nodePort === undefined || port.nodePort === 0) {
        if (!wants) continue;
        // The same port under another protocol shares its node port.
        const sibling = (spec.ports ?? []).find(
          (other) => other !== port && other.port === port.port && (other.nodePort ?? 0) > 0,
        );
        const number = sibling?.nodePort;
        if (number !== undefined && this.#pool(protocol).reserve(number - this.#firstPort)) {
          undos.push(() => this.#pool(protocol).release(number - this.#firstPort));
          port.nodePort = number;
        } else {
          port.nodePort = this.#anyPort(protocol, undos);
        }
      } else if (!held.has(portKey(port)) && given.get(port.nodePort)?.has(protocol) !== true) {
        this.#thisPort(service, i, port.nodePort, protocol, undos);
      }
      const protocols = given.get(port.nodePort) ?? new Set();
      given.set(port.nodePort, protocols.add(protocol));
    }
    this.#allocateHealthCheck(service, old, undos);
  }

  #allocateHealthCheck(service: Service, old: Service | undefined, undos: Undo[]): void {
    const { spec } = service;
    if (spec?.type !== "LoadBalancer" || spec.externalTrafficPolicy !== "Local") return;
    if (spec.healthCheckNodePort === undefined || spec.healthCheckNodePort === 0) {
      spec.healthCheckNodePort = old?.spec?.healthCheckNodePort ?? this.#anyPort("TCP", undos);
    } else if (spec.healthCheckNodePort !== old?.spec?.healthCheckNodePort) {
      this.#thisPort(service, undefined, spec.healthCheckNodePort, "TCP", undos);
    }
  }

  #anyPort(protocol: string, undos: Undo[]): number {
    const pool = this.#pool(protocol);
    const offset = pool.reserveAny();
    if (offset === undefined) throw newInternalError("failed to allocate a nodePort: range is full");
    undos.push(() => pool.release(offset));
    return this.#firstPort + offset;
  }

  #thisPort(service: Service, index: number | undefined, port: number, protocol: string, undos: Undo[]): void {
    const pool = this.#pool(protocol);
    const offset = port - this.#firstPort;
    const outside = port < this.#firstPort || port > this.#lastPort;
    if (outside || !pool.reserve(offset)) {
      throw invalid(service, {
        type: "FieldValueInvalid",
        field: index === undefined ? "spec.healthCheckNodePort" : `spec.ports[${index}].nodePort`,
        badValue: port,
        detail: outside
          ? `provided port is not in the valid range. The range of valid ports is ${this.#firstPort}-${this.#lastPort}`
          : "provided port is already allocated",
      });
    }
    undos.push(() => pool.release(offset));
  }

  #pool(protocol: string): Pool {
    let pool = this.#ports.get(protocol);
    if (pool === undefined) {
      pool = new Pool(this.#lastPort - this.#firstPort + 1);
      this.#ports.set(protocol, pool);
    }
    return pool;
  }

  #count({ spec }: Service, by: 1 | -1): void {
    for (const ip of spec?.clusterIPs ?? []) {
      const offset = this.#offsetOf(ip);
      if (offset === undefined) continue;
      if (by === 1) this.#addresses.use(offset);
      else this.#addresses.drop(offset);
    }
    const ports = (spec?.ports ?? []).map(({ nodePort, protocol }) => [nodePort, protocol ?? "TCP"] as const);
    for (const [port, protocol] of [...ports, [spec?.healthCheckNodePort, "TCP"] as const]) {
      if (port === undefined || port === 0) continue;
      if (by === 1) this.#pool(protocol).use(port - this.#firstPort);
      else this.#pool(protocol).drop(port - this.#firstPort);
    }
  }
}

/** What was allocated stays, where an update leaves it out (upstream: patchAllocatedValues). */
function carryOver(next: Service, old: Service): void {
  const { spec } = next;
  const before = old.spec;
  if (spec === undefined || before === undefined) return;
  if (spec.type !== "ExternalName" && before.type !== "ExternalName") {
    if (spec.clusterIP === undefined || spec.clusterIP === "") {
      if ((spec.clusterIPs ?? []).length === 0 && before.clusterIP !== undefined) spec.clusterIP = before.clusterIP;
    }
    if (
      (spec.clusterIPs ?? []).length === 0 &&
      before.clusterIPs !== undefined &&
      spec.clusterIP === before.clusterIP
    ) {
      spec.clusterIPs = [...before.clusterIPs];
    }
    spec.ipFamilies ??= before.ipFamilies === undefined ? [] : [...before.ipFamilies];
    if (spec.ipFamilies.length === 0) delete spec.ipFamilies;
    if (spec.ipFamilyPolicy === undefined && before.ipFamilyPolicy !== undefined)
      spec.ipFamilyPolicy = before.ipFamilyPolicy;
  }
  if (spec.type === "ExternalName") {
    // Addresses go when they are not asked for again by name.
    if (spec.clusterIP === before.clusterIP) delete spec.clusterIP;
    if (spec.clusterIPs?.[0] === before.clusterIPs?.[0]) delete spec.clusterIPs;
    delete spec.ipFamilies;
    delete spec.ipFamilyPolicy;
    return;
  }
  const hasNodePorts = (type: string | undefined): boolean => type === "NodePort" || type === "LoadBalancer";
  if (!hasNodePorts(spec.type)) {
    // Going back to ClusterIP gives the node ports back, unless the client insists.
    if (hasNodePorts(before.type)) {
      const held = new Set((before.ports ?? []).map((port) => port.nodePort));
      for (const port of spec.ports ?? []) if (held.has(port.nodePort)) delete port.nodePort;
    }
    return;
  }
  for (const port of spec.ports ?? []) {
    if (port.nodePort !== undefined && port.nodePort !== 0) continue;
    const same = (before.ports ?? []).find(
      (other) => other.port === port.port && (other.protocol ?? "TCP") === (port.protocol ?? "TCP"),
    );
    if (same?.nodePort !== undefined && same.nodePort !== 0) port.nodePort = same.nodePort;
  }
}

function portKey({ nodePort, protocol }: ServicePort): string {
  return `${protocol ?? "TCP"}/${nodePort ?? 0}`;
}

function invalid(service: Service, error: FieldError): Error {
  return newInvalid(SERVICE, service.metadata?.name ?? "", [error]);
}
