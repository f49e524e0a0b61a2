// What a cluster on this machine is made of: the one file the command line writes and the supervisor follows.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { UserError } from "../user-error.ts";

/** One node of the cluster; `index` gives it its address and interface names and is never used twice at a time. */
export interface NodeSpec {
  readonly name: string;
  readonly index: number;
  readonly stopped: boolean;
}

/** The desired state of a cluster, kept in `cluster.json`. */
export interface ClusterSpec {
  readonly name: string;
  /** The third byte of the nodes' network 10.89.SUBNET.0/24. */
  readonly subnet: number;
  readonly apiPort: number;
  /** The ports on the bridge's address through which nodes reach registries and name servers. */
  readonly egressPort: number;
  readonly dnsForwardPort: number;
  /** What the API server keeps everything in: its own embedded store, or an etcd beside it on the first node. */
  readonly store: "lmdb" | "etcd";
  /** Empty where all nodes are simulated. */
  readonly nodes: readonly NodeSpec[];
  /** Nodes without containers, in one process; such a cluster has no network of its own and needs no root. */
  readonly simulation?: { readonly nodes: number; readonly kubeletPort: number };
  /** The kubeconfig file that `up` merged the context into; `down` takes it out there. */
  readonly kubeconfig: string;
  /** False between the first line of `up` and its last: an interrupted one is completed by the next. */
  readonly complete: boolean;
}

export const SERVICE_CIDR = "10.96.0.0/16";
export const POD_CIDR = "10.244.0.0/16";
/** Addresses that no packet ever bears; room for 16,384 nodes. */
export const SIMULATED_POD_CIDR = "100.64.0.0/10";
export const DNS_SERVICE_IP = "10.96.0.10";
export const CLUSTER_DOMAIN = "cluster.local";
/** The DNS server's port on the control-plane node; the kube-dns Service maps 53 to it. */
export const DNS_PORT = 10053;
export const KUBELET_PORT = 10250;
/** etcd's ports, on the loopback of the first node. */
export const ETCD_PORT = 2379;
export const ETCD_PEER_PORT = 2380;
/** Ports of a node that its parts listen on: no API server may be put there. */
export const TAKEN_PORTS: Readonly<Record<number, string>> = {
  [DNS_PORT]: "the DNS server's",
  [KUBELET_PORT]: "the kubelet's",
  [ETCD_PORT]: "etcd's",
  [ETCD_PEER_PORT]: "etcd's",
  10257: "the controller manager's",
  10259: "the scheduler's",
};

/** A node's address on the cluster's bridge. */
export function nodeAddress(spec: Pick<ClusterSpec, "subnet">, node: Pick<NodeSpec, "index">): string {
  return `10.89.${spec.subnet}.${node.index + 1}`;
}

/** The bridge's address: the host, as the nodes see it. */
export function bridgeAddress(spec: Pick<ClusterSpec, "subnet">): string {
  return `10.89.${spec.subnet}.1`;
}

/** Where the control plane listens: the first node's address; the loopback address where nothing but this machine needs it. */
export function controlPlaneAddress(spec: Pick<ClusterSpec, "subnet" | "simulation">): string {
  return spec.simulation === undefined ? nodeAddress(spec, { index: 1 }) : "127.0.0.1";
}

/** Where the API server answers: the first node's address, reachable from the host over the bridge. */
export function serverUrl(spec: ClusterSpec): string {
  return `https://${controlPlaneAddress(spec)}:${spec.apiPort}`;
}

/** Refuses a name that could not be a context, a namespace and a folder alike. */
export function checkClusterName(name: string): void {
  if (!/^[a-z0-9]([-a-z0-9]{0,28}[a-z0-9])?$/.test(name)) {
    throw new UserError(
      `"${name}" cannot name a cluster: use 1 to 30 lower-case letters, digits and dashes, beginning and ending with a letter or digit.`,
    );
  }
}

/** Reads cluster.json; undefined when there is none. Throws a UserError when it cannot be understood. */
export function readSpec(file: string): ClusterSpec | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    if (code === "EACCES")
      throw new UserError(
        `you may not read ${file}. Run it again as its owner, or give another folder with --data-dir.`,
      );
    throw error;
  }
  try {
    return JSON.parse(text) as ClusterSpec;
  } catch {
    throw new UserError(`${file} is not valid JSON; remove the cluster with "knots down" and start again.`);
  }
}

/** Replaces cluster.json in one step, so that a reader sees the old one or the new one. */
export function writeSpec(file: string, spec: ClusterSpec): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const temporary = join(dirname(file), `.cluster.json.${process.pid}`);
  try {
    writeFileSync(temporary, `${JSON.stringify(spec, null, 2)}\n`, { mode: 0o600 });
    renameSync(temporary, file);
  } finally {
    rmSync(temporary, { force: true });
  }
}
