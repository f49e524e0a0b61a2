// What a Job's spec may say, in upstream's words.
import type {
  JobSpec,
  PodFailurePolicyOnExitCodesRequirement,
  PodFailurePolicyRule,
  SuccessPolicyRule,
} from "@knots/api/batch/v1";
import { isQualifiedName, OMITTED } from "@knots/machinery";
import type { FieldPath } from "../field.ts";
import { duplicate, invalid, notSupported, required, tooLong, tooMany } from "../field.ts";
import type { FieldError } from "../field.ts";
import { validateDomainPrefixedPath } from "../validation/domain-path.ts";
import { nonNegative, nonNegativeFields } from "../validation/numbers.ts";
import { validatePodTemplate } from "../validation/pod-spec.ts";
import { countIndexes } from "./job-indexes.ts";

const MAX_PARALLELISM = 100_000;
const MAX_FAILED_INDEXES = 100_000;
/** From so many completions on other counts are bounded more tightly, where each index has failures of its own. */
const MANY_COMPLETIONS = 100_000;
const MAX_WITH_MANY = 10_000;
const MAX_RULES = 20;
const MAX_EXIT_CODES = 255;
const MAX_CONDITIONS = 20;
const MAX_MANAGED_BY = 63;
const MAX_INDEXES_LENGTH = 64 * 1024;
const ACTIONS = ["Count", "FailIndex", "FailJob", "Ignore"];
const OPERATORS = ["In", "NotIn"];
const STATUSES = ["False", "True", "Unknown"];

/** As Go prints a list of quoted words. */
const quoted = (words: readonly string[]): string => `[${words.map((word) => JSON.stringify(word)).join(" ")}]`;

/** `old` is what is stored of it, of an update. */
export function validateJobSpec(spec: JobSpec, path: FieldPath, errors: FieldError[], old?: JobSpec): void {
  nonNegativeFields(
    spec,
    [
      "parallelism",
      "completions",
      "activeDeadlineSeconds",
      "backoffLimit",
      "ttlSecondsAfterFinished",
      "backoffLimitPerIndex",
      "maxFailedIndexes",
    ],
    path,
    errors,
  );
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined)
    errors.push(required(path.child("backoffLimitPerIndex"), "when maxFailedIndexes is specified"));
  if (spec.managedBy !== undefined) validateManagedBy(spec.managedBy, path.child("managedBy"), errors);
  const { completionMode = "NonIndexed" } = spec;
  if (completionMode === "Indexed") validateIndexed(spec, path, errors);
  else if (completionMode === "NonIndexed") {
    for (const field of ["backoffLimitPerIndex", "maxFailedIndexes"] as const)
      if (spec[field] !== undefined)
        errors.push(invalid(path.child(field), spec[field], "requires indexed completion mode"));
  } else errors.push(notSupported(path.child("completionMode"), completionMode, ["NonIndexed", "Indexed"]));
  if (spec.podFailurePolicy) validateFailurePolicy(spec, path.child("podFailurePolicy"), errors);
  if (spec.successPolicy) validateSuccessPolicy(spec, path.child("successPolicy"), errors);
  validateReplacementPolicy(spec, path.child("podReplacementPolicy"), errors);
  validatePodTemplate(spec.template ?? {}, path.child("template"), errors, old?.template);
  const policyPath = path.child("template").child("spec").child("restartPolicy");
  const policy = spec.template?.spec?.restartPolicy;
  if (!policy || policy === "Always") errors.push(required(policyPath, 'valid values: "OnFailure", "Never"'));
  else if (policy !== "OnFailure" && policy !== "Never")
    errors.push(notSupported(policyPath, policy, ["OnFailure", "Never"]));
  else if (spec.podFailurePolicy && policy !== "Never")
    errors.push(invalid(policyPath, policy, 'only "Never" is supported when podFailurePolicy is specified'));
}

