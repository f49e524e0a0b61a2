import type { Node, Taint, Toleration } from "@knots/api/core/v1";
import { tolerationToleratesTaint } from "@knots/machinery";
import type { StateData } from "../framework/cycle-state.ts";
import type { FilterPlugin, PreScorePlugin, ScorePlugin } from "../framework/plugin.ts";
import type { PodInfo } from "../framework/pod-info.ts";
import { SKIP, unresolvable } from "../framework/status.ts";
import { NAMES } from "./names.ts";
import { scaleToMax } from "./normalize.ts";

/** The first taint that keeps pods with such tolerations away. */
export function untoleratedTaint(node: Node | undefined, tolerations: readonly Toleration[]): Taint | undefined {
  const taints = node?.spec?.taints;
  if (taints === undefined || taints.length === 0) return undefined;
  return taints.find(
    (taint) =>
      (taint.effect === "NoSchedule" || taint.effect === "NoExecute") &&
      !tolerations.some((toleration) => tolerationToleratesTaint(toleration, taint)),
  );
}

interface Tolerated extends StateData {
  readonly tolerations: readonly Toleration[];
}

function tolerationsOf(info: PodInfo): readonly Toleration[] {
  return info.pod.spec?.tolerations ?? [];
}

export const taintToleration: FilterPlugin & PreScorePlugin & ScorePlugin = {
  name: NAMES.taintToleration,
  events: ["NodeAdd", "NodeTaintChange", "PodUpdate"],
  hint: (pod, event, _old, current) =>
    event === "PodUpdate" || untoleratedTaint(current as Node | undefined, tolerationsOf(pod)) === undefined,
  filter(_state, pod, { node }) {
    const taint = untoleratedTaint(node, tolerationsOf(pod));
    if (taint === undefined) return undefined;
    return unresolvable(`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ""}}`);
  },
  preScore(state, pod, nodes) {
    // All would get the same.
    if (!nodes.some(({ prefersNoPods }) => prefersNoPods)) return SKIP;
    // Only tolerations that could be of PreferNoSchedule count against such taints.
    const tolerations = tolerationsOf(pod).filter(({ effect }) => !effect || effect === "PreferNoSchedule");
    const data: Tolerated = { tolerations, clone: () => data };
    state.write(NAMES.taintToleration, data);
    return undefined;
  },
  score(state, _pod, { node, prefersNoPods }) {
    if (!prefersNoPods) return 0;
    const tolerations = state.read<Tolerated>(NAMES.taintToleration)?.tolerations ?? [];
    let intolerable = 0;
    for (const taint of node?.spec?.taints ?? []) {
      if (taint.effect !== "PreferNoSchedule") continue;
      if (!tolerations.some((toleration) => tolerationToleratesTaint(toleration, taint))) intolerable++;
    }
    return intolerable;
  },
  normalize: (_state, _pod, scores) => scaleToMax(scores, true),
};
