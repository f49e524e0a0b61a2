// Does a rule of a webhook or policy cover a request? (upstream: admission/plugin/webhook/predicates/rules)
import type { RuleWithOperations } from "@knots/api/admissionregistration/v1";

const ALL_OPERATIONS = ["CREATE", "UPDATE", "DELETE", "CONNECT"];

/** What rules look at. */
export interface RuleSubject {
  readonly operation: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
}

export function operationsOf(rule: RuleWithOperations): readonly string[] {
  return (rule.operations ?? []).flatMap((operation) => (operation === "*" ? ALL_OPERATIONS : [operation]));
}

export function matchesRule(rule: RuleWithOperations, subject: RuleSubject): boolean {
  return (
    hasOrAny(rule.operations, subject.operation) &&
    hasOrAny(rule.apiGroups, subject.group) &&
    hasOrAny(rule.apiVersions, subject.version) &&
    inScope(rule.scope, subject) &&
    (rule.resources ?? []).some((resource) => matchesResource(resource, subject))
  );
}

function hasOrAny(list: readonly string[] | undefined, value: string): boolean {
  return list !== undefined && (list.includes("*") || list.includes(value));
}

/** Namespaces are cluster-scoped, though a request for one bears its name as the namespace. */
function inScope(scope: string | undefined, { group, resource, namespace }: RuleSubject): boolean {
  if (scope === undefined || scope === "*") return true;
  const cluster = namespace === "" || (group === "" && resource === "namespaces");
  return scope === "Cluster" ? cluster : !cluster;
}

// "pods", "pods/exec", "pods/*", "*", "*/status", "*/*".
function matchesResource(pattern: string, { resource, subresource }: RuleSubject): boolean {
  const slash = pattern.indexOf("/");
  const wanted = slash < 0 ? pattern : pattern.slice(0, slash);
  const sub = slash < 0 ? "" : pattern.slice(slash + 1);
  return (wanted === "*" || wanted === resource) && (sub === "*" || sub === subresource);
}
