// matchLabelKeys and mismatchLabelKeys of a new pod (KEP-3633 for affinity, KEP-3243 for spreading): its own labels of
// those names become requirements of the selectors they stand beside. Done once, on create: later labels change nothing,
// and whoever reads the pod (the scheduler above all) needs to know of selectors alone.
import type { Pod, PodAffinity, PodAffinityTerm } from "@knots/api/core/v1";
import type { LabelSelector } from "@knots/api/meta/v1";
import { ownValue } from "@knots/machinery";

type Labels = Readonly<Record<string, string>>;

/** Every create of a pod comes by here, and nearly none has such keys: then nothing is made. */
export function mergeLabelKeys({ metadata, spec }: Pod): void {
  const labels = metadata?.labels;
  if (spec === undefined || labels === undefined) return;
  if (spec.affinity?.podAffinity !== undefined) mergeTerms(spec.affinity.podAffinity, labels);
  if (spec.affinity?.podAntiAffinity !== undefined) mergeTerms(spec.affinity.podAntiAffinity, labels);
  if (spec.topologySpreadConstraints === undefined) return;
  for (const constraint of spec.topologySpreadConstraints)
    mergeKeys(constraint, constraint.matchLabelKeys, "In", labels);
}

function mergeTerms(affinity: PodAffinity, labels: Labels): void {
  for (const { podAffinityTerm } of affinity.preferredDuringSchedulingIgnoredDuringExecution ?? NONE)
    mergeTerm(podAffinityTerm, labels);
  for (const term of affinity.requiredDuringSchedulingIgnoredDuringExecution ?? NONE) mergeTerm(term, labels);
}

const NONE: readonly never[] = [];

function mergeTerm(term: PodAffinityTerm, labels: Labels): void {
  mergeKeys(term, term.matchLabelKeys, "In", labels);
  mergeKeys(term, term.mismatchLabelKeys, "NotIn", labels);
}

/**
 * A term without a selector means no pod at all, whatever its keys: validation refuses it. The selector is replaced, not
 * changed: an anchor of YAML may have put the same one in several places.
 */
function mergeKeys(
  target: { labelSelector?: LabelSelector },
  keys: readonly string[] | undefined,
  operator: "In" | "NotIn",
  labels: Labels,
): void {
  const { labelSelector: selector } = target;
  if (keys === undefined || selector === undefined) return;
  const added = keys.flatMap((key) => {
    const value = ownValue(labels, key);
    return value === undefined ? [] : [{ key, operator, values: [value] }];
  });
  if (added.length === 0) return;
  target.labelSelector = { ...selector, matchExpressions: [...(selector.matchExpressions ?? []), ...added] };
}
