// The wires between nodes: one bridge a cluster, one network namespace and veth pair a node. Each step asks first, so that it may be repeated.
import { existsSync } from "node:fs";
import { createHash } from "node:crypto";
import { bridgeAddress, nodeAddress, SERVICE_CIDR, type ClusterSpec, type NodeSpec } from "../cluster/spec.ts";
import { netnsName } from "../cluster/paths.ts";
import { UserError } from "../user-error.ts";
import { ipBatch, run } from "./exec.ts";

/** Interface names hold 15 characters: eight of a digest tell clusters apart. */
export function bridgeName(clusterName: string): string {
  return `kn${createHash("sha256").update(clusterName).digest("hex").slice(0, 8)}`;
}

export function vethName(clusterName: string, node: Pick<NodeSpec, "index">): string {
  return `${bridgeName(clusterName)}n${node.index}`;
}

interface Link {
  readonly ifname: string;
}

/** The first 10.89.N.0/24 that no interface and no route of the host touches. */
export async function chooseSubnet(): Promise<number> {
  const text = `${await run("ip", ["-o", "-4", "addr"])}\n${await run("ip", ["-4", "route"])}`;
  for (let subnet = 0; subnet < 255; subnet++) {
    if (!new RegExp(`\\b10\\.89\\.${subnet}\\.`).test(text)) return subnet;
  }
  throw new UserError(
    "every network from 10.89.0.0/24 to 10.89.254.0/24 is in use on this machine; take a cluster down first.",
  );
}

export async function ensureBridge(spec: ClusterSpec): Promise<void> {
  const bridge = bridgeName(spec.name);
  if (!existsSync(`/sys/class/net/${bridge}`)) await ipBatch([`link add ${bridge} type bridge`]);
  await ipBatch([`addr replace ${bridgeAddress(spec)}/24 dev ${bridge}`, `link set ${bridge} up`]);
}

/** Makes a node's namespace and its link to the bridge; what is there already stays. */
export async function ensureNodeNetwork(spec: ClusterSpec, node: NodeSpec): Promise<void> {
  const namespace = netnsName(spec.name, node.name);
  const veth = vethName(spec.name, node);
  const address = nodeAddress(spec, node);
  if (!existsSync(`/run/netns/${namespace}`)) await ipBatch([`netns add ${namespace}`]);
  const inside = JSON.parse((await run("ip", ["-n", namespace, "-j", "link"])) || "[]") as Link[];
  if (!inside.some((link) => link.ifname === "eth0")) {
    if (existsSync(`/sys/class/net/${veth}`)) await ipBatch([`link del ${veth}`]);
    await ipBatch([`link add ${veth} type veth peer name eth0 netns ${namespace}`]);
  }
  await ipBatch([`link set ${veth} master ${bridgeName(spec.name)} up`]);
  await ipBatch(
    [
      "link set lo up",
      `addr replace ${address}/24 dev eth0`,
      "link set eth0 up",
      // A process of the node itself needs some route to a service before the proxy's rules rewrite the destination.
      // On lo, what no rule rewrites goes nowhere.
      `route replace ${SERVICE_CIDR} dev lo src ${address}`,
    ],
    namespace,
  );
  // /proc/sys/net shows the namespace of the process that opens it; nsenter keeps the host's /sys, cgroups included.
  await run("nsenter", [
    `--net=/run/netns/${namespace}`,
    "sh",
    "-c",
    "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter; echo 0 >/proc/sys/net/ipv4/conf/default/rp_filter; echo 0 >/proc/sys/net/ipv4/conf/eth0/rp_filter; echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet",
  ]);
}

export async function removeNodeNetwork(clusterName: string, node: NodeSpec): Promise<void> {
  const namespace = netnsName(clusterName, node.name);
  if (existsSync(`/sys/class/net/${vethName(clusterName, node)}`))
    await ipBatch([`link del ${vethName(clusterName, node)}`]);
  if (existsSync(`/run/netns/${namespace}`)) await ipBatch([`netns del ${namespace}`]);
}

export async function removeBridge(clusterName: string): Promise<void> {
  if (existsSync(`/sys/class/net/${bridgeName(clusterName)}`)) await ipBatch([`link del ${bridgeName(clusterName)}`]);
}
