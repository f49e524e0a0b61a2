// What an object counts for in ResourceQuotas. Admission books it, the quota controller recounts it: one rule for both.
// Rules: https://kubernetes.io/docs/concepts/policy/resource-quotas/
import { podLimits, podRequests } from "../pods.ts";
import { maxResources, Quantity, type ResourceAmounts } from "../quantity.ts";
import type { KubeObject } from "../object.ts";

type Texts = Record<string, string | number>;

interface PodLike extends KubeObject {
  spec?: Parameters<typeof podRequests>[0];
  status?: { phase?: string };
}

interface ServiceLike extends KubeObject {
  spec?: {
    type?: string;
    ports?: readonly { nodePort?: number }[];
    allocateLoadBalancerNodePorts?: boolean;
  };
}

interface ClaimLike extends KubeObject {
  spec?: { storageClassName?: string; resources?: { requests?: Texts } };
  status?: { allocatedResources?: Texts };
}

interface DeviceRequestLike {
  deviceClassName: string;
  allocationMode?: string;
  count?: number;
}

interface ResourceClaimLike extends KubeObject {
  spec?: {
    devices?: {
      requests?: readonly { exactly?: DeviceRequestLike; firstAvailable?: readonly DeviceRequestLike[] }[];
    };
  };
}

/** Amounts by the names that a quota's spec.hard uses. */
export type QuotaUsage = Map<string, Quantity>;

const ONE = Quantity.parse("1");
const COMPUTE = new Set(["cpu", "memory", "ephemeral-storage"]);
/** As many devices a claim may hold at most: what "All" is counted as. */
const MOST_DEVICES = 32;

/** Resources that are quotaed under their own name, and as count/NAME. */
const COUNTED_BY_NAME = new Set(["configmaps", "secrets", "replicationcontrollers", "resourcequotas"]);

/** "pods", "deployments.apps": the resource whose objects a name of spec.hard counts; undefined for a name of none. */
export function quotaedResource(name: string): string | undefined {
  if (name.startsWith("count/")) return name.slice("count/".length);
  if (COUNTED_BY_NAME.has(name)) return name;
  if (name === "services" || name === "services.nodeports" || name === "services.loadbalancers") return "services";
  if (name === "persistentvolumeclaims" || name === "requests.storage") return "persistentvolumeclaims";
  if (/.\.storageclass\.storage\.k8s\.io\/(persistentvolumeclaims|requests\.storage)$/.test(name))
    return "persistentvolumeclaims";
  if (/.\.deviceclass\.resource\.k8s\.io\/devices$/.test(name)) return "resourceclaims.resource.k8s.io";
  const compute = name.replace(/^(requests|limits)\./, "");
  if (name === "pods" || COMPUTE.has(compute)) return "pods";
  if (/^(requests\.)?hugepages-/.test(name)) return "pods";
  return name.startsWith("requests.") && isExtendedResource(compute) ? "pods" : undefined;
}

/** A resource of somebody's own: its name has a domain, and not Kubernetes'. */
function isExtendedResource(name: string): boolean {
  return name.includes("/") && !/(^|\.)kubernetes\.io\//.test(name) && !name.startsWith("requests.");
}

/** What an object counts for; `now` in ms decides on pods that outlived their deletion. Pure. */
export function quotaUsage(groupResource: string, object: KubeObject, now: number): QuotaUsage {
  const usage: QuotaUsage = new Map([[`count/${groupResource}`, ONE]]);
  switch (groupResource) {
    case "pods":
      if (holdsCompute(object, now)) podUsage(object, usage);
      break;
    case "services":
      serviceUsage(object, usage);
      break;
    case "persistentvolumeclaims":
      claimUsage(object, usage);
      break;
    case "resourceclaims.resource.k8s.io":
      deviceUsage(object, usage);
      break;
    default:
      if (COUNTED_BY_NAME.has(groupResource)) usage.set(groupResource, ONE);
  }
  return usage;
}