function validateManagedBy(value: string, path: FieldPath, errors: FieldError[]): void {
  validateDomainPrefixedPath(value, path, errors);
  if (value.length > MAX_MANAGED_BY) errors.push(tooLong(path, value, MAX_MANAGED_BY));
}

function validateIndexed(spec: JobSpec, path: FieldPath, errors: FieldError[]): void {
  const { completions, parallelism = 0, maxFailedIndexes } = spec;
  const most = (field: "parallelism" | "maxFailedIndexes", value: number, why: string): void =>
    void errors.push(invalid(path.child(field), value, `must be less than or equal to ${why}`));
  if (completions === undefined) errors.push(required(path.child("completions"), "when completion mode is Indexed"));
  if (parallelism > MAX_PARALLELISM)
    most("parallelism", parallelism, `${MAX_PARALLELISM} when completion mode is Indexed`);
  if (completions !== undefined && maxFailedIndexes !== undefined && maxFailedIndexes > completions)
    most("maxFailedIndexes", maxFailedIndexes, "completions");
  if (maxFailedIndexes !== undefined && maxFailedIndexes > MAX_FAILED_INDEXES)
    most("maxFailedIndexes", maxFailedIndexes, String(MAX_FAILED_INDEXES));
  if ((completions ?? 0) <= MANY_COMPLETIONS || spec.backoffLimitPerIndex === undefined) return;
  const many = `${MAX_WITH_MANY} when completions are above ${MANY_COMPLETIONS} and used with backoff limit per index`;
  if (maxFailedIndexes === undefined)
    errors.push(
      required(path.child("maxFailedIndexes"), `must be specified when completions is above ${MANY_COMPLETIONS}`),
    );
  if (parallelism > MAX_WITH_MANY) most("parallelism", parallelism, many);
  if (maxFailedIndexes !== undefined && maxFailedIndexes > MAX_WITH_MANY)
    most("maxFailedIndexes", maxFailedIndexes, many);
}

function validateReplacementPolicy(spec: JobSpec, path: FieldPath, errors: FieldError[]): void {
  const { podReplacementPolicy, podFailurePolicy } = spec;
  if (podReplacementPolicy === undefined) return;
  // What a pod that is still ending will have failed with nobody knows yet.
  const supported = podFailurePolicy === undefined ? ["Failed", "TerminatingOrFailed"] : ["Failed"];
  if (!supported.includes(podReplacementPolicy)) errors.push(notSupported(path, podReplacementPolicy, supported));
}

function validateFailurePolicy(spec: JobSpec, path: FieldPath, errors: FieldError[]): void {
  const rules = spec.podFailurePolicy?.rules ?? [];
  if (rules.length > MAX_RULES) errors.push(tooMany(path.child("rules"), rules.length, MAX_RULES));
  const { containers = [], initContainers = [] } = spec.template?.spec ?? {};
  const names = new Set([...containers, ...initContainers].map(({ name }) => name));
  for (const [index, rule] of rules.entries()) {
    const at = path.child("rules").index(index);
    validateAction(rule, spec, at.child("action"), errors);
    if (rule.onExitCodes) validateExitCodes(rule.onExitCodes, names, at.child("onExitCodes"), errors);
    validateConditions(rule, at.child("onPodConditions"), errors);
    const conditions = rule.onPodConditions?.length ?? 0;
    if (rule.onExitCodes && conditions > 0)
      errors.push(invalid(at, OMITTED, "specifying both OnExitCodes and OnPodConditions is not supported"));
    if (!rule.onExitCodes && conditions === 0)
      errors.push(invalid(at, OMITTED, "specifying one of OnExitCodes and OnPodConditions is required"));
  }
}

function validateAction({ action }: PodFailurePolicyRule, spec: JobSpec, path: FieldPath, errors: FieldError[]): void {
  if (!action) errors.push(required(path, `valid values: ${quoted(ACTIONS)}`));
  else if (!ACTIONS.includes(action)) errors.push(notSupported(path, action, ACTIONS));
  else if (action === "FailIndex" && spec.backoffLimitPerIndex === undefined)
    errors.push(invalid(path, action, "requires the backoffLimitPerIndex to be set"));
}

