import { MAX_NODE_SCORE } from "../framework/plugin.ts";

/** Scales scores so that the highest becomes 100; `reverse`: the lowest counts most. In place. */
export function scaleToMax(scores: number[], reverse: boolean): void {
  let max = 0;
  for (const score of scores) if (score > max) max = score;
  for (const [i, score] of scores.entries()) {
    if (max === 0) {
      if (reverse) scores[i] = MAX_NODE_SCORE;
      continue;
    }
    const scaled = Math.floor((MAX_NODE_SCORE * score) / max);
    scores[i] = reverse ? MAX_NODE_SCORE - scaled : scaled;
  }
}
