import { MAX_NODE_SCORE } from "../framework/plugin.ts";
import type { PreScorePlugin, ScorePlugin } from "../framework/plugin.ts";
import { SKIP } from "../framework/status.ts";
import { NAMES } from "./names.ts";

/** Prefers nodes on which CPU and memory will be used up evenly. */
export const balancedAllocation: PreScorePlugin & ScorePlugin = {
  name: NAMES.balancedAllocation,
  // A pod that asks for nothing changes no balance.
  preScore: (_state, { requests }) => (requests.milliCPU === 0 && requests.memory === 0 ? SKIP : undefined),
  score(_state, { requests }, { allocatable, requested }) {
    const fractions: number[] = [];
    for (const resource of ["milliCPU", "memory"] as const) {
      const total = allocatable[resource];
      if (total > 0) fractions.push(Math.min(1, (requested[resource] + requests[resource]) / total));
    }
    const [a, b] = fractions;
    // The standard deviation of two numbers is half their distance.
    const deviation = a === undefined || b === undefined ? 0 : Math.abs(a - b) / 2;
    return Math.floor((1 - deviation) * MAX_NODE_SCORE);
  },
};
