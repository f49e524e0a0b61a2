// Where node ports answer (--nodeport-addresses).
import { contains, isIPv4, network } from "./ipv4.ts";

/** `primary` alone, or networks. */
export type NodePortAddresses = readonly string[];

export const PRIMARY: NodePortAddresses = ["primary"];

/** Throws with upstream's rule when `specs` is not of its form. Pure. */
export function checkNodePortAddresses(specs: NodePortAddresses): void {
  if (specs.length === 1 && specs[0] === "primary") return;
  for (const spec of specs) {
    if (spec === "primary") throw new Error('--nodeport-addresses: "primary" stands alone');
    if (network(spec) === undefined && !spec.includes(":"))
      throw new Error(
        `--nodeport-addresses: ${JSON.stringify(spec)} is neither "primary" nor a network such as 10.0.0.0/8`,
      );
  }
}

/**
 * The addresses of this node that `specs` name; undefined: all of them. `addresses`: the node's IPv4 addresses.
 * 127.0.0.0/8 never, whatever is asked: nftables cannot serve it. Pure.
 */
export function nodePortIPs(
  specs: NodePortAddresses,
  nodeIP: string,
  addresses: readonly string[],
): readonly string[] | undefined {
  if (specs.length === 0 || specs.includes("primary")) return isIPv4(nodeIP) ? [nodeIP] : [];
  const networks = specs.flatMap((spec) => network(spec) ?? []);
  if (networks.includes("0.0.0.0/0")) return undefined;
  return [...new Set(addresses)]
    .filter((ip) => !contains("127.0.0.0/8", ip) && networks.some((each) => contains(each, ip)))
    .toSorted();
}
