import type { DeviceClass } from "@knots/api/resource/v1";
import { DEVICE_CLASS_RESOURCE_PREFIX } from "@knots/machinery";
import type { NodeInfo } from "../framework/node-info.ts";
import type { FilterPlugin, ScorePlugin } from "../framework/plugin.ts";
import type { PodInfo } from "../framework/pod-info.ts";
import type { Status } from "../framework/status.ts";
import type { DeviceTotalsOf } from "./dynamic-resources/device-totals.ts";
import { NAMES } from "./names.ts";
import { DEFAULT_STRATEGY, resourceScorer } from "./resource-scoring.ts";
import type { ScoringStrategy } from "./resource-scoring.ts";

export interface Insufficient {
  readonly reason: string;
  /** The node would be too small even if it were empty: eviction does not help. */
  readonly unresolvable: boolean;
}

/**
 * What the node lacks for the pod; empty: it fits. `ignored`: who else looks after a resource on a node that has `total` of
 * it by what its device plug-ins say.
 */
export function insufficientResources(
  { requests }: PodInfo,
  node: NodeInfo,
  ignored: (resource: string, total: number) => boolean = () => false,
): Insufficient[] {
  const result: Insufficient[] = [];
  if (node.pods.size + 1 > node.allowedPods) result.push({ reason: "Too many pods", unresolvable: false });
  const { allocatable, requested } = node;
  const check = (name: string, asked: number, total: number, used: number): void => {
    if (asked > 0 && asked > total - used) result.push({ reason: `Insufficient ${name}`, unresolvable: asked > total });
  };
  check("cpu", requests.milliCPU, allocatable.milliCPU, requested.milliCPU);
  check("memory", requests.memory, allocatable.memory, requested.memory);
  check("ephemeral-storage", requests.ephemeralStorage, allocatable.ephemeralStorage, requested.ephemeralStorage);
  for (const [name, asked] of requests.scalar) {
    const total = allocatable.scalar.get(name) ?? 0;
    if (!ignored(name, total)) check(name, asked, total, requested.scalar.get(name) ?? 0);
  }
  return result;
}

/** Whether it fits, at the price of a few comparisons: asked of every node for every pod. */
function fits({ requests }: PodInfo, { pods, allowedPods, allocatable, requested }: NodeInfo): boolean {
  return (
    pods.size < allowedPods &&
    (requests.milliCPU === 0 || requests.milliCPU <= allocatable.milliCPU - requested.milliCPU) &&
    (requests.memory === 0 || requests.memory <= allocatable.memory - requested.memory) &&
    (requests.ephemeralStorage === 0 ||
      requests.ephemeralStorage <= allocatable.ephemeralStorage - requested.ephemeralStorage) &&
    requests.scalar.size === 0
  );
}

/** What is configured of it (NodeResourcesFitArgs). */
export interface NodeResourcesFitArgs {
  readonly scoringStrategy?: ScoringStrategy;
  /** Extended resources that are not checked: an extender looks after them. */
  readonly ignored?: (resource: string) => boolean;
}

/** What it asks of dynamic resources: which extended resources are devices, and how many of them there are. */
export interface DevicesOfResources {
  readonly classOfResource: (resource: string) => DeviceClass | undefined;
  readonly totalsOf: DeviceTotalsOf;
}

/** Whether the node has room for what the pod asks for; compares nodes by a scoring strategy, LeastAllocated by default. */
export function nodeResourcesFit(
  args: NodeResourcesFitArgs = {},
  devices?: DevicesOfResources,
): FilterPlugin & ScorePlugin {
  const score = resourceScorer(args.scoringStrategy ?? DEFAULT_STRATEGY, devices?.totalsOf);
  const ignored = (resource: string, total: number): boolean =>
    args.ignored?.(resource) === true ||
    // DynamicResources looks for devices where no device plug-in offers any (KEP-5004).
    (total === 0 && devices?.classOfResource(resource) !== undefined);
  return {
    name: NAMES.nodeResourcesFit,
    events: [
      "NodeAdd",
      "NodeAllocatableChange",
      "AssignedPodDelete",
      "AssignedPodUpdate",
      "PodUpdate",
      "DeviceClassChange",
    ],
    hint: (pod, event, old, current) =>
      event !== "DeviceClassChange" ||
      classHelps(pod, old as DeviceClass | undefined, current as DeviceClass | undefined),
    filter(_state, pod, node): Status | undefined {
      if (fits(pod, node)) return undefined;
      const lacking = insufficientResources(pod, node, ignored);
      if (lacking.length === 0) return undefined;
      return {
        code: lacking.some(({ unresolvable }) => unresolvable) ? "UnschedulableAndUnresolvable" : "Unschedulable",
        reasons: lacking.map(({ reason }) => reason),
      };
    },
    score: (_state, pod, node) => score(pod, node),
  };
}

/** Whether what the pod asks for has become devices. Pure. */
export function classHelps(
  { requests }: PodInfo,
  old: DeviceClass | undefined,
  current: DeviceClass | undefined,
): boolean {
  if (current === undefined) return false;
  const resource = current.spec.extendedResourceName;
  if (old === undefined && requests.scalar.has(`${DEVICE_CLASS_RESOURCE_PREFIX}${current.metadata?.name ?? ""}`))
    return true;
  return resource !== undefined && resource !== old?.spec.extendedResourceName && requests.scalar.has(resource);
}
