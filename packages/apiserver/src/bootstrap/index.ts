// What every cluster has: namespaces, priority classes, default roles, the kubernetes Service. Each is asked for first, so a killed bootstrap is completed by the next.
import type { KubeObject, ResourceType } from "@knots/machinery";
import { formatTime, isAlreadyExists, isNotFound } from "@knots/machinery";
import { configMaps, endpoints, namespaces, services } from "@knots/api/core/v1";
import { endpointSlices } from "@knots/api/discovery/v1";
import { priorityClasses } from "@knots/api/scheduling/v1";
import type { SecurityDependencies } from "../security.ts";
import { defaultServiceCIDR } from "./default-service-cidr.ts";
import { publishAuthentication } from "./authentication-config.ts";
import { reconcilePolicy } from "./reconcile-policy.ts";

const NAMESPACES = ["default", "kube-system", "kube-public", "kube-node-lease"];

export async function bootstrap(deps: SecurityDependencies): Promise<AsyncDisposable> {
  const { registry } = deps;
  const ensure = async (type: ResourceType, namespace: string, object: KubeObject): Promise<void> => {
    const name = object.metadata?.name ?? "";
    if (registry.get(type, type.namespaced ? namespace : undefined, name) !== undefined) return;
    try {
      await registry.storageFor(type).create(registry.system(), namespace, {
        apiVersion: type.group === "" ? type.version : `${type.group}/${type.version}`,
        kind: type.kind,
        ...object,
      });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  };
  await Promise.all(NAMESPACES.map((name) => ensure(namespaces, "", { metadata: { name } })));
  await reconcilePolicy(registry, ensure);
  await ensure(
    priorityClasses,
    "",
    priorityClass(
      "system-node-critical",
      2_000_001_000,
      "Used for system critical pods that must not be moved from their current node.",
    ),
  );
  await ensure(
    priorityClasses,
    "",
    priorityClass(
      "system-cluster-critical",
      2_000_000_000,
      "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
    ),
  );
  await publishAuthentication(deps);
  // Since when the use of tokens in Secrets is noted: before it has been for a year none is cleaned up.
  await ensure(
    configMaps,
    "kube-system",
    Object.assign(
      { metadata: { name: "kube-apiserver-legacy-service-account-token-tracking", namespace: "kube-system" } },
      { data: { since: formatTime(new Date(deps.clock.now())).slice(0, 10) } },
    ),
  );
  await defaultServiceCIDR(deps, ensure);
  await kubernetesService(deps, ensure);
  return { [Symbol.asyncDispose]: () => Promise.resolve() };
}

function priorityClass(name: string, value: number, description: string): KubeObject {
  return Object.assign({ metadata: { name } }, { value, description });
}

export type Ensure = (type: ResourceType, namespace: string, object: KubeObject) => Promise<void>;

/** default/kubernetes: this very server, by its advertised address. */
async function kubernetesService(deps: SecurityDependencies, ensure: Ensure): Promise<void> {
  const { host, port } = deps.address();
  const labels = { component: "apiserver", provider: "kubernetes" };
  await ensure(
    services,
    "default",
    Object.assign(
      { metadata: { name: "kubernetes", namespace: "default", labels } },
      {
        spec: {
          clusterIP: deps.firstServiceAddress,
          ports: [{ name: "https", port: 443, protocol: "TCP", targetPort: port }],
          sessionAffinity: "None",
          type: "ClusterIP",
        },
      },
    ),
  );
  // A loopback address means another machine to each reader, and Endpoints may not hold one: a server for itself has none.
  if (/^(127\.|::1$)/.test(host)) return;
  const mirror = { "endpointslice.kubernetes.io/skip-mirror": "true" };
  await replace(
    deps,
    endpoints,
    "default",
    Object.assign(
      { metadata: { name: "kubernetes", namespace: "default", labels: mirror } },
      { subsets: [{ addresses: [{ ip: host }], ports: [{ name: "https", port, protocol: "TCP" }] }] },
    ),
    ensure,
  );
  await replace(
    deps,
    endpointSlices,
    "default",
    Object.assign(
      {
        metadata: { name: "kubernetes", namespace: "default", labels: { "kubernetes.io/service-name": "kubernetes" } },
      },
      {
        addressType: host.includes(":") ? "IPv6" : "IPv4",
        endpoints: [{ addresses: [host], conditions: { ready: true } }],
        ports: [{ name: "https", port, protocol: "TCP" }],
      },
    ),
    ensure,
  );
}

/** Makes the object anew when its address is not ours any more. */
async function replace(
  deps: SecurityDependencies,
  type: ResourceType,
  namespace: string,
  object: KubeObject,
  ensure: Ensure,
): Promise<void> {
  const { registry } = deps;
  const name = object.metadata?.name ?? "";
  const current = registry.get(type, namespace, name);
  const { host, port } = deps.address();
  if (current !== undefined) {
    const text = JSON.stringify(current);
    if (text.includes(JSON.stringify(host)) && text.includes(`"port":${port}`)) return;
    try {
      await registry.storageFor(type).delete(registry.system(), namespace, name, {});
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
  await ensure(type, namespace, object);
}
