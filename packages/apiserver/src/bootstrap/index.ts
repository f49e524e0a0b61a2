// What every cluster has: namespaces, priority classes, default roles, the kubernetes Service. Each is asked for first, so a killed bootstrap is completed by the next.
import type { KubeObject, ResourceType } from "@knots/machinery";
import { hostname } from "node:os";
import { formatTime, isAlreadyExists } from "@knots/machinery";
import { configMaps, namespaces, services } from "@knots/api/core/v1";
import { priorityClasses } from "@knots/api/scheduling/v1";
import type { SecurityDependencies } from "../security.ts";
import { defaultServiceCIDR } from "./default-service-cidr.ts";
import { publishAuthentication } from "./authentication-config.ts";
import { EndpointReconciler } from "./endpoint-reconciler.ts";
import { IdentityLease } from "./identity-lease.ts";
import { reconcilePolicy } from "./reconcile-policy.ts";
import { OnlyServer, StoredServerLeases } from "./server-leases.ts";
import { SYSTEM_PRIORITY_CLASSES } from "../strategies/kinds/policy.ts";

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
  for (const { name, value, description } of SYSTEM_PRIORITY_CLASSES)
    await ensure(priorityClasses, "", priorityClass(name, value, description));
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
  const running = new AsyncDisposableStack();
  const kept = await keepEndpoints(deps);
  if (kept !== undefined) running.use(kept);
  const identity = running.use(
    new IdentityLease({ registry, clock: deps.clock, logger: deps.logger, hostname: hostname() }),
  );
  await identity.start();
  return running;
}

function priorityClass(name: string, value: number, description: string): KubeObject {
  return Object.assign({ metadata: { name } }, { value, description });
}

export type Ensure = (type: ResourceType, namespace: string, object: KubeObject) => Promise<void>;

/** The Service under which pods reach the API servers. */
async function kubernetesService(deps: SecurityDependencies, ensure: Ensure): Promise<void> {
  const { port } = deps.address();
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
}

/** Keeps the addresses of default/kubernetes; undefined where this server has none to tell. */
async function keepEndpoints(deps: SecurityDependencies): Promise<EndpointReconciler | undefined> {
  const { registry, clock, logger, options } = deps;
  const { host, port } = deps.address();
  // A loopback address means another machine to each reader, and Endpoints may not hold one: a server for itself has none.
  if (options.endpointReconcilerType === "none" || /^(127\.|::1$)/.test(host)) return undefined;
  const leases = options.store.shared ? new StoredServerLeases(options.store) : new OnlyServer();
  const reconciler = new EndpointReconciler({ registry, clock, logger, leases, address: host, port });
  await reconciler.start();
  return reconciler;
}
