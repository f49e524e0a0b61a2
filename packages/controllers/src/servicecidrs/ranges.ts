// Ranges of cluster IPs: what lies in what. Pure.
import { BlockList, isIP } from "node:net";
import type { IPAddress, ServiceCIDR } from "@knots/api/networking/v1";

export const FINALIZER = "networking.k8s.io/service-cidr-finalizer";

interface Range {
  readonly address: string;
  readonly length: number;
  readonly family: "ipv4" | "ipv6";
  readonly block: BlockList;
}

const parsed = new Map<string, Range | undefined>();

/** Undefined for text that is no CIDR. */
function parse(cidr: string): Range | undefined {
  if (parsed.has(cidr)) return parsed.get(cidr);
  const [address = "", prefix = ""] = cidr.split("/");
  const version = isIP(address);
  const length = Number(prefix);
  let range: Range | undefined;
  if (
    version !== 0 &&
    prefix !== "" &&
    Number.isInteger(length) &&
    length >= 0 &&
    length <= (version === 4 ? 32 : 128)
  ) {
    const family = version === 4 ? "ipv4" : "ipv6";
    const block = new BlockList();
    block.addSubnet(address, length, family);
    range = { address, length, family, block };
  }
  parsed.set(cidr, range);
  return range;
}

export function contains(cidr: string, ip: string): boolean {
  const range = parse(cidr);
  const family = isIP(ip) === 4 ? "ipv4" : "ipv6";
  return range !== undefined && isIP(ip) !== 0 && range.family === family && range.block.check(ip, family);
}

/** Whether the outer range holds every address of the inner one. */
function covers(outer: string, inner: string): boolean {
  const [large, small] = [parse(outer), parse(inner)];
  return large !== undefined && small !== undefined && large.length <= small.length && contains(outer, small.address);
}

export function overlap(a: string, b: string): boolean {
  return covers(a, b) || covers(b, a);
}

const MANAGED_BY = "ipaddress.kubernetes.io/managed-by";

/**
 * Whether no address would be left without a range: each that an allocator gave out of this one lies in another that stays
 * (upstream: canDeleteCIDR).
 */
export function canBeDeleted(
  range: ServiceCIDR,
  ranges: readonly ServiceCIDR[],
  addresses: readonly IPAddress[],
): boolean {
  const staying = ranges
    .filter(({ metadata }) => metadata?.name !== range.metadata?.name && metadata?.deletionTimestamp === undefined)
    .flatMap(({ spec }) => spec?.cidrs ?? []);
  return (range.spec?.cidrs ?? []).every((cidr) => {
    if (staying.some((other) => covers(other, cidr))) return true;
    return addresses.every(({ metadata }) => {
      const ip = metadata?.name ?? "";
      if (metadata?.labels?.[MANAGED_BY] !== "ipallocator.k8s.io" || !contains(cidr, ip)) return true;
      return staying.some((other) => contains(other, ip));
    });
  });
}
