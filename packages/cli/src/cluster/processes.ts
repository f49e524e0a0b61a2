// Which processes a cluster is made of, and with what flags: a pure function of its spec.
import { join } from "node:path";
import { threadsArgv } from "../threads/command.ts";
import type { ThreadSpec } from "../threads/component-thread.ts";
import { NODE_ENV, NODE_FLAGS } from "./node-flags.ts";
import type { ClusterPaths } from "./paths.ts";
import {
  bridgeAddress,
  CLUSTER_DOMAIN,
  controlPlaneAddress,
  DNS_PORT,
  DNS_SERVICE_IP,
  ETCD_PEER_PORT,
  ETCD_PORT,
  KUBELET_PORT,
  nodeAddress,
  POD_CIDR,
  SERVICE_CIDR,
  SIMULATED_POD_CIDR,
  type ClusterSpec,
  type NodeSpec,
} from "./spec.ts";

/** One process that the supervisor keeps running. */
export interface ProcessSpec {
  /** `apiserver`, `node-1`, …: the name of its log and pid file. */
  readonly name: string;
  /** The components in it, each with a log of its own; a process that is one component has its name alone. */
  readonly components: readonly string[];
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** The network namespace's file it runs in; undefined: that of the supervisor. */
  readonly netns: string | undefined;
}

export interface ProcessTools {
  /** The Node binary and the bundle's path. */
  readonly node: string;
  readonly entry: string;
  readonly egressPort: number;
  readonly dnsForwardPort: number;
}

export function processesOf(spec: ClusterSpec, paths: ClusterPaths, tools: ProcessTools): ProcessSpec[] {
  if (spec.simulation !== undefined) {
    return [...controlPlane(spec, paths, tools, undefined), simulatedNodes(paths, tools, spec.simulation)];
  }
  const first = spec.nodes.find((node) => node.index === 1);
  if (first === undefined) return [];
  return [
    ...controlPlane(spec, paths, tools, paths.node(first.name).netns),
    ...spec.nodes.filter((node) => !node.stopped).flatMap((node) => nodeProcesses(spec, paths, tools, node)),
  ];
}

function controlPlane(
  spec: ClusterSpec,
  paths: ClusterPaths,
  tools: ProcessTools,
  netns: string | undefined,
): ProcessSpec[] {
  const simulated = spec.simulation !== undefined;
  const pki = (file: string): string => join(paths.pki, file);
  const kubeconfig = (file: string): string => join(paths.kubeconfigs, `${file}.kubeconfig`);
  const thread = (name: string, flags: readonly string[]): ThreadSpec => ({ name, argv: [name, ...flags] });
  const address = controlPlaneAddress(spec);
  // On the machine's own addresses ports may be taken: nobody needs these, and the API server listens to this machine alone.
  const unserved = simulated ? ["--secure-port=0"] : [];
  return [
    ...(spec.store === "etcd" ? [etcdProcess(paths, netns)] : []),
    {
      name: "apiserver",
      components: ["apiserver"],
      argv: [
        tools.node,
        ...NODE_FLAGS.clusterServer,
        tools.entry,
        "apiserver",
        `--data-dir=${paths.store}`,
        ...(spec.store === "etcd"
          ? [
              `--etcd-servers=${ETCD_URL}`,
              `--etcd-cafile=${pki("etcd-ca.crt")}`,
              `--etcd-certfile=${pki("apiserver-etcd-client.crt")}`,
              `--etcd-keyfile=${pki("apiserver-etcd-client.key")}`,
            ]
          : []),
        `--secure-port=${spec.apiPort}`,
        `--bind-address=${simulated ? address : "0.0.0.0"}`,
        `--advertise-address=${address}`,
        `--service-cluster-ip-range=${SERVICE_CIDR}`,
        `--client-ca-file=${pki("ca.crt")}`,
        `--tls-cert-file=${pki("apiserver.crt")}`,
        `--tls-private-key-file=${pki("apiserver.key")}`,
        `--service-account-signing-key-file=${pki("sa.key")}`,
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        `--kubelet-client-certificate=${pki("apiserver-kubelet-client.crt")}`,
        `--kubelet-client-key=${pki("apiserver-kubelet-client.key")}`,
        `--kubelet-certificate-authority=${pki("ca.crt")}`,
      ],
      env: NODE_ENV,
      netns,
    },
    together(
      "control-plane",
      paths,
      tools,
      netns,
      [
        thread("controller-manager", [
          `--kubeconfig=${kubeconfig("controller-manager")}`,
          `--cluster-cidr=${simulated ? SIMULATED_POD_CIDR : POD_CIDR}`,
          "--node-cidr-mask-size=24",
          `--root-ca-file=${pki("ca.crt")}`,
          `--service-account-private-key-file=${pki("sa.key")}`,
          `--cluster-signing-cert-file=${pki("ca.crt")}`,
          `--cluster-signing-key-file=${pki("ca.key")}`,
          "--leader-elect=false",
          ...unserved,
        ]),
        thread("scheduler", [`--kubeconfig=${kubeconfig("scheduler")}`, "--leader-elect=false", ...unserved]),
        // Simulated containers ask for no names.
        ...(simulated
          ? []
          : [
              thread("dns", [
                `--kubeconfig=${kubeconfig("dns")}`,
                `--bind-address=${address}`,
                `--port=${DNS_PORT}`,
                `--cluster-domain=${CLUSTER_DOMAIN}`,
                `--upstream=${bridgeAddress(spec)}:${tools.dnsForwardPort}`,
              ]),
            ]),
      ],
      simulated ? NODE_FLAGS.large : NODE_FLAGS.small,
    ),
  ];
}

