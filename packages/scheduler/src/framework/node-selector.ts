import type { Node, NodeSelector, NodeSelectorTerm, PodSpec } from "@knots/api/core/v1";
import { nodeMatchesNodeSelectorTerms } from "@knots/machinery";

/** A node selector or affinity, compiled once per pod. */
export type NodeMatcher = (node: Node) => boolean;

/** All requirements of a term; a term without any matches no node. */
export function compileTerm(term: NodeSelectorTerm): NodeMatcher {
  const terms = [term];
  return (node) => nodeMatchesNodeSelectorTerms(node, terms);
}

/** Any of the terms. */
export function compileNodeSelector({ nodeSelectorTerms }: NodeSelector): NodeMatcher {
  return (node) => nodeMatchesNodeSelectorTerms(node, nodeSelectorTerms);
}

/** spec.nodeSelector and the required node affinity; undefined where the pod asks for neither. */
export function compileRequiredNodeAffinity(spec: PodSpec): NodeMatcher | undefined {
  const matchers: NodeMatcher[] = [];
  const pairs = Object.entries(spec.nodeSelector ?? {});
  if (pairs.length > 0) {
    matchers.push((node) => pairs.every(([key, value]) => node.metadata?.labels?.[key] === value));
  }
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (required !== undefined) matchers.push(compileNodeSelector(required));
  if (matchers.length === 0) return undefined;
  return (node) => matchers.every((matches) => matches(node));
}

/**
 * Names of the only nodes that the required affinity can match, when each of its terms names some by metadata.name (as the
 * pods of DaemonSets do); undefined where any node may. Spares looking at all the others.
 */
export function namedNodes(spec: PodSpec): ReadonlySet<string> | undefined {
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  if (terms === undefined || terms.length === 0) return undefined;
  const names = new Set<string>();
  for (const term of terms) {
    let ofTerm: Set<string> | undefined;
    for (const field of term.matchFields ?? []) {
      if (field.key !== "metadata.name" || field.operator !== "In") continue;
      const values = new Set(field.values ?? []);
      ofTerm = ofTerm === undefined ? values : ofTerm.intersection(values);
    }
    if (ofTerm === undefined) return undefined;
    for (const name of ofTerm) names.add(name);
  }
  return names;
}
