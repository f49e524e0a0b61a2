import { CelError } from "../errors.ts";
import { fn, method } from "../functions.ts";
import type { Functions } from "../functions.ts";
import { BOOL, INT, STRING, opaque } from "../types.ts";
import type { CelType } from "../types.ts";
import { CelObject } from "../values.ts";
import type { Value } from "../values.ts";
import { formatIP, maskIP, parseIP, sameIP } from "./ip-address.ts";
import type { IPAddress } from "./ip-address.ts";

export const IP = opaque<IPValue>("net.IP");
export const CIDR = opaque<CIDRValue>("net.CIDR");

export class IPValue extends CelObject {
  readonly address: IPAddress;
  constructor(address: IPAddress) {
    super();
    this.address = address;
  }
  get type(): CelType {
    return IP;
  }
  equals(other: Value): boolean {
    return other instanceof IPValue && sameIP(this.address, other.address);
  }
  override toString(): string {
    return formatIP(this.address);
  }
}

export class CIDRValue extends CelObject {
  readonly address: IPAddress;
  readonly length: number;
  constructor(address: IPAddress, length: number) {
    super();
    this.address = address;
    this.length = length;
  }
  get type(): CelType {
    return CIDR;
  }
  equals(other: Value): boolean {
    return other instanceof CIDRValue && other.length === this.length && sameIP(this.address, other.address);
  }
  contains(other: IPAddress): boolean {
    return sameIP(maskIP(this.address, this.length), maskIP(other, this.length));
  }
  override toString(): string {
    return `${formatIP(this.address)}/${this.length}`;
  }
}

function ip(text: string): IPValue {
  const address = parseIP(text);
  if (typeof address === "string") {
    throw new CelError(`IP Address ${JSON.stringify(text)} parse error during conversion from string: ${address}`);
  }
  return new IPValue(address);
}

function parseCIDR(text: string): CIDRValue | string {
  const match = /^(.*)\/(0|[1-9]\d{0,2})$/.exec(text);
  if (match === null) return `netip.ParsePrefix(${JSON.stringify(text)}): no '/'`;
  const address = parseIP(match[1] ?? "");
  if (typeof address === "string") return address;
  const length = Number(match[2]);
  if (length > address.bytes.length * 8) return "prefix length out of range";
  return new CIDRValue(address, length);
}

function cidr(text: string): CIDRValue {
  const value = parseCIDR(text);
  if (typeof value === "string") {
    throw new CelError(`network address parse error during conversion from string: ${value}`);
  }
  return value;
}

const containsCIDR = (outer: CIDRValue, inner: CIDRValue): boolean =>
  outer.length <= inner.length && outer.contains(inner.address);

const is4 = ({ address }: IPValue): boolean => address.bytes.length === 4;
const first = ({ address }: IPValue): number => address.bytes[0] ?? 0;
const second = ({ address }: IPValue): number => address.bytes[1] ?? 0;
const zerosThen = (value: IPValue, last: number): boolean =>
  value.address.bytes.every((byte, i, all) => byte === (i === all.length - 1 ? last : 0));
const isUnspecified = (value: IPValue): boolean => zerosThen(value, 0);
const isLoopback = (value: IPValue): boolean => (is4(value) ? first(value) === 127 : zerosThen(value, 1));
const isLinkLocalMulticast = (value: IPValue): boolean =>
  is4(value)
    ? first(value) === 224 && second(value) === 0 && value.address.bytes[2] === 0
    : first(value) === 0xff && (second(value) & 0x0f) === 0x02;
const isLinkLocalUnicast = (value: IPValue): boolean =>
  is4(value) ? first(value) === 169 && second(value) === 254 : first(value) === 0xfe && (second(value) & 0xc0) === 0x80;
const isMulticast = (value: IPValue): boolean => (is4(value) ? first(value) >> 4 === 14 : first(value) === 0xff);
const isGlobalUnicast = (value: IPValue): boolean =>
  !isUnspecified(value) &&
  !isLoopback(value) &&
  !isMulticast(value) &&
  !isLinkLocalUnicast(value) &&
  !(is4(value) && value.address.bytes.every((byte) => byte === 255));

export const networks: Functions = {
  isIP: [fn("is_ip", [STRING], BOOL, (text) => typeof parseIP(text) !== "string")],
  "ip.isCanonical": [fn("ip_is_canonical", [STRING], BOOL, (text) => ip(text).toString() === text)],
  ip: [fn("string_to_ip", [STRING], IP, ip), method("cidr_ip", [CIDR], IP, ({ address }) => new IPValue(address))],
  family: [method("ip_family", [IP], INT, (value) => (is4(value) ? 4n : 6n))],
  isUnspecified: [method("ip_is_unspecified", [IP], BOOL, isUnspecified)],
  isLoopback: [method("ip_is_loopback", [IP], BOOL, isLoopback)],
  isLinkLocalMulticast: [method("ip_is_link_local_multicast", [IP], BOOL, isLinkLocalMulticast)],
  isLinkLocalUnicast: [method("ip_is_link_local_unicast", [IP], BOOL, isLinkLocalUnicast)],
  isGlobalUnicast: [method("ip_is_global_unicast", [IP], BOOL, isGlobalUnicast)],
  cidr: [fn("string_to_cidr", [STRING], CIDR, cidr)],
  isCIDR: [fn("is_cidr", [STRING], BOOL, (text) => typeof parseCIDR(text) !== "string")],
  containsIP: [
    method("cidr_contains_ip_string", [CIDR, STRING], BOOL, (outer, text) => outer.contains(ip(text).address)),
    method("cidr_contains_ip_ip", [CIDR, IP], BOOL, (outer, { address }) => outer.contains(address)),
  ],
  containsCIDR: [
    method("cidr_contains_cidr_string", [CIDR, STRING], BOOL, (outer, text) => containsCIDR(outer, cidr(text))),
    method("cidr_contains_cidr", [CIDR, CIDR], BOOL, containsCIDR),
  ],
  masked: [
    method("cidr_masked", [CIDR], CIDR, ({ address, length }) => new CIDRValue(maskIP(address, length), length)),
  ],
  prefixLength: [method("cidr_prefix_length", [CIDR], INT, ({ length }) => BigInt(length))],
  string: [fn("ip_to_string", [IP], STRING, String), fn("cidr_to_string", [CIDR], STRING, String)],
};