function validateExitCodes(
  { operator, containerName, values }: PodFailurePolicyOnExitCodesRequirement,
  names: ReadonlySet<string>,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (!operator) errors.push(required(path.child("operator"), `valid values: ${quoted(OPERATORS)}`));
  else if (!OPERATORS.includes(operator)) errors.push(notSupported(path.child("operator"), operator, OPERATORS));
  if (containerName !== undefined && !names.has(containerName)) {
    const why = "must be one of the container or initContainer names in the pod template";
    errors.push(invalid(path.child("containerName"), containerName, why));
  }
  const at = path.child("values");
  if (values.length === 0) errors.push(invalid(at, values, "at least one value is required"));
  if (values.length > MAX_EXIT_CODES) errors.push(tooMany(at, values.length, MAX_EXIT_CODES));
  for (const [index, value] of values.entries()) {
    if (operator === "In" && value === 0)
      errors.push(invalid(at.index(index), value, "must not be 0 for the In operator"));
    if (values.indexOf(value) < index) errors.push(duplicate(at.index(index), value));
  }
  if (values.some((value, index) => index > 0 && (values[index - 1] ?? value) > value))
    errors.push(invalid(at, values, "must be ordered"));
}

function validateConditions(
  { onPodConditions = [] }: PodFailurePolicyRule,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (onPodConditions.length > MAX_CONDITIONS) errors.push(tooMany(path, onPodConditions.length, MAX_CONDITIONS));
  for (const [index, { type, status }] of onPodConditions.entries()) {
    const at = path.index(index);
    for (const why of isQualifiedName(type)) errors.push(invalid(at.child("type"), type, why));
    if (!status) errors.push(required(at.child("status"), `valid values: ${quoted(STATUSES)}`));
    else if (!STATUSES.includes(status)) errors.push(notSupported(at.child("status"), status, STATUSES));
  }
}

function validateSuccessPolicy(spec: JobSpec, path: FieldPath, errors: FieldError[]): void {
  if (spec.completionMode !== "Indexed")
    return void errors.push(invalid(path, spec.successPolicy, "requires indexed completion mode"));
  const rules = spec.successPolicy?.rules ?? [];
  const at = path.child("rules");
  if (rules.length === 0)
    errors.push(required(at, "at least one rules must be specified when the successPolicy is specified"));
  if (rules.length > MAX_RULES) errors.push(tooMany(at, rules.length, MAX_RULES));
  for (const [index, rule] of rules.entries())
    validateSuccessRule(rule, spec.completions ?? 0, at.index(index), errors);
}

function validateSuccessRule(
  { succeededCount, succeededIndexes }: SuccessPolicyRule,
  completions: number,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (succeededCount === undefined && succeededIndexes === undefined)
    errors.push(required(path, "at least one of succeededCount or succeededIndexes must be specified"));
  let total = 0;
  if (succeededIndexes !== undefined) {
    const at = path.child("succeededIndexes");
    if (succeededIndexes.length > MAX_INDEXES_LENGTH) errors.push(tooLong(at, succeededIndexes, MAX_INDEXES_LENGTH));
    const counted = countIndexes(succeededIndexes, completions);
    if (typeof counted === "number") total = counted;
    else errors.push(invalid(at, succeededIndexes, `error parsing succeededIndexes: ${counted}`));
  }
  if (succeededCount === undefined) return;
  const at = path.child("succeededCount");
  nonNegative(succeededCount, at, errors);
  const most = (count: number, what: string): void =>
    void errors.push(invalid(at, succeededCount, `must be less than or equal to ${count} (the number of ${what})`));
  if (succeededCount > completions) most(completions, "specified completions");
  if (succeededIndexes !== undefined && succeededCount > total)
    most(total, "indexes in the specified succeededIndexes field");
}
