import type { Node, PodSpec } from "@knots/api/core/v1";
import { findMatchingUntoleratedTaint, nodeMatchesNodeSelectorTerms } from "@knots/machinery";

export { findMatchingUntoleratedTaint };

/** spec.nodeSelector and the required node affinity of a pod, on a node's labels and name. Pure. */
export function podMatchesNodeSelectorAndAffinity(spec: PodSpec | undefined, node: Node): boolean {
  const labels = node.metadata?.labels ?? {};
  if (Object.entries(spec?.nodeSelector ?? {}).some(([key, value]) => labels[key] !== value)) return false;
  const required = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || nodeMatchesNodeSelectorTerms(node, required.nodeSelectorTerms);
}
