import type { ClusterRole, PolicyRule } from "@knots/api/rbac/v1";
import { selectorFromLabelSelector } from "@knots/machinery";
import { semanticEqual } from "../framework/equality.ts";
import { byName } from "../framework/objects.ts";

/**
 * The rules a ClusterRole with an aggregationRule must have: those of every other ClusterRole that one of its selectors
 * selects, selector by selector, role by role in the order of their names, each rule once. Pure.
 */
export function aggregatedRules(role: ClusterRole, all: readonly ClusterRole[]): PolicyRule[] {
  const sorted = all.toSorted(byName);
  const rules: PolicyRule[] = [];
  for (const labelSelector of role.aggregationRule?.clusterRoleSelectors ?? []) {
    const selector = selectorFromLabelSelector(labelSelector);
    for (const source of sorted) {
      // A role that selects itself would never lose a rule again.
      if (source.metadata?.name === role.metadata?.name || !selector.matches(source.metadata?.labels)) continue;
      for (const rule of source.rules ?? []) {
        if (!rules.some((known) => semanticEqual(known, rule))) rules.push(rule);
      }
    }
  }
  return rules;
}

/** Whether the role is one whose rules come from others. */
export function isAggregated(role: ClusterRole): boolean {
  return role.aggregationRule !== undefined;
}
