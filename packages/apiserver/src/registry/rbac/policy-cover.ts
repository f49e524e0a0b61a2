// Whether one set of rules allows all that another does (upstream: component-helpers/auth/rbac/validation Covers).
import type { PolicyRule } from "@knots/api/rbac/v1";

/** What of `wanted` no rule of `held` allows, in the smallest pieces; empty when all is covered. Pure. */
export function uncovered(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  // A piece names one of everything, so one rule covers it wholly or not at all.
  return wanted.flatMap((rule) => [...pieces(rule)]).filter((piece) => !held.some((rule) => covers(rule, piece)));
}

/** One verb on one resource of one group, under one name where the rule has names; one verb on one URL. */
function* pieces(rule: PolicyRule): Generator<PolicyRule> {
  const names = rule.resourceNames ?? [];
  for (const group of rule.apiGroups ?? []) {
    for (const resource of rule.resources ?? []) {
      for (const verb of rule.verbs) {
        const piece: PolicyRule = { apiGroups: [group], resources: [resource], verbs: [verb] };
        if (names.length === 0) yield piece;
        for (const name of names) yield { ...piece, resourceNames: [name] };
      }
    }
  }
  for (const url of rule.nonResourceURLs ?? []) {
    for (const verb of rule.verbs) yield { nonResourceURLs: [url], verbs: [verb] };
  }
}

type List = readonly string[] | undefined;

const hasAll = (set: List, wanted: List): boolean => (wanted ?? []).every((each) => set?.includes(each) === true);
const hasAllOrStar = (set: List, wanted: List): boolean => set?.includes("*") === true || hasAll(set, wanted);

function covers(rule: PolicyRule, piece: PolicyRule): boolean {
  return (
    hasAllOrStar(rule.verbs, piece.verbs) &&
    hasAllOrStar(rule.apiGroups, piece.apiGroups) &&
    (piece.resources ?? []).every((resource) => coversResource(rule.resources, resource)) &&
    (piece.nonResourceURLs ?? []).every((url) => (rule.nonResourceURLs ?? []).some((own) => coversUrl(own, url))) &&
    coversNames(rule.resourceNames, piece.resourceNames)
  );
}

/** Every resource's subresource is held as "*" + "/" + its name. */
function coversResource(held: List, resource: string): boolean {
  if (held === undefined) return false;
  const slash = resource.indexOf("/");
  return held.includes("*") || held.includes(resource) || (slash >= 0 && held.includes(`*${resource.slice(slash)}`));
}

function coversUrl(held: string, url: string): boolean {
  return held === url || (held.endsWith("*") && url.startsWith(held.replace(/\*+$/, "")));
}

/** Who holds only some names does not hold a rule without names, which means all. */
function coversNames(held: List, wanted: List): boolean {
  if (held === undefined || held.length === 0) return true;
  return wanted !== undefined && wanted.length > 0 && hasAll(held, wanted);
}
