// Where the kubelet of a node is reached.
import type { Node } from "@knots/api/core/v1";
import { nodes } from "@knots/api/core/v1";
import { newNotFound } from "@knots/machinery";
import type { SecurityDependencies } from "../security.ts";
import { unknownError } from "./dial.ts";
import type { Target } from "./dial.ts";

/** kubeadm's --kubelet-preferred-address-types. */
const PREFERRED = ["InternalIP", "ExternalIP", "Hostname"];

const DEFAULT_PORT = 10250;

/** The first address of the most preferred type; throws with upstream's words when there is none. */
export function nodeAddress(node: Node): string {
  const known = node.status?.addresses ?? [];
  for (const type of PREFERRED) {
    const found = known.find((address) => address.type === type);
    if (found !== undefined) return found.address;
  }
  const list = known.map(({ type, address }) => `{${type} ${address}}`).join(" ");
  throw unknownError(`no preferred addresses found; known addresses: [${list}]`);
}

export function kubeletPort(node: Node): number {
  const port = node.status?.daemonEndpoints?.kubeletEndpoint?.Port ?? 0;
  return port === 0 ? DEFAULT_PORT : port;
}

export function getNode(deps: SecurityDependencies, name: string): Node {
  const node = deps.registry.get<Node>(nodes, undefined, name);
  if (node === undefined) throw newNotFound({ group: "", resource: "nodes" }, name);
  return node;
}

/** The kubelet's HTTPS server, spoken to with the API server's client certificate. */
export function kubeletTarget(deps: SecurityDependencies, nodeName: string, path: string): Target {
  const node = getNode(deps, nodeName);
  const { cert, key } = deps.certificates.kubeletClient;
  const ca = deps.options.kubeletClient?.ca ?? deps.certificates.ca;
  return { scheme: "https", host: nodeAddress(node), port: kubeletPort(node), path, tls: { cert, key, ca } };
}
