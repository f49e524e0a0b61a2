import type { DaemonSet } from "@knots/api/apps/v1";
import type { Node, Taint, Toleration } from "@knots/api/core/v1";
import { findMatchingUntoleratedTaint, podMatchesNodeSelectorAndAffinity } from "./node-fit.ts";
import { daemonTolerations } from "./template.ts";

export interface Placement {
  /** A daemon belongs on that node. */
  readonly shouldRun: boolean;
  /** One that runs there already may stay. */
  readonly shouldContinue: boolean;
}

/** Whether a DaemonSet's pod belongs on a node: by name, node selector, required affinity and taints. Pure. */
export function placementOn(daemonSet: DaemonSet, node: Node): Placement {
  const never: Placement = { shouldRun: false, shouldContinue: false };
  const spec = daemonSet.spec?.template?.spec;
  const fixedNode = spec?.nodeName;
  if (fixedNode && fixedNode !== node.metadata?.name) return never;
  if (!podMatchesNodeSelectorAndAffinity(spec, node)) return never;
  const taints = node.spec?.taints ?? [];
  const tolerations = daemonTolerations(spec);
  if (!untolerated(taints, tolerations, ["NoExecute", "NoSchedule"])) return { shouldRun: true, shouldContinue: true };
  return { shouldRun: false, shouldContinue: !untolerated(taints, tolerations, ["NoExecute"]) };
}

function untolerated(
  taints: readonly Taint[],
  tolerations: readonly Toleration[],
  effects: readonly string[],
): boolean {
  return findMatchingUntoleratedTaint(taints, tolerations, (taint) => effects.includes(taint.effect)) !== undefined;
}
