import type { NodeInfo } from "../framework/node-info.ts";
import type { FilterPlugin, ScorePlugin } from "../framework/plugin.ts";
import type { PodInfo } from "../framework/pod-info.ts";
import type { Status } from "../framework/status.ts";
import { NAMES } from "./names.ts";
import { DEFAULT_STRATEGY, resourceScorer } from "./resource-scoring.ts";
import type { ScoringStrategy } from "./resource-scoring.ts";

export interface Insufficient {
  readonly reason: string;
  /** The node would be too small even if it were empty: eviction does not help. */
  readonly unresolvable: boolean;
}

/** What the node lacks for the pod; empty: it fits. */
export function insufficientResources(
  { requests }: PodInfo,
  node: NodeInfo,
  ignored: (resource: string) => boolean = () => false,
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
    if (!ignored(name)) check(name, asked, allocatable.scalar.get(name) ?? 0, requested.scalar.get(name) ?? 0);
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

/** Whether the node has room for what the pod asks for; compares nodes by a scoring strategy, LeastAllocated by default. */
export function nodeResourcesFit(args: NodeResourcesFitArgs = {}): FilterPlugin & ScorePlugin {
  const score = resourceScorer(args.scoringStrategy ?? DEFAULT_STRATEGY);
  return {
    name: NAMES.nodeResourcesFit,
    events: ["NodeAdd", "NodeAllocatableChange", "AssignedPodDelete", "AssignedPodUpdate", "PodUpdate"],
    filter(_state, pod, node): Status | undefined {
      if (fits(pod, node)) return undefined;
      const lacking = insufficientResources(pod, node, args.ignored);
      if (lacking.length === 0) return undefined;
      return {
        code: lacking.some(({ unresolvable }) => unresolvable) ? "UnschedulableAndUnresolvable" : "Unschedulable",
        reasons: lacking.map(({ reason }) => reason),
      };
    },
    score: (_state, pod, node) => score(pod, node),
  };
}
