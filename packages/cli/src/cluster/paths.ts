// Where a cluster keeps what. Everything is below its data directory, so removing that removes the cluster.
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { UserError } from "../user-error.ts";

/** Folders and files of one node. */
export interface NodePaths {
  readonly root: string;
  readonly containerdRoot: string;
  readonly containerdState: string;
  readonly containerdConfig: string;
  readonly containerdSocket: string;
  readonly kubeletRoot: string;
  readonly podLogs: string;
  readonly manifests: string;
  readonly cniConf: string;
  readonly cniData: string;
  readonly netns: string;
}

/** Folders and files of one cluster. */
export interface ClusterPaths {
  readonly dataDir: string;
  readonly specFile: string;
  readonly pki: string;
  readonly kubeconfigs: string;
  readonly adminKubeconfig: string;
  readonly store: string;
  /** etcd's data, where it is the store. */
  readonly etcd: string;
  readonly run: string;
  readonly logs: string;
  readonly supervisorSocket: string;
  node(name: string): NodePaths;
}

/** The folder all clusters live in unless --data-dir says otherwise. */
export function defaultDataDir(clusterName: string): string {
  const base = process.env["XDG_DATA_HOME"] ?? join(homedir(), ".local", "share");
  return join(base, "knots", clusterName);
}

/** What images and packages are kept in between clusters. */
export function cacheDir(): string {
  return join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "knots");
}

export function clusterPaths(clusterName: string, dataDir?: string): ClusterPaths {
  const base = resolve(dataDir ?? defaultDataDir(clusterName));
  const run = join(base, "run");
  const paths: ClusterPaths = {
    dataDir: base,
    specFile: join(base, "cluster.json"),
    pki: join(base, "pki"),
    kubeconfigs: join(base, "kubeconfig"),
    adminKubeconfig: join(base, "kubeconfig", "admin.kubeconfig"),
    store: join(base, "store"),
    etcd: join(base, "etcd"),
    run,
    logs: join(base, "logs"),
    supervisorSocket: join(run, "supervisor.sock"),
    node(name) {
      const root = join(base, "nodes", name);
      const state = join(run, name);
      return {
        root,
        containerdRoot: join(root, "containerd"),
        containerdState: join(state, "containerd"),
        containerdConfig: join(state, "containerd.toml"),
        containerdSocket: join(state, "containerd.sock"),
        kubeletRoot: join(root, "kubelet"),
        podLogs: join(root, "pod-logs"),
        manifests: join(root, "manifests"),
        cniConf: join(root, "cni", "net.d"),
        cniData: join(state, "cni"),
        netns: join("/run/netns", `knots-${clusterName}-${name}`),
      };
    },
  };
  // A unix socket's path holds 107 bytes; containerd's shims fail in unclear ways past it.
  const longest = paths.node("node-100").containerdSocket;
  if (Buffer.byteLength(`${longest}.ttrpc`) > 107) {
    throw new UserError(
      `${base} is too long for unix sockets (their paths hold 107 bytes); choose a shorter --data-dir.`,
    );
  }
  return paths;
}

/** The network namespace's name of a node. */
export function netnsName(clusterName: string, nodeName: string): string {
  return `knots-${clusterName}-${nodeName}`;
}
