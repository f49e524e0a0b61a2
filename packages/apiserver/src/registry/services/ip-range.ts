import { BlockList, isIP } from "node:net";

/** An IPv4 or IPv6 range from which Services get their addresses. */
export class IpRange {
  readonly cidr: string;
  readonly family: "IPv4" | "IPv6";
  readonly #base: bigint;
  readonly #bits: number;
  /** Usable addresses: without the network's own, and for IPv4 without the broadcast address. */
  readonly size: number;
  readonly #block = new BlockList();

  /** Throws on text that is no CIDR. */
  constructor(cidr: string) {
    const [address = "", prefix = ""] = cidr.split("/");
    const version = isIP(address);
    const length = Number(prefix);
    if (version === 0 || prefix === "" || !Number.isInteger(length))
      throw new Error(`not a CIDR: ${JSON.stringify(cidr)}`);
    this.cidr = cidr;
    this.family = version === 4 ? "IPv4" : "IPv6";
    this.#bits = version === 4 ? 32 : 128;
    const host = BigInt(this.#bits - length);
    this.#base = (parseIp(address) >> host) << host;
    const total = 1n << (host > 20n ? 20n : host);
    this.size = Math.max(0, Number(total) - (version === 4 ? 2 : 1));
    this.#block.addSubnet(address, length, version === 4 ? "ipv4" : "ipv6");
  }

  contains(ip: string): boolean {
    const version = isIP(ip);
    return version !== 0 && this.#block.check(ip, version === 4 ? "ipv4" : "ipv6");
  }

  /** The inverse of at(); outside 0…size-1 for addresses that are not usable. */
  offsetOf(ip: string): number {
    return Number(parseIp(ip) - this.#base - 1n);
  }

  /** The n-th usable address, from 0; the first one is the `kubernetes` Service's. */
  at(offset: number): string {
    return formatIp(this.#base + 1n + BigInt(offset), this.#bits);
  }
}

/** The text of an address with the length of its network's prefix as it is to be written; undefined where it is none. */
export function canonicalInterfaceAddress(text: string): string | undefined {
  const [address = "", prefix = "", ...rest] = text.split("/");
  const bits = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0;
  if (bits === 0 || rest.length > 0 || !/^(0|[1-9]\d*)$/.test(prefix) || Number(prefix) > bits) return undefined;
  return `${formatIp(parseIp(address), bits)}/${prefix}`;
}

function parseIp(text: string): bigint {
  if (isIP(text) === 4) return text.split(".").reduce((value, part) => (value << 8n) | BigInt(part), 0n);
  const [head = "", tail] = text.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array.from({ length: zeros }, () => "0"), ...right];
  return groups.reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n);
}

/** An address as RFC 5952 has it. */
export function formatIp(value: bigint, bits: number): string {
  if (bits === 32) return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join(".");
  const groups = Array.from({ length: 8 }, (_unused, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  return compress(groups);
}

/** The longest run of zero groups becomes "::". */
function compress(groups: readonly string[]): string {
  let best = { start: -1, length: 1 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === "0") length++;
    if (length > best.length) best = { start, length };
  }
  if (best.start < 0) return groups.join(":");
  const head = groups.slice(0, best.start).join(":");
  const tail = groups.slice(best.start + best.length).join(":");
  return `${head}::${tail}`;
}
