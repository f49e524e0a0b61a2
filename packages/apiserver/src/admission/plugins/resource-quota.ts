import type { PersistentVolumeClaim, Pod, ResourceQuota, Service } from "@knots/api/core/v1";
import { resourceQuotas } from "@knots/api/core/v1";
import { Quantity, newForbidden, podLimits, podQOSClass, podRequests } from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import type { Registry } from "../../registry/registry.ts";
import { groupResource } from "../../registry/keys.ts";
import type { AdmissionAttributes, AdmissionPlugin, AdmissionUndo } from "../types.ts";

type Usage = Map<string, Quantity>;

const ONE = Quantity.parse("1");
const COMPUTE = new Set(["cpu", "memory", "ephemeral-storage"]);

/** What an object counts for, by quota resource name. */
export function usageOf(
  attributes: Pick<AdmissionAttributes, "group" | "resource">,
  object: KubeObject | undefined,
): Usage {
  const usage: Usage = new Map();
  if (object === undefined) return usage;
  usage.set(`count/${groupResource(attributes)}`, ONE);
  if (attributes.group !== "") return usage;
  switch (attributes.resource) {
    case "pods":
      podUsage(object as Pod, usage);
      break;
    case "services":
      serviceUsage(object as Service, usage);
      break;
    case "persistentvolumeclaims":
      claimUsage(object as PersistentVolumeClaim, usage);
      break;
    case "configmaps":
    case "secrets":
    case "replicationcontrollers":
    case "resourcequotas":
      usage.set(attributes.resource, ONE);
      break;
    default:
  }
  return usage;
}

function podUsage(pod: Pod, usage: Usage): void {
  const phase = pod.status?.phase;
  // Ended pods hold nothing but their place in the object count.
  if (phase === "Succeeded" || phase === "Failed" || pod.spec === undefined) return;
  usage.set("pods", ONE);
  for (const [name, quantity] of entries(podRequests(pod.spec))) {
    if (COMPUTE.has(name)) usage.set(name, quantity);
    usage.set(`requests.${name}`, quantity);
  }
  for (const [name, quantity] of entries(podLimits(pod.spec)))
    if (COMPUTE.has(name)) usage.set(`limits.${name}`, quantity);
}

function serviceUsage({ spec }: Service, usage: Usage): void {
  usage.set("services", ONE);
  const ports = Quantity.parse(String((spec?.ports ?? []).length));
  if (spec?.type === "NodePort") usage.set("services.nodeports", ports);
  if (spec?.type === "LoadBalancer") {
    usage.set("services.loadbalancers", ONE);
    if (spec.allocateLoadBalancerNodePorts !== false) usage.set("services.nodeports", ports);
  }
}

function claimUsage({ spec, metadata }: PersistentVolumeClaim, usage: Usage): void {
  usage.set("persistentvolumeclaims", ONE);
  const className = metadata?.annotations?.["volume.beta.kubernetes.io/storage-class"] ?? spec?.storageClassName ?? "";
  const { storage } = spec?.resources?.requests ?? {};
  if (className !== "") usage.set(`${className}.storageclass.storage.k8s.io/persistentvolumeclaims`, ONE);
  if (storage === undefined) return;
  usage.set("requests.storage", Quantity.parse(storage));
  if (className !== "") usage.set(`${className}.storageclass.storage.k8s.io/requests.storage`, Quantity.parse(storage));
}

/** Books what a request would use in the namespace's quotas before it is made; refuses what does not fit. */
export class ResourceQuotaPlugin implements AdmissionPlugin {
  readonly name = "ResourceQuota";
  readonly #registry: () => Registry;

  constructor(registry: () => Registry) {
    this.#registry = registry;
  }

  handles({ operation, subresource, namespace, objects, resource }: AdmissionAttributes): boolean {
    if (namespace === "" || (subresource !== "" && !(resource === "pods" && subresource === "resize"))) return false;
    if (operation !== "CREATE" && operation !== "UPDATE") return false;
    return resource !== "events" && resource !== "resourcequotas" && objects.list(resourceQuotas, namespace).length > 0;
  }

  async validate(attributes: AdmissionAttributes): Promise<AdmissionUndo | undefined> {
    const delta = difference(usageOf(attributes, attributes.object), usageOf(attributes, attributes.oldObject));
    const undos: AdmissionUndo[] = [];
    for (const quota of attributes.objects.list(resourceQuotas, attributes.namespace)) {
      if (!inScope(quota, attributes)) continue;
      requireCompute(quota, attributes);
      const relevant = [...delta].filter(([name]) => quota.spec?.hard?.[name] !== undefined);
      if (relevant.length === 0) continue;
      undos.push(await this.#book(quota, relevant, attributes));
    }
    if (undos.length === 0) return undefined;
    return async () => {
      for (const undo of undos) await undo();
    };
  }

  async #book(
    quota: ResourceQuota,
    delta: readonly [string, Quantity][],
    attributes: AdmissionAttributes,
  ): Promise<AdmissionUndo> {
    const { name = "", namespace = "" } = quota.metadata ?? {};
    const add = async (sign: 1 | -1): Promise<void> => {
      const registry = this.#registry();
      await registry.storageFor(resourceQuotas).update(
        { ...registry.system("status"), dryRun: attributes.dryRun },
        {
          namespace,
          name,
          forceUnconditional: true,
          retryOnConflict: true,
          transform(current) {
            const next = structuredClone(current) as ResourceQuota & { metadata: object };
            const used = { ...next.status?.used };
            const hard = next.status?.hard ?? next.spec?.hard ?? {};
            if (sign === 1) checkFits(attributes, name, hard, used, delta);
            for (const [resource, quantity] of delta) {
              const before = Quantity.parse(used[resource] ?? "0");
              used[resource] = (sign === 1 ? before.add(quantity) : before.sub(quantity)).toString();
            }
            next.status = { ...next.status, hard, used };
            return next;
          },
        },
      );
    };
    await add(1);
    return () => add(-1);
  }
}

