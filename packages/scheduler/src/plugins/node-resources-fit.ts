import type { NodeInfo } from "../framework/node-info.ts";
import { MAX_NODE_SCORE } from "../framework/plugin.ts";
import type { FilterPlugin, ScorePlugin } from "../framework/plugin.ts";
import type { PodInfo } from "../framework/pod-info.ts";
import type { Status } from "../framework/status.ts";
import { NAMES } from "./names.ts";

export interface Insufficient {
  readonly reason: string;
  /** The node would be too small even if it were empty: eviction does not help. */
  readonly unresolvable: boolean;
}

/** What the node lacks for the pod; empty: it fits. */
export function insufficientResources({ requests }: PodInfo, node: NodeInfo): Insufficient[] {
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
    check(name, asked, allocatable.scalar.get(name) ?? 0, requested.scalar.get(name) ?? 0);
  }
  return result;
}

function leastAllocated(asked: number, total: number): number {
  return asked > total ? 0 : Math.floor(((total - asked) * MAX_NODE_SCORE) / total);
}

/** Whether the node has room for what the pod asks for; prefers nodes with more room left (LeastAllocated). */
export const nodeResourcesFit: FilterPlugin & ScorePlugin = {
  name: NAMES.nodeResourcesFit,
  events: ["NodeAdd", "NodeAllocatableChange", "AssignedPodDelete", "AssignedPodUpdate", "PodUpdate"],
  filter(_state, pod, node): Status | undefined {
    const lacking = insufficientResources(pod, node);
    if (lacking.length === 0) return undefined;
    return {
      code: lacking.some(({ unresolvable }) => unresolvable) ? "UnschedulableAndUnresolvable" : "Unschedulable",
      reasons: lacking.map(({ reason }) => reason),
    };
  },
  score(_state, { nonZero }, { allocatable, nonZeroRequested }) {
    let sum = 0;
    let weights = 0;
    for (const resource of ["milliCPU", "memory"] as const) {
      const total = allocatable[resource];
      if (total === 0) continue;
      sum += leastAllocated(nonZeroRequested[resource] + nonZero[resource], total);
      weights++;
    }
    return weights === 0 ? 0 : Math.floor(sum / weights);
  },
};