// By name: a certificate is checked against the name that the client says it wants.
const ETCD_URL = `https://localhost:${ETCD_PORT}`;

/** One member, for the API server alone: it listens on the first node's loopback and knows its callers by certificate. */
function etcdProcess(paths: ClusterPaths, netns: string | undefined): ProcessSpec {
  const client = `https://127.0.0.1:${ETCD_PORT}`;
  const peer = `https://127.0.0.1:${ETCD_PEER_PORT}`;
  const certificates = (prefix: string): string[] => [
    `--${prefix}cert-file=${join(paths.pki, "etcd-server.crt")}`,
    `--${prefix}key-file=${join(paths.pki, "etcd-server.key")}`,
    `--${prefix}trusted-ca-file=${join(paths.pki, "etcd-ca.crt")}`,
    `--${prefix}client-cert-auth`,
  ];
  return {
    name: "etcd",
    components: ["etcd"],
    argv: [
      "etcd",
      "--name=etcd",
      `--data-dir=${paths.etcd}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=etcd=${peer}`,
      ...certificates(""),
      ...certificates("peer-"),
      "--logger=zap",
      "--log-level=warn",
    ],
    env: {},
    netns,
  };
}

/** One process for components that need little: the runtime's code is in memory once. */
function together(
  name: string,
  paths: ClusterPaths,
  tools: ProcessTools,
  netns: string | undefined,
  threads: readonly ThreadSpec[],
  flags: readonly string[] = NODE_FLAGS.small,
): ProcessSpec {
  return {
    name,
    components: threads.map((thread) => thread.name),
    argv: [tools.node, ...flags, tools.entry, ...threadsArgv(paths.logs, threads)],
    env: NODE_ENV,
    netns,
  };
}

function simulatedNodes(
  paths: ClusterPaths,
  tools: ProcessTools,
  { nodes, kubeletPort }: NonNullable<ClusterSpec["simulation"]>,
): ProcessSpec {
  const pki = (file: string): string => join(paths.pki, file);
  return {
    name: "simulated-nodes",
    components: ["simulated-nodes"],
    argv: [
      tools.node,
      ...NODE_FLAGS.large,
      tools.entry,
      "kubelet",
      `--simulate=${nodes}`,
      `--kubeconfig=${join(paths.kubeconfigs, "simulated-nodes.kubeconfig")}`,
      "--node-ip=127.0.0.1",
      `--port=${kubeletPort}`,
      `--tls-cert-file=${pki("simulated-nodes-server.crt")}`,
      `--tls-private-key-file=${pki("simulated-nodes-server.key")}`,
      `--client-ca-file=${pki("ca.crt")}`,
    ],
    env: NODE_ENV,
    netns: undefined,
  };
}

/** Pods in the host's network have its hostname, too: the node's, not the machine's. The command keeps the process. */
function withHostname(hostname: string, argv: readonly string[]): string[] {
  return ["unshare", "--uts", "--", "sh", "-c", 'hostname "$0" && exec "$@"', hostname, ...argv];
}

function nodeProcesses(spec: ClusterSpec, paths: ClusterPaths, tools: ProcessTools, node: NodeSpec): ProcessSpec[] {
  const files = paths.node(node.name);
  const address = nodeAddress(spec, node);
  const pki = (file: string): string => join(paths.pki, file);
  const proxy = `http://${bridgeAddress(spec)}:${tools.egressPort}`;
  return [
    {
      name: `containerd-${node.name}`,
      components: [`containerd-${node.name}`],
      argv: withHostname(node.name, ["containerd", "--config", files.containerdConfig]),
      // The node has no way out of its own; image pulls go through the supervisor's proxy on the bridge.
      env: {
        HTTP_PROXY: proxy,
        HTTPS_PROXY: proxy,
        NO_PROXY: `10.89.0.0/16,${SERVICE_CIDR},${POD_CIDR},localhost,127.0.0.1,.svc,.cluster.local`,
      },
      netns: files.netns,
    },
    together(node.name, paths, tools, files.netns, [
      {
        name: `kubelet-${node.name}`,
        argv: [
          "kubelet",
          `--kubeconfig=${join(paths.kubeconfigs, `kubelet-${node.name}.kubeconfig`)}`,
          `--hostname-override=${node.name}`,
          `--node-ip=${address}`,
          `--root-dir=${files.kubeletRoot}`,
          `--pod-manifest-path=${files.manifests}`,
          `--pod-logs-dir=${files.podLogs}`,
          `--container-runtime-endpoint=unix://${files.containerdSocket}`,
          `--cluster-dns=${DNS_SERVICE_IP}`,
          `--cluster-domain=${CLUSTER_DOMAIN}`,
          `--cgroup-root=/knots/${spec.name}/${node.name}`,
          `--port=${KUBELET_PORT}`,
          `--tls-cert-file=${pki(`kubelet-${node.name}-server.crt`)}`,
          `--tls-private-key-file=${pki(`kubelet-${node.name}-server.key`)}`,
          `--client-ca-file=${pki("ca.crt")}`,
        ],
      },
      {
        name: `kube-proxy-${node.name}`,
        argv: [
          "node-network",
          `--kubeconfig=${join(paths.kubeconfigs, "proxy.kubeconfig")}`,
          `--node-kubeconfig=${join(paths.kubeconfigs, `kubelet-${node.name}.kubeconfig`)}`,
          `--hostname-override=${node.name}`,
          `--node-ip=${address}`,
          `--cluster-cidr=${POD_CIDR}`,
          `--cni-conf-dir=${files.cniConf}`,
          `--cni-data-dir=${files.cniData}`,
          `--network-name=knots-${spec.name}-${node.name}`,
        ],
      },
    ]),
  ];
}
