import { isIP } from "node:net";

/** An IP address by its bytes; no zones, no IPv4 inside IPv6, no leading zeros: what upstream takes. */
export interface IPAddress {
  readonly bytes: readonly number[];
}

export function parseIP(text: string): IPAddress | string {
  const version = isIP(text);
  if (version === 0) return "unable to parse IP";
  if (text.includes("%")) return "IPv6 address with zone value is not allowed";
  if (version === 4) return { bytes: text.split(".").map(Number) };
  const bytes = parseIPv6(text);
  if (bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff) {
    return "IPv4-mapped IPv6 address is not allowed";
  }
  return { bytes };
}

/** `text` is known to be an IPv6 address. */
function parseIPv6(text: string): number[] {
  const words = (part: string): number[] =>
    part === ""
      ? []
      : part.split(":").flatMap((word) => {
          if (!word.includes(".")) return [Number.parseInt(word, 16)];
          const [a = 0, b = 0, c = 0, d = 0] = word.split(".").map(Number);
          return [a * 256 + b, c * 256 + d];
        });
  const [head = "", tail] = text.split("::");
  const start = words(head);
  const end = tail === undefined ? [] : words(tail);
  const zeros: number[] = tail === undefined ? [] : Array.from({ length: 8 - start.length - end.length }, () => 0);
  return [...start, ...zeros, ...end].flatMap((word) => [word >> 8, word & 255]);
}

/** The canonical text (RFC 5952). */
export function formatIP({ bytes }: IPAddress): string {
  if (bytes.length === 4) return bytes.join(".");
  const words = Array.from({ length: 8 }, (_, i) => (bytes[2 * i] ?? 0) * 256 + (bytes[2 * i + 1] ?? 0));
  let best = { start: -1, length: 1 };
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (i + length < 8 && words[i + length] === 0) length++;
    if (length > best.length) best = { start: i, length };
  }
  const text = (from: number, to: number): string =>
    words
      .slice(from, to)
      .map((word) => word.toString(16))
      .join(":");
  return best.start < 0 ? text(0, 8) : `${text(0, best.start)}::${text(best.start + best.length, 8)}`;
}

/** The address with everything after the first `length` bits cleared. */
export function maskIP({ bytes }: IPAddress, length: number): IPAddress {
  return {
    bytes: bytes.map((byte, i) => {
      const bits = Math.min(8, Math.max(0, length - 8 * i));
      return byte & (0xff << (8 - bits)) & 0xff;
    }),
  };
}

export const sameIP = (a: IPAddress, b: IPAddress): boolean =>
  a.bytes.length === b.bytes.length && a.bytes.every((byte, i) => byte === b.bytes[i]);
