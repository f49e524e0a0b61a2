/** An address range: `base` is the network address, `bits` 32 or 128. */
export interface CIDR {
  readonly base: bigint;
  readonly prefix: number;
  readonly bits: 32 | 128;
}

function parseIPv4(text: string): bigint | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let value = 0n;
  for (const part of parts) {
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return undefined;
    value = (value << 8n) | BigInt(part);
  }
  return value;
}

function parseIPv6(text: string): bigint | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const words = (half: string): bigint[] | undefined => {
    const result: bigint[] = [];
    for (const word of half === "" ? [] : half.split(":")) {
      if (!/^[0-9a-f]{1,4}$/i.test(word)) return undefined;
      result.push(BigInt(`0x${word}`));
    }
    return result;
  };
  const head = words(halves[0] ?? "");
  const tail = words(halves[1] ?? "");
  if (head === undefined || tail === undefined) return undefined;
  const gap = 8 - head.length - tail.length;
  if (halves.length === 2 ? gap < 1 : gap !== 0) return undefined;
  const all = [...head, ...Array.from({ length: gap }, () => 0n), ...tail];
  return all.reduce((value, word) => (value << 16n) | word, 0n);
}

/** Parses "10.244.0.0/16" or "fd00::/48"; host bits are dropped. Throws on anything else. */
export function parseCIDR(text: string): CIDR {
  const [address = "", length = ""] = text.split("/");
  const bits = address.includes(":") ? 128 : 32;
  const value = bits === 128 ? parseIPv6(address) : parseIPv4(address);
  const prefix = /^\d{1,3}$/.test(length) ? Number(length) : -1;
  if (value === undefined || prefix < 0 || prefix > bits) throw new Error(`invalid CIDR address: ${text}`);
  const host = BigInt(bits - prefix);
  return { base: (value >> host) << host, prefix, bits };
}

function formatIPv6(value: bigint): string {
  const words = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(16 * (7 - i))) & 0xffffn));
  // The longest run of two or more zero words becomes "::" (RFC 5952).
  let best = { start: -1, length: 1 };
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && words[end] === 0) end++;
    if (end - i > best.length) best = { start: i, length: end - i };
  }
  const hex = (part: number[]): string => part.map((word) => word.toString(16)).join(":");
  if (best.start < 0) return hex(words);
  return `${hex(words.slice(0, best.start))}::${hex(words.slice(best.start + best.length))}`;
}

export function formatCIDR({ base, prefix, bits }: CIDR): string {
  const address =
    bits === 128 ? formatIPv6(base) : [24n, 16n, 8n, 0n].map((shift) => (base >> shift) & 0xffn).join(".");
  return `${address}/${prefix}`;
}

export function overlaps(a: CIDR, b: CIDR): boolean {
  if (a.bits !== b.bits) return false;
  const shift = BigInt(a.bits - Math.min(a.prefix, b.prefix));
  return a.base >> shift === b.base >> shift;
}