/** Ended pods, and those that should be gone by now, hold nothing but their place in the count of objects. */
function holdsCompute({ status, metadata }: PodLike, now: number): boolean {
  if (status?.phase === "Succeeded" || status?.phase === "Failed") return false;
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata ?? {};
  if (deletionTimestamp === undefined || deletionGracePeriodSeconds === undefined) return true;
  return now <= Date.parse(deletionTimestamp) + deletionGracePeriodSeconds * 1000;
}

function podUsage({ spec }: PodLike, usage: QuotaUsage): void {
  usage.set("pods", ONE);
  for (const [name, quantity] of Object.entries(podRequests(spec))) {
    if (COMPUTE.has(name) || name.startsWith("hugepages-")) {
      usage.set(name, quantity);
      usage.set(`requests.${name}`, quantity);
    } else if (isExtendedResource(name)) usage.set(`requests.${name}`, quantity);
  }
  for (const [name, quantity] of Object.entries(podLimits(spec)))
    if (COMPUTE.has(name)) usage.set(`limits.${name}`, quantity);
}

function serviceUsage({ spec }: ServiceLike, usage: QuotaUsage): void {
  usage.set("services", ONE);
  const ports = spec?.ports ?? [];
  if (spec?.type === "NodePort") usage.set("services.nodeports", Quantity.fromNumber(ports.length));
  if (spec?.type !== "LoadBalancer") return;
  usage.set("services.loadbalancers", ONE);
  const allocated =
    spec.allocateLoadBalancerNodePorts === false ? ports.filter(({ nodePort }) => (nodePort ?? 0) !== 0) : ports;
  usage.set("services.nodeports", Quantity.fromNumber(allocated.length));
}

function claimUsage({ spec, status, metadata }: ClaimLike, usage: QuotaUsage): void {
  usage.set("persistentvolumeclaims", ONE);
  const className = metadata?.annotations?.["volume.beta.kubernetes.io/storage-class"] ?? spec?.storageClassName ?? "";
  const own = className === "" ? undefined : `${className}.storageclass.storage.k8s.io`;
  if (own !== undefined) usage.set(`${own}/persistentvolumeclaims`, ONE);
  const storage = larger(spec?.resources?.requests?.["storage"], status?.allocatedResources?.["storage"]);
  if (storage === undefined) return;
  usage.set("requests.storage", storage);
  if (own !== undefined) usage.set(`${own}/requests.storage`, storage);
}

/** What is asked for, or what an expansion under way has taken already. */
function larger(asked: string | number | undefined, allocated: string | number | undefined): Quantity | undefined {
  if (asked === undefined) return undefined;
  const request = Quantity.parse(asked);
  if (allocated === undefined) return request;
  const held = Quantity.parse(allocated);
  return held.cmp(request) > 0 ? held : request;
}

/** Devices by class; of alternatives the dearest of each class. */
function deviceUsage({ spec }: ResourceClaimLike, usage: QuotaUsage): void {
  const devices = ({ allocationMode, count }: DeviceRequestLike): Quantity =>
    Quantity.fromNumber(allocationMode === "All" ? MOST_DEVICES : (count ?? 1));
  for (const { exactly, firstAvailable } of spec?.devices?.requests ?? []) {
    const asked: ResourceAmounts = {};
    for (const each of firstAvailable ?? (exactly === undefined ? [] : [exactly]))
      maxResources(asked, { [each.deviceClassName]: devices(each) });
    for (const [deviceClass, amount] of Object.entries(asked)) {
      const name = `${deviceClass}.deviceclass.resource.k8s.io/devices`;
      usage.set(name, usage.get(name)?.add(amount) ?? amount);
    }
  }
}

/** `after` without `before`: what a change adds (or, below zero, gives back). */
export function usageDifference(after: QuotaUsage, before: QuotaUsage): QuotaUsage {
  const delta: QuotaUsage = new Map();
  const zero = Quantity.parse("0");
  for (const name of new Set([...after.keys(), ...before.keys()])) {
    const change = (after.get(name) ?? zero).sub(before.get(name) ?? zero);
    if (!change.isZero()) delta.set(name, change);
  }
  return delta;
}
