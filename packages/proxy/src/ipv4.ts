// IPv4 addresses and networks as texts.
import ipaddr from "ipaddr.js";

export function isIPv4(address: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(address);
}

/** A network with its host bits cleared, so that equal ones read equal; undefined for what is no IPv4 network. */
export function network(text: string): string | undefined {
  const cidr = text.trim();
  if (!ipaddr.IPv4.isValidCIDRFourPartDecimal(cidr)) return undefined;
  return `${ipaddr.IPv4.networkAddressFromCIDR(cidr).toString()}/${ipaddr.IPv4.parseCIDR(cidr)[1]}`;
}

export function contains(cidr: string, address: string): boolean {
  return ipaddr.IPv4.parse(address).match(ipaddr.IPv4.parseCIDR(cidr));
}

/** Without those that lie in another one: nft refuses a set of overlapping networks, and with it the whole transaction. */
export function disjoint(networks: readonly string[]): string[] {
  const split = [...new Set(networks)].map((cidr) => ({ cidr, parsed: ipaddr.IPv4.parseCIDR(cidr) }));
  return split.flatMap(({ cidr, parsed: [address, length] }) =>
    split.some((other) => other.parsed[1] < length && address.match(other.parsed)) ? [] : [cidr],
  );
}
