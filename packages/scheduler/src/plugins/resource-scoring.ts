import type { NodeInfo } from "../framework/node-info.ts";
import { MAX_NODE_SCORE } from "../framework/plugin.ts";
import type { PodInfo } from "../framework/pod-info.ts";
import type { DeviceTotalsOf } from "./dynamic-resources/device-totals.ts";

export interface ResourceWeight {
  readonly name: string;
  /** 1 to 100. */
  readonly weight: number;
}

/** A point of the function that RequestedToCapacityRatio scores by: utilization 0…100, score 0…10. */
export interface ShapePoint {
  readonly utilization: number;
  readonly score: number;
}

/** How NodeResourcesFit compares nodes: `scoringStrategy` of NodeResourcesFitArgs. */
export interface ScoringStrategy {
  readonly type: "LeastAllocated" | "MostAllocated" | "RequestedToCapacityRatio";
  readonly resources: readonly ResourceWeight[];
  /** Of RequestedToCapacityRatio; utilization grows from point to point. */
  readonly shape?: readonly ShapePoint[];
}

export const DEFAULT_STRATEGY: ScoringStrategy = {
  type: "LeastAllocated",
  resources: [
    { name: "cpu", weight: 1 },
    { name: "memory", weight: 1 },
  ],
};

const MAX_SHAPE_SCORE = 10;

/** Score of one resource, of what would be asked of it and what there is. */
type Rate = (asked: number, total: number) => number;

const leastAllocated: Rate = (asked, total) =>
  asked > total ? 0 : Math.floor(((total - asked) * MAX_NODE_SCORE) / total);

/** More than there is may be asked for where containers without requests are guessed at. */
const mostAllocated: Rate = (asked, total) => Math.floor((Math.min(asked, total) * MAX_NODE_SCORE) / total);

/** Between two points the score is on the line from one to the other. */
export function brokenLinear(shape: readonly ShapePoint[]): (utilization: number) => number {
  return (utilization) => {
    for (const [i, { utilization: at, score }] of shape.entries()) {
      if (utilization > at) continue;
      const before = shape[i - 1];
      if (before === undefined) return score;
      // Go's division of integers cuts off.
      const part = ((score - before.score) * (utilization - before.utilization)) / (at - before.utilization);
      return before.score + Math.trunc(part);
    }
    return shape.at(-1)?.score ?? 0;
  };
}

function rateOf({ type, shape = [] }: ScoringStrategy): Rate {
  if (type === "LeastAllocated") return leastAllocated;
  if (type === "MostAllocated") return mostAllocated;
  const scale = MAX_NODE_SCORE / MAX_SHAPE_SCORE;
  const line = brokenLinear(shape.map(({ utilization, score }) => ({ utilization, score: score * scale })));
  return (asked, total) => line(asked > total ? 100 : Math.floor((asked * 100) / total));
}

interface Weighed {
  readonly weight: number;
  /** CPU and memory count with the guess for containers that ask for none. */
  asked(pod: PodInfo, node: NodeInfo): number;
  total(node: NodeInfo): number;
  /** Extended resources are compared only where the pod asks for them. */
  concerns(pod: PodInfo): boolean;
}

function weighed({ name, weight }: ResourceWeight, totalsOf: DeviceTotalsOf): Weighed {
  const always = (): boolean => true;
  if (name === "cpu") {
    return {
      weight,
      concerns: always,
      asked: (pod, node) => node.nonZeroRequested.milliCPU + pod.nonZero.milliCPU,
      total: (node) => node.allocatable.milliCPU,
    };
  }
  if (name === "memory") {
    return {
      weight,
      concerns: always,
      asked: (pod, node) => node.nonZeroRequested.memory + pod.nonZero.memory,
      total: (node) => node.allocatable.memory,
    };
  }
  if (name === "ephemeral-storage") {
    return {
      weight,
      concerns: always,
      asked: (pod, node) => node.requested.ephemeralStorage + pod.requests.ephemeralStorage,
      total: (node) => node.allocatable.ephemeralStorage,
    };
  }
  const of = (node: NodeInfo): { total: number; used: number } => scalarTotals(name, node, totalsOf);
  return {
    weight,
    concerns: ({ requests }) => (requests.scalar.get(name) ?? 0) > 0,
    asked: ({ requests }, node) => of(node).used + (requests.scalar.get(name) ?? 0),
    total: (node) => of(node).total,
  };
}

/** What a node has of an extended resource and what is used of it: devices, where no device plug-in offers it (KEP-5004). */
export function scalarTotals(
  name: string,
  { allocatable, requested, node }: NodeInfo,
  totalsOf: DeviceTotalsOf,
): { total: number; used: number } {
  const total = allocatable.scalar.get(name) ?? 0;
  const devices = total === 0 && node !== undefined ? totalsOf(name, node) : undefined;
  if (devices !== undefined) return { total: devices.total, used: devices.allocated };
  return { total, used: requested.scalar.get(name) ?? 0 };
}

/** The score of a node for a pod by a strategy. A resource that the node does not have counts neither way. */
export function resourceScorer(
  strategy: ScoringStrategy,
  totalsOf: DeviceTotalsOf = () => undefined,
): (pod: PodInfo, node: NodeInfo) => number {
  const rate = rateOf(strategy);
  const resources = strategy.resources.map((each) => weighed(each, totalsOf));
  // Upstream rounds the mean there, and cuts it off elsewhere; and there only what scores above zero has a weight.
  const ratio = strategy.type === "RequestedToCapacityRatio";
  return (pod, node) => {
    let sum = 0;
    let weights = 0;
    for (const resource of resources) {
      if (!resource.concerns(pod)) continue;
      const total = resource.total(node);
      if (total === 0) continue;
      const score = rate(resource.asked(pod, node), total);
      if (ratio && score <= 0) continue;
      sum += score * resource.weight;
      weights += resource.weight;
    }
    if (weights === 0) return 0;
    return ratio ? Math.round(sum / weights) : Math.floor(sum / weights);
  };
}
