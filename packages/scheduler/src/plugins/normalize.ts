import { MAX_NODE_SCORE } from "../framework/plugin.ts";

/** Scales scores so that the highest becomes 100; `reverse`: the lowest counts most. In place. */
export function scaleToMax(scores: number[], reverse: boolean): void {
  let max = 0;
  for (const score of scores) if (score > max) max = score;
  if (max === 0) {
    if (reverse) scores.fill(MAX_NODE_SCORE);
    return;
  }
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i] ?? 0;
    const scaled = Math.floor((MAX_NODE_SCORE * score) / max);
    scores[i] = reverse ? MAX_NODE_SCORE - scaled : scaled;
  }
}
