// What an object counts for in ResourceQuotas. Admission books it, the quota controller recounts it: one rule for both.
// Rules: https://kubernetes.io/docs/concepts/policy/resource-quotas/
import { DEVICE_CLASS_RESOURCE_PREFIX, isDeviceResourceName, podOfExtendedClaim } from "../extended-resources.ts";
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
const ZERO = Quantity.parse("0");
const COMPUTE = new Set(["cpu", "memory", "ephemeral-storage"]);
/** As many devices a claim may hold at most: what "All" is counted as. */
const MOST_DEVICES = 32;

/** Resources that are quotaed under their own name, and as count/NAME. */
const COUNTED_BY_NAME = new Set(["configmaps", "secrets", "replicationcontrollers", "resourcequotas"]);

const CLAIMS = "resourceclaims.resource.k8s.io";
const DEVICES = ".deviceclass.resource.k8s.io/devices";

/** What must be known beside a claim to count it. */
export interface DeviceContext {
  /** `spec.extendedResourceName` of a DeviceClass. */
  readonly resourceOf: (className: string) => string | undefined;
  /** The pod that has asked for the claim's devices by extended resources, and is counted for them: see payingPod. */
  readonly podOf: (claim: KubeObject) => KubeObject | undefined;
}

const NO_DEVICES: DeviceContext = { resourceOf: () => undefined, podOf: () => undefined };

/**
 * The resources whose objects a name of spec.hard counts. `isDevices`: whether an extended resource is devices of some class:
 * then claims on that class are counted as well as pods (KEP-5004).
 */
export function quotaedResources(name: string, isDevices: (resource: string) => boolean): readonly string[] {
  const resource = quotaedResource(name);
  if (resource === undefined) return [];
  const asked = name.slice("requests.".length);
  const also =
    resource === "pods" &&
    isDeviceResourceName(asked) &&
    (asked.startsWith(DEVICE_CLASS_RESOURCE_PREFIX) || isDevices(asked));
  return also ? [resource, CLAIMS] : [resource];
}

/** "pods", "deployments.apps": the resource whose objects a name of spec.hard counts first; undefined for a name of none. */
export function quotaedResource(name: string): string | undefined {
  if (name.startsWith("count/")) return name.slice("count/".length);
  if (COUNTED_BY_NAME.has(name)) return name;
  if (name === "services" || name === "services.nodeports" || name === "services.loadbalancers") return "services";
  if (name === "persistentvolumeclaims" || name === "requests.storage") return "persistentvolumeclaims";
  if (/.\.storageclass\.storage\.k8s\.io\/(persistentvolumeclaims|requests\.storage)$/.test(name))
    return "persistentvolumeclaims";
  if (name.endsWith(DEVICES) && name !== DEVICES) return CLAIMS;
  const compute = name.replace(/^(requests|limits)\./, "");
  if (name === "pods" || COMPUTE.has(compute)) return "pods";
  if (/^(requests\.)?hugepages-/.test(name)) return "pods";
  return name.startsWith("requests.") && isDeviceResourceName(compute) ? "pods" : undefined;
}

/** What an object counts for; `now` in ms decides on pods that outlived their deletion. Pure. */
export function quotaUsage(
  groupResource: string,
  object: KubeObject,
  now: number,
  devices: DeviceContext = NO_DEVICES,
): QuotaUsage {
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
    case CLAIMS:
      deviceUsage(object, usage);
      extendedUsage(object, usage, now, devices);
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
    } else if (isDeviceResourceName(name)) usage.set(`requests.${name}`, quantity);
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
      const name = `${deviceClass}${DEVICES}`;
      usage.set(name, usage.get(name)?.add(amount) ?? amount);
    }
  }
}

/** The same devices as the extended resources that they are, less what the claim's pod is counted for already. */
function extendedUsage(claim: KubeObject, usage: QuotaUsage, now: number, { resourceOf, podOf }: DeviceContext): void {
  const extended: QuotaUsage = new Map();
  for (const [name, amount] of usage) {
    if (!name.endsWith(DEVICES)) continue;
    const className = name.slice(0, -DEVICES.length);
    const resource = resourceOf(className);
    for (const each of [`${DEVICE_CLASS_RESOURCE_PREFIX}${className}`, ...(resource === undefined ? [] : [resource])])
      extended.set(`requests.${each}`, extended.get(`requests.${each}`)?.add(amount) ?? amount);
  }
  if (extended.size === 0) return;
  const pod = podOf(claim);
  const paid: QuotaUsage = pod === undefined ? new Map() : quotaUsage("pods", pod, now);
  for (const [name, amount] of extended) {
    const rest = amount.sub(paid.get(name) ?? ZERO);
    if (rest.cmp(ZERO) > 0) usage.set(name, rest);
  }
}

interface ExtendedPod extends KubeObject {
  status?: { extendedResourceClaimStatus?: { resourceClaimName?: string } };
}

/**
 * The pod for whose extended resources a claim was made, where both agree on it. As long as the pod does not name its claim
 * only the first that says so is its claim: nobody gets devices for nothing by writing an annotation.
 */
export function payingPod(
  claim: KubeObject,
  podNamed: (name: string) => ExtendedPod | undefined,
  claimsOfNamespace: () => readonly KubeObject[],
): KubeObject | undefined {
  const owner = podOfExtendedClaim(claim);
  const pod = owner === undefined ? undefined : podNamed(owner.name);
  if (owner === undefined || pod === undefined || pod.metadata?.uid !== owner.uid) return undefined;
  const named = pod.status?.extendedResourceClaimStatus;
  if (named !== undefined) return named.resourceClaimName === claim.metadata?.name ? pod : undefined;
  const earlier = claimsOfNamespace().some(
    (other) => podOfExtendedClaim(other)?.uid === owner.uid && isEarlier(other, claim),
  );
  return earlier ? undefined : pod;
}

function isEarlier({ metadata: a }: KubeObject, { metadata: b }: KubeObject): boolean {
  const [left, right] = [a?.creationTimestamp ?? "", b?.creationTimestamp ?? ""];
  return left === right ? (a?.name ?? "") < (b?.name ?? "") : left < right;
}

/** `after` without `before`: what a change adds (or, below zero, gives back). */
export function usageDifference(after: QuotaUsage, before: QuotaUsage): QuotaUsage {
  const delta: QuotaUsage = new Map();
  for (const name of new Set([...after.keys(), ...before.keys()])) {
    const change = (after.get(name) ?? ZERO).sub(before.get(name) ?? ZERO);
    if (!change.isZero()) delta.set(name, change);
  }
  return delta;
}
