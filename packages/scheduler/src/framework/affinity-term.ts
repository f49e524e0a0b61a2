import type { PodAffinityTerm, Pod } from "@knots/api/core/v1";
import { selectorFromLabelSelector } from "@knots/machinery";
import type { Selector } from "@knots/machinery";

/** Labels of a namespace by name; undefined where there is none. */
export type NamespaceLabels = (namespace: string) => Readonly<Record<string, string>> | undefined;

/** A compiled pod affinity or anti-affinity term. */
export interface AffinityTerm {
  readonly topologyKey: string;
  readonly weight: number;
  /** Whether the pods of that namespace are meant, before labels are looked at. */
  matchesNamespace(namespace: string, labelsOf: NamespaceLabels): boolean;
  matches(pod: Pod, labelsOf: NamespaceLabels): boolean;
}

/**
 * Compiles a term of `owner`, of its own namespace where none is named. Its matchLabelKeys and mismatchLabelKeys are part
 * of the selector since the pod was created (KEP-3633), and are not looked at again.
 */
export function compileAffinityTerm(term: PodAffinityTerm, owner: Pod, weight = 0): AffinityTerm {
  const selector: Selector = selectorFromLabelSelector(term.labelSelector);
  const named = new Set(term.namespaces ?? []);
  const namespaceSelector =
    term.namespaceSelector === undefined ? undefined : selectorFromLabelSelector(term.namespaceSelector);
  if (named.size === 0 && namespaceSelector === undefined) named.add(owner.metadata?.namespace ?? "");
  const matchesNamespace = (namespace: string, labelsOf: NamespaceLabels): boolean => {
    if (named.has(namespace)) return true;
    if (namespaceSelector === undefined) return false;
    if (namespaceSelector.empty) return true;
    const labels = labelsOf(namespace);
    return labels !== undefined && namespaceSelector.matches(labels);
  };
  return {
    topologyKey: term.topologyKey,
    weight,
    matchesNamespace,
    matches: (pod, labelsOf) =>
      selector.matches(pod.metadata?.labels ?? {}) && matchesNamespace(pod.metadata?.namespace ?? "", labelsOf),
  };
}
