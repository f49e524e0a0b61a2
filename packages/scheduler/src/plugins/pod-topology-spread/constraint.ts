import type { Pod, TopologySpreadConstraint } from "@knots/api/core/v1";
import type { LabelSelector } from "@knots/api/meta/v1";
import { selectorFromLabelSelector, ownValue } from "@knots/machinery";
import type { Selector } from "@knots/machinery";
import type { MatchCounts } from "../../cache/match-counts.ts";
import type { Snapshot } from "../../cache/snapshot.ts";
import type { NodeMatcher } from "../../framework/node-selector.ts";
import type { NodeInfo } from "../../framework/node-info.ts";
import type { PodInfo } from "../../framework/pod-info.ts";
import { untoleratedTaint } from "../taint-toleration.ts";

export const HOSTNAME = "kubernetes.io/hostname";

/** A compiled topology spread constraint. */
export interface Constraint {
  readonly topologyKey: string;
  readonly maxSkew: number;
  readonly minDomains: number;
  readonly selector: Selector;
  readonly honorAffinity: boolean;
  readonly honorTaints: boolean;
}

/** A constraint of a pod, or one that applies where pods have none. */
type Rules = Omit<TopologySpreadConstraint, "labelSelector" | "matchLabelKeys">;

function compile(rules: Rules, selector: Selector): Constraint {
  return {
    topologyKey: rules.topologyKey,
    maxSkew: rules.maxSkew,
    minDomains: rules.minDomains ?? 1,
    selector,
    honorAffinity: rules.nodeAffinityPolicy !== "Ignore",
    honorTaints: rules.nodeTaintsPolicy === "Honor",
  };
}

/** Configured constraints of that kind, for a pod that says nothing itself: over the pods that belong together with it. */
export function configuredDefaults(
  defaults: readonly TopologySpreadConstraint[],
  when: TopologySpreadConstraint["whenUnsatisfiable"],
  selector: () => Selector | undefined,
): Constraint[] {
  const own = defaults.filter(({ whenUnsatisfiable }) => whenUnsatisfiable === when);
  const kin = own.length === 0 ? undefined : selector();
  return kin === undefined || kin.empty ? [] : own.map((rules) => compile(rules, kin));
}

/** The pod's constraints of that kind, with the values of its matchLabelKeys as part of the selector. */
export function constraintsOf(pod: Pod, when: TopologySpreadConstraint["whenUnsatisfiable"]): Constraint[] {
  return (pod.spec?.topologySpreadConstraints ?? [])
    .filter(({ whenUnsatisfiable }) => whenUnsatisfiable === when)
    .map((constraint) => compile(constraint, selectorFromLabelSelector(selectorOf(constraint, pod))));
}

/**
 * Servers that merge matchLabelKeys when they create a pod (KEP-3243) have put the requirements there already; pods of
 * others have them from here. One of each is enough.
 */
function selectorOf(
  { labelSelector, matchLabelKeys }: TopologySpreadConstraint,
  { metadata }: Pod,
): LabelSelector | undefined {
  if (labelSelector === undefined || matchLabelKeys === undefined) return labelSelector;
  const { matchExpressions = [] } = labelSelector;
  const missing = matchLabelKeys.flatMap((key) => {
    const value = ownValue(metadata?.labels, key);
    const isThere = matchExpressions.some(
      ({ key: other, operator, values }) =>
        other === key && operator === "In" && values?.length === 1 && values[0] === value,
    );
    return value === undefined || isThere ? [] : [{ key, operator: "In" as const, values: [value] }];
  });
  return missing.length === 0
    ? labelSelector
    : { ...labelSelector, matchExpressions: [...matchExpressions, ...missing] };
}

/** What applies where a pod says nothing: spread over zones and nodes, as a wish. */
export function systemDefaults(selector: Selector | undefined): Constraint[] {
  if (selector === undefined || selector.empty) return [];
  const common = { minDomains: 1, selector, honorAffinity: true, honorTaints: false };
  return [
    { ...common, topologyKey: HOSTNAME, maxSkew: 3 },
    { ...common, topologyKey: "topology.kubernetes.io/zone", maxSkew: 5 },
  ];
}

/** Whether the pods of a node count for the constraint: is it a node the new pod could be on? */
export function nodeCounts(
  constraint: Constraint,
  pod: PodInfo,
  node: NodeInfo,
  matchesAffinity: NodeMatcher | undefined,
): boolean {
  if (node.node === undefined) return false;
  if (constraint.honorAffinity && matchesAffinity !== undefined && !matchesAffinity(node.node)) return false;
  return !constraint.honorTaints || untoleratedTaint(node.node, pod.pod.spec?.tolerations ?? []) === undefined;
}

export function domainOf(constraint: Constraint, node: NodeInfo): string | undefined {
  return ownValue(node.node?.metadata?.labels, constraint.topologyKey);
}

/** How many pods of the namespace each node has that the constraint's selector means. */
export function matchesByNode(snapshot: Snapshot, namespace: string, constraint: Constraint): MatchCounts {
  const { selector } = constraint;
  // A selector that means everything and one that means nothing are written alike.
  const what = `spread:${selector.empty}:${String(selector)}`;
  return snapshot.matchCounts(namespace, what, (info) => podCounts(constraint, info));
}

/** Pods on their way out count nowhere: their place is free soon. */
export function podCounts(constraint: Constraint, other: PodInfo): boolean {
  return (
    other.pod.metadata?.deletionTimestamp === undefined && constraint.selector.matches(other.pod.metadata?.labels ?? {})
  );
}
