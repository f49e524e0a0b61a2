// ResourceQuotas: which resources can be counted, and in which scopes.
import type { ResourceQuotaSpec, ResourceQuotaStatus, ScopedResourceSelectorRequirement } from "@knots/api/core/v1";
import type { FieldError, FieldPath } from "../field.ts";
import { invalid, required } from "../field.ts";
import { COMPUTE_RESOURCES, isQuotaResource, validateAmount, validateResourceName } from "./resource-names.ts";

const OF_PODS = new Set(["pods", ...COMPUTE_RESOURCES]);
const OF_CLAIMS = new Set(["persistentvolumeclaims", "requests.storage"]);
/** The standard resources that a quota of a scope can count. */
const SCOPES: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ["Terminating", OF_PODS],
  ["NotTerminating", OF_PODS],
  ["BestEffort", new Set(["pods"])],
  ["NotBestEffort", OF_PODS],
  ["PriorityClass", OF_PODS],
  ["CrossNamespacePodAffinity", OF_PODS],
  ["VolumeAttributesClass", OF_CLAIMS],
]);
/** Scopes that a thing is in or not, without values. */
const VALUELESS = new Set([
  "BestEffort",
  "NotBestEffort",
  "Terminating",
  "NotTerminating",
  "CrossNamespacePodAffinity",
]);
const CONFLICTING = [
  ["BestEffort", "NotBestEffort"],
  ["Terminating", "NotTerminating"],
];

/** The rules of upstream's ValidateResourceQuotaSpec, in its words. */
export function validateQuotaSpec(spec: ResourceQuotaSpec | undefined, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  const { hard = {}, scopes, scopeSelector } = spec ?? {};
  for (const [name, value] of Object.entries(hard)) {
    const at = path.child("hard").key(name);
    validateName(name, at, errors);
    validateAmount(name, value, at, errors);
  }
  const names = Object.keys(hard).filter(isQuotaResource);
  /** Whether a scope exists and can count each of the resources; `value` is what is shown of a list where it cannot. */
  const validateScope = (scope: string, at: FieldPath, list: FieldPath, shown: unknown, value: unknown): void => {
    const countable = SCOPES.get(scope);
    if (countable === undefined) errors.push(invalid(at, shown, "unsupported scope"));
    else
      for (const name of names)
        if (!countable.has(name)) errors.push(invalid(list, value, "unsupported scope applied to resource"));
  };
  const validateConflicts = (used: readonly string[], at: FieldPath): void => {
    for (const pair of CONFLICTING)
      if (pair.every((scope) => used.includes(scope))) errors.push(invalid(at, scopes ?? null, "conflicting scopes"));
  };
  if (scopes !== undefined) {
    const at = path.child("scopes");
    for (const scope of scopes) validateScope(scope, at, at, scopes, scopes);
    validateConflicts(scopes, at);
  }
  const expressions = scopeSelector?.matchExpressions;
  if (expressions !== undefined) {
    const at = path.child("scopeSelector").child("matchExpressions");
    for (const each of expressions) {
      validateScope(each.scopeName, at.child("scopeName"), at, each.scopeName, scopeSelector);
      validateOperator(each, at, errors);
    }
    validateConflicts(
      expressions.map(({ scopeName }) => scopeName),
      at,
    );
  }
  return errors;
}

/** One of Kubernetes' own that can be counted, or a qualified name: count/deployments.apps, requests.example.com/gpu. */
function validateName(name: string, at: FieldPath, errors: FieldError[]): void {
  validateResourceName(name, at, errors);
  if (!name.includes("/") && !isQuotaResource(name))
    errors.push(invalid(at, name, "must be a standard resource for quota"));
}

/** What the controller reports is named and counted by the same rules. */
export function validateQuotaStatus(status: ResourceQuotaStatus | undefined, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of ["hard", "used"] as const) {
    for (const [name, value] of Object.entries(status?.[field] ?? {})) {
      const at = path.child(field).key(name);
      validateName(name, at, errors);
      validateAmount(name, value, at, errors);
    }
  }
  return errors;
}

function validateOperator(
  { scopeName, operator, values = [] }: ScopedResourceSelectorRequirement,
  at: FieldPath,
  errors: FieldError[],
): void {
  if (VALUELESS.has(scopeName) && operator !== "Exists")
    errors.push(
      invalid(
        at.child("operator"),
        operator,
        "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
      ),
    );
  if (operator === "In" || operator === "NotIn") {
    if (values.length === 0)
      errors.push(
        required(
          at.child("values"),
          "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
        ),
      );
  } else if (operator === "Exists" || operator === "DoesNotExist") {
    if (values.length > 0)
      errors.push(
        invalid(
          at.child("values"),
          values,
          "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
        ),
      );
  } else errors.push(invalid(at.child("operator"), operator, "not a valid selector operator"));
}
