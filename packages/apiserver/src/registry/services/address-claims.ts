import type { Service } from "@knots/api/core/v1";
import { services } from "@knots/api/core/v1";
import type { IPAddress } from "@knots/api/networking/v1";
import { ipAddresses } from "@knots/api/networking/v1";
import { isAlreadyExists, isNotFound } from "@knots/machinery";
import type { Registry } from "../registry.ts";

const FAMILY_LABEL = "ipaddress.kubernetes.io/ip-family";
const MANAGED_BY_LABEL = "ipaddress.kubernetes.io/managed-by";
const MANAGED_BY = "ipallocator.k8s.io";

/**
 * Who holds which cluster IP, as IPAddress objects: the address is the object's name, so of several API servers that
 * choose the same one the store lets one have it (upstream: MultiCIDRServiceAllocator).
 */
export class AddressClaims {
  readonly #registry: () => Registry;

  constructor(registry: () => Registry) {
    this.#registry = registry;
  }

  /** False when somebody else holds the address. */
  async claim(ip: string, service: Service): Promise<boolean> {
    const registry = this.#registry();
    try {
      await registry.storageFor(ipAddresses).create(registry.system(), "", ipAddress(ip, service));
      return true;
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      // Left by an attempt to make this very service, or made by another server's at this moment: the service's own
      // key decides between them.
      return isOf(registry.get(ipAddresses, undefined, ip), service);
    }
  }

  /** Gives an address back, unless the service of that name holds it now. */
  async release(ip: string, service: Service): Promise<void> {
    const registry = this.#registry();
    const { namespace, name = "" } = service.metadata ?? {};
    const current = registry.get(services, namespace, name);
    if (current !== undefined && addressesOf(current).includes(ip)) return;
    const held = registry.get(ipAddresses, undefined, ip);
    if (held === undefined || !isOf(held, service)) return;
    await this.#remove(held);
  }

  /**
   * Makes what is missing for services, removes what was left behind `olderThan` (milliseconds since the epoch): a
   * younger one may belong to a service that is being made. Upstream: the IPAddress repair loop.
   */
  async repair(inRange: (ip: string) => boolean, olderThan: number): Promise<void> {
    const registry = this.#registry();
    for (const service of registry.list(services)) {
      for (const ip of addressesOf(service)) {
        if (inRange(ip) && registry.get(ipAddresses, undefined, ip) === undefined) await this.claim(ip, service);
      }
    }
    for (const address of registry.list(ipAddresses)) {
      if (address.metadata?.labels?.[MANAGED_BY_LABEL] !== MANAGED_BY) continue;
      if (Date.parse(address.metadata.creationTimestamp ?? "") > olderThan) continue;
      const { namespace, name } = address.spec?.parentRef ?? { namespace: "", name: "" };
      const parent = registry.get(services, namespace, name);
      if (parent === undefined || !addressesOf(parent).includes(address.metadata.name ?? "")) {
        await this.#remove(address);
      }
    }
  }

  async #remove(address: IPAddress): Promise<void> {
    const registry = this.#registry();
    const { name = "", uid = "" } = address.metadata ?? {};
    try {
      await registry.storageFor(ipAddresses).delete(registry.system(), "", name, { preconditions: { uid } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

/** The cluster IPs a service has; "None" is none. */
export function addressesOf({ spec }: Service): string[] {
  return (spec?.clusterIPs ?? []).filter((ip) => ip !== "None" && ip !== "");
}

function ipAddress(ip: string, service: Service): IPAddress {
  const { namespace = "", name = "" } = service.metadata ?? {};
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "IPAddress",
    metadata: {
      name: ip,
      labels: { [FAMILY_LABEL]: ip.includes(":") ? "IPv6" : "IPv4", [MANAGED_BY_LABEL]: MANAGED_BY },
    },
    spec: { parentRef: { group: "", resource: "services", namespace, name } },
  };
}

function isOf(address: IPAddress | undefined, service: Service): boolean {
  const parent = address?.spec?.parentRef;
  return (
    parent?.resource === "services" &&
    parent.namespace === service.metadata?.namespace &&
    parent.name === service.metadata?.name
  );
}
