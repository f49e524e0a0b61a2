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
    // The standard deviation of two numbers is half their distance; of one it is nothing.
    const comparable = allocatable.milliCPU > 0 && allocatable.memory > 0;
    const cpu = Math.min(1, (requested.milliCPU + requests.milliCPU) / allocatable.milliCPU);
    const memory = Math.min(1, (requested.memory + requests.memory) / allocatable.memory);
    const deviation = comparable ? Math.abs(cpu - memory) / 2 : 0;
    return Math.floor((1 - deviation) * MAX_NODE_SCORE);
  },
};