function checkFits(
  attributes: AdmissionAttributes,
  quota: string,
  hard: Record<string, string>,
  used: Record<string, string>,
  delta: readonly [string, Quantity][],
): void {
  const exceeded = delta
    .filter(([name, quantity]) => {
      const limit = hard[name];
      if (limit === undefined || quantity.cmp(Quantity.parse("0")) <= 0) return false;
      return (
        Quantity.parse(used[name] ?? "0")
          .add(quantity)
          .cmp(Quantity.parse(limit)) > 0
      );
    })
    .sort(([a], [b]) => (a < b ? -1 : 1));
  if (exceeded.length === 0) return;
  const list = (value: (name: string, quantity: Quantity) => string): string =>
    exceeded.map(([name, quantity]) => `${name}=${value(name, quantity)}`).join(",");
  throw newForbidden(
    attributes,
    attributes.object?.metadata?.name ?? attributes.name,
    `exceeded quota: ${quota}, requested: ${list((_name, quantity) => quantity.toString())}, ` +
      `used: ${list((name) => used[name] ?? "0")}, limited: ${list((name) => hard[name] ?? "0")}`,
  );
}

/** A quota on CPU or memory obliges every container to say how much it needs. */
function requireCompute(quota: ResourceQuota, attributes: AdmissionAttributes): void {
  if (attributes.resource !== "pods" || attributes.group !== "" || attributes.operation !== "CREATE") return;
  const missing: string[] = [];
  for (const name of Object.keys(quota.spec?.hard ?? {}).sort()) {
    const [kind, resource] = name.startsWith("limits.")
      ? ["limits", name.slice(7)]
      : ["requests", name.replace(/^requests\./, "")];
    if (resource === undefined || !COMPUTE.has(resource)) continue;
    const { spec } = attributes.object as Pod;
    const without = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])]
      .filter(
        ({ resources }) => (kind === "limits" ? resources?.limits : resources?.requests)?.[resource] === undefined,
      )
      .map((container) => container.name);
    if (without.length > 0) missing.push(`${name} for: ${without.join(",")}`);
  }
  if (missing.length > 0) {
    throw newForbidden(
      attributes,
      attributes.object?.metadata?.name ?? attributes.name,
      `failed quota: ${quota.metadata?.name ?? ""}: must specify ${missing.join("; ")}`,
    );
  }
}

function inScope({ spec }: ResourceQuota, attributes: AdmissionAttributes): boolean {
  const selectors = [
    ...(spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: "Exists", values: [] as string[] })),
    ...(spec?.scopeSelector?.matchExpressions ?? []),
  ];
  if (selectors.length === 0) return true;
  if (attributes.resource !== "pods" || attributes.group !== "") return false;
  const pod = attributes.object as Pod;
  return selectors.every(({ scopeName, operator, values }) => podInScope(pod, scopeName, operator, values ?? []));
}

function podInScope(pod: Pod, scope: string, operator: string, values: readonly string[]): boolean {
  const terminating = (pod.spec?.activeDeadlineSeconds ?? -1) >= 0;
  switch (scope) {
    case "Terminating":
      return terminating;
    case "NotTerminating":
      return !terminating;
    case "BestEffort":
      return podQOSClass(pod) === "BestEffort";
    case "NotBestEffort":
      return podQOSClass(pod) !== "BestEffort";
    case "PriorityClass": {
      const name = pod.spec?.priorityClassName ?? "";
      if (operator === "Exists") return name !== "";
      if (operator === "DoesNotExist") return name === "";
      return values.includes(name) === (operator === "In");
    }
    default:
      return false;
  }
}

function difference(after: Usage, before: Usage): Usage {
  const delta: Usage = new Map();
  for (const name of new Set([...after.keys(), ...before.keys()])) {
    const zero = Quantity.parse("0");
    const change = (after.get(name) ?? zero).sub(before.get(name) ?? zero);
    if (!change.isZero()) delta.set(name, change);
  }
  return delta;
}

function entries(quantities: Map<string, Quantity> | Record<string, Quantity>): [string, Quantity][] {
  return quantities instanceof Map ? [...quantities] : Object.entries(quantities);
}
