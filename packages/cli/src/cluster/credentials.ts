// Certificates, keys and kubeconfigs of a cluster: made once, kept in the data directory, mode 0600.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { issue, newCA, newServiceAccountKey } from "@knots/machinery/pki/index";
import { writeKubeconfig } from "@knots/client";
import type { ClusterPaths } from "./paths.ts";
import { controlPlaneAddress, nodeAddress, serverUrl, SERVICE_CIDR, type ClusterSpec, type NodeSpec } from "./spec.ts";

interface KeyPair {
  readonly certPem: string;
  readonly keyPem: string;
}

const DAYS = 365;

/** Writes a file in one step, so that a key is there whole or not at all. */
function put(file: string, text: string): void {
  const temporary = `${file}.new`;
  writeFileSync(temporary, text, { mode: 0o600 });
  renameSync(temporary, file);
}

async function keyPair(dir: string, name: string, make: () => Promise<KeyPair>): Promise<KeyPair> {
  const cert = join(dir, `${name}.crt`);
  const key = join(dir, `${name}.key`);
  // The certificate is written last: where it is, its key is.
  if (existsSync(cert)) return { certPem: readFileSync(cert, "utf8"), keyPem: readFileSync(key, "utf8") };
  const made = await make();
  put(key, made.keyPem);
  put(cert, made.certPem);
  return made;
}

/** The first address of the service range: the `kubernetes` Service. */
const KUBERNETES_SERVICE_IP = SERVICE_CIDR.replace(/0\/\d+$/, "1");

/** Makes what is missing of the cluster's own credentials. */
export async function ensureClusterCredentials(spec: ClusterSpec, paths: ClusterPaths): Promise<void> {
  mkdirSync(paths.pki, { recursive: true, mode: 0o700 });
  mkdirSync(paths.kubeconfigs, { recursive: true, mode: 0o700 });
  const ca = await keyPair(paths.pki, "ca", () => newCA("kubernetes"));
  const frontProxyCA = await keyPair(paths.pki, "front-proxy-ca", () => newCA("front-proxy-ca"));
  await keyPair(paths.pki, "front-proxy-client", () =>
    issue({ ca: frontProxyCA, cn: "front-proxy-client", usages: ["client"], days: DAYS }),
  );
  await keyPair(paths.pki, "apiserver", () =>
    issue({
      ca,
      cn: "kube-apiserver",
      dnsNames: [
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        "localhost",
      ],
      ipAddresses: [KUBERNETES_SERVICE_IP, ...new Set(["127.0.0.1", controlPlaneAddress(spec)])],
      usages: ["server"],
      days: DAYS,
    }),
  );
  await keyPair(paths.pki, "apiserver-kubelet-client", () =>
    issue({
      ca,
      cn: "kube-apiserver-kubelet-client",
      organizations: ["system:masters"],
      usages: ["client"],
      days: DAYS,
    }),
  );
  if (spec.store === "etcd") await etcdCredentials(paths);
  const serviceAccountKey = join(paths.pki, "sa.key");
  if (!existsSync(serviceAccountKey)) put(serviceAccountKey, await newServiceAccountKey());
  await user(spec, paths, "admin", "kubernetes-admin", ["system:masters"]);
  await user(spec, paths, "controller-manager", "system:kube-controller-manager");
  await user(spec, paths, "scheduler", "system:kube-scheduler");
  await user(spec, paths, "proxy", "system:kube-proxy");
  await user(spec, paths, "dns", "system:knots:dns");
}

/** A CA of etcd's own, as kubeadm's: a certificate of the cluster opens no door to the store. */
async function etcdCredentials(paths: ClusterPaths): Promise<void> {
  const ca = await keyPair(paths.pki, "etcd-ca", () => newCA("etcd-ca"));
  await keyPair(paths.pki, "etcd-server", () =>
    issue({
      ca,
      cn: "etcd",
      dnsNames: ["localhost"],
      ipAddresses: ["127.0.0.1"],
      usages: ["server", "client"],
      days: DAYS,
    }),
  );
  await keyPair(paths.pki, "apiserver-etcd-client", () =>
    issue({ ca, cn: "kube-apiserver-etcd-client", usages: ["client"], days: DAYS }),
  );
}

/** The identity of the process of all simulated nodes, which writes each of them, and the certificate of its server. */
export async function ensureSimulationCredentials(spec: ClusterSpec, paths: ClusterPaths): Promise<void> {
  await user(spec, paths, "simulated-nodes", "system:knots:simulated-nodes", ["system:masters"]);
  await keyPair(paths.pki, "simulated-nodes-server", () =>
    issue({
      ca: readPair(paths, "ca"),
      cn: "system:knots:simulated-nodes",
      ipAddresses: ["127.0.0.1"],
      usages: ["server"],
      days: DAYS,
    }),
  );
}

/** Makes what is missing of a node's credentials: its API identity and its kubelet's serving certificate. */
export async function ensureNodeCredentials(spec: ClusterSpec, paths: ClusterPaths, node: NodeSpec): Promise<void> {
  await user(spec, paths, `kubelet-${node.name}`, `system:node:${node.name}`, ["system:nodes"]);
  const ca = readPair(paths, "ca");
  await keyPair(paths.pki, `kubelet-${node.name}-server`, () =>
    issue({
      ca,
      cn: `system:node:${node.name}`,
      organizations: ["system:nodes"],
      dnsNames: [node.name],
      ipAddresses: [nodeAddress(spec, node), "127.0.0.1"],
      usages: ["server"],
      days: DAYS,
    }),
  );
}

function readPair(paths: ClusterPaths, name: string): KeyPair {
  return {
    certPem: readFileSync(join(paths.pki, `${name}.crt`), "utf8"),
    keyPem: readFileSync(join(paths.pki, `${name}.key`), "utf8"),
  };
}

async function user(
  spec: ClusterSpec,
  paths: ClusterPaths,
  file: string,
  cn: string,
  organizations: readonly string[] = [],
): Promise<void> {
  const path = join(paths.kubeconfigs, `${file}.kubeconfig`);
  if (existsSync(path)) return;
  const ca = readPair(paths, "ca");
  const pair = await issue({ ca, cn, organizations: [...organizations], usages: ["client"], days: DAYS });
  writeKubeconfig(path, {
    name: `knots-${spec.name}`,
    server: serverUrl(spec),
    ca: ca.certPem,
    cert: pair.certPem,
    key: pair.keyPem,
  });
}
