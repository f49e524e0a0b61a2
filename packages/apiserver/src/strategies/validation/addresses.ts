// Addresses and ranges as upstream validates them (apimachinery/pkg/util/validation/ip.go): what was let in once, with
// leading zeros or with IPv4 in IPv6, is read still, but no new one is let in (StrictIPCIDRValidation, on since v1.36).
import { formatIp } from "../../registry/services/ip-range.ts";
import type { FieldError, FieldPath } from "../field.ts";
import { invalid } from "../field.ts";

export interface Address {
  /** IPv4: 32 bits, an address of IPv4 that is written as one of IPv6 as well. */
  readonly value: bigint;
  readonly family: "IPv4" | "IPv6";
  /** As it would be written today. */
  readonly text: string;
  /** ::ffff:1.2.3.4 */
  readonly mapped: boolean;
  readonly leadingZeros: boolean;
}

export interface Range {
  readonly address: Address;
  /** Bits of its family. */
  readonly length: number;
  /** The range as it would be written today. */
  readonly text: string;
  /** Bits are set behind the prefix. */
  readonly hostBits: boolean;
  readonly leadingZeros: boolean;
}

const MAPPED = 0xffffn << 32n;

/** undefined: no address, however one reads it. */
export function parseAddress(text: string): Address | undefined {
  if (!text.includes(":")) {
    const four = parseFour(text);
    return four === undefined ? undefined : { ...four, family: "IPv4", text: formatIp(four.value, 32), mapped: false };
  }
  const six = parseSix(text);
  if (six === undefined) return undefined;
  const { value, leadingZeros } = six;
  if (value >> 32n === MAPPED >> 32n) {
    const four = value & 0xffffffffn;
    return { value: four, family: "IPv4", text: formatIp(four, 32), mapped: true, leadingZeros };
  }
  return { value, family: "IPv6", text: formatIp(value, 128), mapped: false, leadingZeros };
}

function parseFour(text: string): { value: bigint; leadingZeros: boolean } | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let value = 0n;
  for (const part of parts) {
    if (!/^\d{1,9}$/.test(part) || Number(part) > 255) return undefined;
    value = (value << 8n) | BigInt(part);
  }
  return { value, leadingZeros: parts.some((part) => part.length > 1 && part.startsWith("0")) };
}

function parseSix(text: string): { value: bigint; leadingZeros: boolean } | undefined {
  const tail = text.slice(text.lastIndexOf(":") + 1);
  const four = tail.includes(".") ? parseFour(tail) : undefined;
  if (tail.includes(".") && four === undefined) return undefined;
  const hex = (bits: bigint): string => bits.toString(16);
  const whole =
    four === undefined
      ? text
      : `${text.slice(0, text.length - tail.length)}${hex(four.value >> 16n)}:${hex(four.value & 0xffffn)}`;
  const halves = whole.split("::");
  if (halves.length > 2) return undefined;
  const [head = [], rest = []] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const missing = 8 - head.length - rest.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array.from({ length: missing }, () => "0"), ...rest];
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  const value = groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
  return { value, leadingZeros: four?.leadingZeros === true };
}

/** undefined: no range, however one reads it. */
export function parseRange(text: string): Range | undefined {
  const slash = text.indexOf("/");
  if (slash < 0) return undefined;
  const address = parseAddress(text.slice(0, slash));
  const prefix = text.slice(slash + 1);
  if (address === undefined || !/^\d{1,9}$/.test(prefix)) return undefined;
  const written = Number(prefix);
  const bits = address.family === "IPv4" ? 32 : 128;
  // The prefix of IPv4 in IPv6 counts the 96 bits before.
  const length = address.mapped ? written - 96 : written;
  if (length < 0 || length > bits) return undefined;
  const host = BigInt(bits - length);
  const base = (address.value >> host) << host;
  return {
    address,
    length,
    text: `${formatIp(base, bits)}/${length}`,
    hostBits: base !== address.value,
    leadingZeros: address.leadingZeros || (prefix.length > 1 && prefix.startsWith("0")),
  };
}

const NO_ADDRESS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
const NO_RANGE = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";

const NONE: ReadonlySet<string> = new Set();

/** A field that is older than the strict rules; `known` are values that were there before, and stay. */
export function validateLegacyIp(
  value: string,
  path: FieldPath,
  errors: FieldError[],
  known: ReadonlySet<string> = NONE,
): Address | undefined {
  const address = parseAddress(value);
  if (address === undefined) {
    errors.push(invalid(path, value, NO_ADDRESS));
    return undefined;
  }
  if (known.has(value)) return address;
  if (address.leadingZeros) errors.push(invalid(path, value, "must not have leading 0s"));
  else if (address.mapped) errors.push(invalid(path, value, "must not be an IPv4-mapped IPv6 address"));
  return address;
}

/** A newer field: one spelling only. */
export function validateIp(value: string, path: FieldPath, errors: FieldError[]): Address | undefined {
  const before = errors.length;
  const address = validateLegacyIp(value, path, errors);
  if (errors.length === before && address !== undefined && address.text !== value)
    errors.push(invalid(path, value, `must be in canonical form (${JSON.stringify(address.text)})`));
  return address;
}

export function validateLegacyCidr(
  value: string,
  path: FieldPath,
  errors: FieldError[],
  known: ReadonlySet<string> = NONE,
): Range | undefined {
  const range = parseRange(value);
  if (range === undefined) {
    errors.push(invalid(path, value, NO_RANGE));
    return undefined;
  }
  if (known.has(value)) return range;
  if (range.leadingZeros) errors.push(invalid(path, value, "must not have leading 0s in IP or prefix length"));
  else if (range.address.mapped) errors.push(invalid(path, value, "must not have an IPv4-mapped IPv6 address"));
  else if (range.hostBits) errors.push(invalid(path, value, "must not have bits set beyond the prefix length"));
  return range;
}

/** A newer field: one spelling only. */
export function validateCidr(value: string, path: FieldPath, errors: FieldError[]): void {
  const before = errors.length;
  const range = validateLegacyCidr(value, path, errors);
  if (errors.length === before && range !== undefined && range.text !== value)
    errors.push(invalid(path, value, `must be in canonical form (${JSON.stringify(range.text)})`));
}

/** Addresses that are nobody's endpoint, nor anything from outside (upstream: ValidateEndpointIP). */
export function validateEndpointIp(value: string, path: FieldPath, errors: FieldError[]): void {
  const address = parseAddress(value);
  if (address === undefined) return void errors.push(invalid(path, value, "must be a valid IP address"));
  const { value: bits, family } = address;
  const four = family === "IPv4";
  const within = (bitsThere: bigint, length: bigint): boolean => bits >> ((four ? 32n : 128n) - length) === bitsThere;
  if (bits === 0n) errors.push(invalid(path, value, `may not be unspecified (${value})`));
  if (four ? within(127n, 8n) : bits === 1n)
    errors.push(invalid(path, value, "may not be in the loopback range (127.0.0.0/8, ::1/128)"));
  if (four ? within(0xa9fen, 16n) : within(0x3fan, 10n))
    errors.push(invalid(path, value, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"));
  if (four ? within(0xe00000n, 24n) : within(0xff02n, 16n))
    errors.push(invalid(path, value, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"));
}

/** `inner` lies within `outer` and is smaller. */
export function isStrictSubset(inner: Range, outer: Range): boolean {
  const { address, length } = outer;
  if (inner.address.family !== address.family || inner.length <= length) return false;
  const host = BigInt((address.family === "IPv4" ? 32 : 128) - length);
  return inner.address.value >> host === address.value >> host;
}
