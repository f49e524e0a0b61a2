// ResourceQuotas: which resources can be counted, and in which scopes.
import type { ResourceQuotaSpec, ScopedResourceSelectorRequirement } from "@knots/api/core/v1";
import { isExtendedResourceName, isQualifiedName, Quantity } from "@knots/machinery";
import type { FieldError, FieldPath } from "../field.ts";
import { invalid, required } from "../field.ts";
import { NON_NEGATIVE } from "./names.ts";

const COUNTED = [
  ..."pods services replicationcontrollers resourcequotas secrets configmaps persistentvolumeclaims".split(" "),
  "services.nodeports",
  "services.loadbalancers",
];
const COMPUTE = ["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];
const STANDARD = new Set([
  ...COUNTED,
  ...COMPUTE,
  "ephemeral-storage",
  "requests.ephemeral-storage",
  "limits.ephemeral-storage",
  "requests.storage",
]);
const INTEGERS = new Set(COUNTED);
const isStandard = (name: string): boolean => STANDARD.has(name) || /^(requests\.)?hugepages-/.test(name);

const OF_PODS = new Set(["pods", ...COMPUTE]);
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
  const names = Object.keys(hard).filter(isStandard);
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
  const problems = isQualifiedName(name);
  for (const message of problems) errors.push(invalid(at, name, message));
  if (problems.length > 0 || name.includes("/") || isStandard(name)) return;
  // The one resource of Kubernetes that no quota counts.
  if (name !== "storage") errors.push(invalid(at, name, "must be a standard resource type or fully qualified"));
  errors.push(invalid(at, name, "must be a standard resource for quota"));
}

function validateAmount(name: string, value: string, at: FieldPath, errors: FieldError[]): void {
  const quantity = Quantity.parse(value);
  if (quantity.cmp(Quantity.parse("0")) < 0) errors.push(invalid(at, value, NON_NEGATIVE));
  const integral = INTEGERS.has(name) || isExtendedResourceName(name);
  if (integral && Number(quantity.milliValue()) % 1000 !== 0) errors.push(invalid(at, value, "must be an integer"));
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
