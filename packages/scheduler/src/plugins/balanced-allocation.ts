import { MAX_NODE_SCORE } from "../framework/plugin.ts";
import type { PreScorePlugin, ScorePlugin } from "../framework/plugin.ts";
import type { Resources } from "../framework/resources.ts";
import { SKIP } from "../framework/status.ts";
import type { DeviceTotalsOf } from "./dynamic-resources/device-totals.ts";
import { NAMES } from "./names.ts";
import { scalarTotals } from "./resource-scoring.ts";

/** NodeResourcesBalancedAllocationArgs. */
export interface BalancedAllocationArgs {
  /** CPU and memory by default. */
  readonly resources?: readonly string[];
}

/** By the resources that are configured. */
export function balancedAllocationOf(
  { resources = [] }: BalancedAllocationArgs,
  totalsOf: DeviceTotalsOf = () => undefined,
): PreScorePlugin & ScorePlugin {
  const names = new Set(resources);
  if (names.size === 0 || (names.size === 2 && names.has("cpu") && names.has("memory"))) return balancedAllocation;
  const all = [...names];
  return {
    name: NAMES.balancedAllocation,
    preScore: (_state, { requests }) => (all.every((name) => amountOf(requests, name) === 0) ? SKIP : undefined),
    score(_state, { requests }, node) {
      const fractions = all.flatMap((name) => {
        const more = amountOf(requests, name);
        // What the node does not have counts not at all; extended resources only where the pod asks for them.
        if (more === 0 && !(name in NATIVE)) return [];
        const { total, used } =
          name in NATIVE
            ? { total: amountOf(node.allocatable, name), used: amountOf(node.requested, name) }
            : scalarTotals(name, node, totalsOf);
        return total <= 0 ? [] : [Math.min(1, (used + more) / total)];
      });
      return Math.floor((1 - deviation(fractions)) * MAX_NODE_SCORE);
    },
  };
}

const NATIVE: Readonly<Record<string, "milliCPU" | "memory" | "ephemeralStorage">> = {
  cpu: "milliCPU",
  memory: "memory",
  "ephemeral-storage": "ephemeralStorage",
};

function amountOf(resources: Resources, name: string): number {
  const native = NATIVE[name];
  return native === undefined ? (resources.scalar.get(name) ?? 0) : resources[native];
}

/** The standard deviation; nothing of fewer than two. */
function deviation(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

/** Prefers nodes on which CPU and memory will be used up evenly. */
export const balancedAllocation: PreScorePlugin & ScorePlugin = {
  name: NAMES.balancedAllocation,
  // A pod that asks for nothing changes no balance.
  preScore: (_state, { requests }) => (requests.milliCPU === 0 && requests.memory === 0 ? SKIP : undefined),
  score(_state, { requests }, { allocatable, requested }) {
    // The standard deviation of two numbers is half their distance; of one it is nothing.
    const comparable = allocatable.milliCPU > 0 && allocatable.memory > 0;
    const cpu = Math.min(1, (requested.milliCPU + requests.milliCPU) / allocatable.milliCPU);
    const memory = Math.min(1, (requested.memory + requests.memory) / allocatable.memory);
    const deviation = comparable ? Math.abs(cpu - memory) / 2 : 0;
    return Math.floor((1 - deviation) * MAX_NODE_SCORE);
  },
};
