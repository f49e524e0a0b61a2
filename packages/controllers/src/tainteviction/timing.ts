import type { Taint, Toleration } from "@knots/api/core/v1";
import { tolerationToleratesTaint } from "@knots/machinery";

/** When a pod must leave a node with such taints: now, after so many ms, or never. */
export type Eviction =
  | { readonly kind: "now" }
  | { readonly kind: "after"; readonly ms: number }
  | { readonly kind: "never" };

/**
 * What the NoExecute taints of a node mean for a pod: each must be tolerated, and of the tolerations that are needed the
 * shortest tolerationSeconds counts (0 or less: at once; none: for ever). Pure.
 */
export function evictionOf(taints: readonly Taint[], tolerations: readonly Toleration[]): Eviction {
  let shortest: number | undefined;
  for (const taint of taints) {
    if (taint.effect !== "NoExecute") continue;
    const matching = tolerations.filter((toleration) => tolerationToleratesTaint(toleration, taint));
    if (matching.length === 0) return { kind: "now" };
    for (const { tolerationSeconds } of matching) {
      if (tolerationSeconds === undefined) continue;
      shortest = Math.min(shortest ?? Infinity, Math.max(0, tolerationSeconds));
    }
  }
  if (shortest === undefined) return { kind: "never" };
  return { kind: "after", ms: shortest * 1000 };
}
