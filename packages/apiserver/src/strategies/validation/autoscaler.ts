// Rules of autoscaling/v2, which v1 is read into (upstream: pkg/apis/autoscaling/validation), with its words.
import type {
  CrossVersionObjectReference,
  HPAScalingRules,
  HorizontalPodAutoscalerSpec,
  MetricIdentifier,
  MetricSpec,
  MetricTarget,
} from "@knots/api/autoscaling/v2";
import { Quantity, isDNS1123Label } from "@knots/machinery";
import type { FieldError, FieldPath } from "../field.ts";
import { forbidden, invalid, notSupported, required } from "../field.ts";
import { nameIsPathSegment } from "./names.ts";
import { validateContainerResourceName } from "./resources.ts";

const MAX_PERIOD_SECONDS = 1800;
const MAX_WINDOW_SECONDS = 3600;
const ZERO = Quantity.parse("0");

/** What is let be because it was so before (upstream: validationOptionsForHorizontalPodAutoscaler). */
interface References {
  /** undefined: any is let be. */
  readonly target: { readonly emptyGroup: boolean } | undefined;
  readonly objects: { readonly emptyGroup: boolean } | undefined;
}

function referencesOf(next: HorizontalPodAutoscalerSpec, old: HorizontalPodAutoscalerSpec | undefined): References {
  const { kind, apiVersion = "" } = next.scaleTargetRef ?? {};
  const before = old?.scaleTargetRef;
  const same = old !== undefined && before?.kind === kind && (before?.apiVersion ?? "") === apiVersion;
  const hadBad = (old?.metrics ?? []).some(
    ({ type, object }) => type === "Object" && versionProblem(object?.describedObject?.apiVersion, true) !== undefined,
  );
  return {
    target: same ? undefined : { emptyGroup: kind === "ReplicationController" },
    objects: hadBad ? undefined : { emptyGroup: true },
  };
}

function versionProblem(apiVersion = "", emptyGroup: boolean): string | undefined {
  const parts = apiVersion.split("/");
  if (parts.length > 2) return `unexpected GroupVersion string: ${apiVersion}`;
  const group = parts.length === 2 ? parts[0] : "";
  return emptyGroup || group ? undefined : "apiVersion must specify API group";
}

export function validateAutoscalerSpec(
  spec: HorizontalPodAutoscalerSpec,
  old: HorizontalPodAutoscalerSpec | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  const { minReplicas: min, maxReplicas: max } = spec;
  const least = old?.minReplicas === 0 ? 0 : 1;
  const atMax = path.child("maxReplicas");
  if (min !== undefined && min < least)
    errors.push(invalid(path.child("minReplicas"), min, `must be greater than or equal to ${least}`));
  if (max === 0) errors.push(required(atMax, "must be set and greater than 0"));
  else if (max < 1) errors.push(invalid(atMax, max, "must be greater than 0"));
  if (min !== undefined && max < min)
    errors.push(invalid(atMax, max, "must be greater than or equal to `minReplicas`"));
  const { target, objects } = referencesOf(spec, old);
  validateReference(spec.scaleTargetRef, target, path.child("scaleTargetRef"), errors);
  const metrics = spec.metrics ?? [];
  metrics.forEach((metric, index) => validateMetric(metric, objects, path.child("metrics").index(index), errors));
  if (min === 0 && !metrics.some(({ type }) => type === "Object" || type === "External")) {
    const why = "must specify at least one Object or External metric to support scaling to zero replicas";
    errors.push(forbidden(path.child("metrics"), why));
  }
  for (const direction of ["scaleUp", "scaleDown"] as const) {
    const rules = spec.behavior?.[direction];
    if (rules !== undefined) validateRules(rules, path.child("behavior").child(direction), errors);
  }
}

function validateReference(
  reference: Partial<CrossVersionObjectReference> | undefined,
  version: { readonly emptyGroup: boolean } | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  for (const field of ["kind", "name"] as const) {
    const value = reference?.[field] ?? "";
    if (value === "") errors.push(required(path.child(field), ""));
    else for (const why of nameIsPathSegment(value, false)) errors.push(invalid(path.child(field), value, why));
  }
  const apiVersion = reference?.apiVersion ?? "";
  const problem = version === undefined ? undefined : versionProblem(apiVersion, version.emptyGroup);
  if (problem !== undefined) errors.push(invalid(path.child("apiVersion"), apiVersion, problem));
}

const SELECT_POLICIES = ["Disabled", "Max", "Min"];

function validateRules(rules: HPAScalingRules, path: FieldPath, errors: FieldError[]): void {
  const { stabilizationWindowSeconds: seconds, tolerance, selectPolicy, policies = [] } = rules;
  const atWindow = path.child("stabilizationWindowSeconds");
  if (seconds !== undefined && seconds < 0)
    errors.push(invalid(atWindow, seconds, "must be greater than or equal to zero"));
  if (seconds !== undefined && seconds > MAX_WINDOW_SECONDS)
    errors.push(invalid(atWindow, seconds, `must be less than or equal to ${MAX_WINDOW_SECONDS}`));
  if (selectPolicy !== undefined && !SELECT_POLICIES.includes(selectPolicy))
    errors.push(notSupported(path.child("selectPolicy"), selectPolicy, SELECT_POLICIES));
  const list = path.child("policies");
  if (policies.length === 0) errors.push(required(list, "must specify at least one Policy"));
  policies.forEach(({ type, value, periodSeconds }, index) => {
    const at = list.index(index);
    if (type !== "Pods" && type !== "Percent") errors.push(notSupported(at.child("type"), type, ["Percent", "Pods"]));
    if (value <= 0) errors.push(invalid(at.child("value"), value, "must be greater than zero"));
    if (periodSeconds <= 0) errors.push(invalid(at.child("periodSeconds"), periodSeconds, "must be greater than zero"));
    if (periodSeconds > MAX_PERIOD_SECONDS) {
      const why = `must be less than or equal to ${MAX_PERIOD_SECONDS}`;
      errors.push(invalid(at.child("periodSeconds"), periodSeconds, why));
    }
  });
  if (tolerance !== undefined && Quantity.parse(tolerance).cmp(ZERO) < 0)
    errors.push(invalid(path.child("tolerance"), tolerance, "must be greater or equal to zero"));
}

/** In the order in which upstream looks at them: the first that is there is the one whose contents are checked. */
const SOURCES = ["object", "external", "pods", "resource", "containerResource"] as const;
const TYPES: ReadonlyMap<string, (typeof SOURCES)[number]> = new Map([
  ["ContainerResource", "containerResource"],
  ["External", "external"],
  ["Object", "object"],
  ["Pods", "pods"],
  ["Resource", "resource"],
]);

function validateMetric(
  metric: MetricSpec,
  objects: { readonly emptyGroup: boolean } | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  const { type } = metric;
  const expected = TYPES.get(type);
  const unknown = (): void => void errors.push(notSupported(path.child("type"), type, [...TYPES.keys()]));
  if (type === "") errors.push(required(path.child("type"), "must specify a metric source type"));
  if (expected === undefined) unknown();
  const present = SOURCES.filter((source) => metric[source] !== undefined);
  if (present[0] !== undefined) validateSource(metric, present[0], objects, path.child(present[0]), errors);
  // Told twice, as upstream does.
  if (expected === undefined) unknown();
  else if (metric[expected] === undefined)
    errors.push(required(path.child(expected), "must populate information for the given metric source"));
  if (present.length === 1) return;
  for (const source of present)
    if (source !== expected) errors.push(forbidden(path.child(source), "must populate the given metric source only"));
}

function validateSource(
  metric: MetricSpec,
  source: (typeof SOURCES)[number],
  objects: { readonly emptyGroup: boolean } | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  const at = path.child("target");
  const { target } = metric[source] ?? {};
  if (source === "object")
    validateReference(metric.object?.describedObject, objects, path.child("describedObject"), errors);
  if (source === "resource" || source === "containerResource") {
    const name = metric[source]?.name ?? "";
    if (name === "") errors.push(required(path.child("name"), "must specify a resource name"));
    else if (source === "containerResource") validateContainerResourceName(name, path.child("name"), errors);
    if (source === "containerResource") validateContainer(metric[source]?.container, path.child("container"), errors);
    validateTarget(target, at, errors);
    validateUtilization(target, at, errors);
    return;
  }
  validateIdentifier(metric[source]?.metric, path.child("metric"), errors);
  validateTarget(target, at, errors);
  const { value, averageValue } = target ?? {};
  if (source === "pods") {
    if (averageValue === undefined)
      errors.push(required(at.child("averageValue"), "must specify a positive target averageValue"));
  } else if (value === undefined && averageValue === undefined) {
    const what =
      source === "object" ? "a target value or averageValue" : "a target value for metric or a per-pod target";
    errors.push(required(at.child("averageValue"), `must set either ${what}`));
  }
  if (source === "external" && value !== undefined && averageValue !== undefined)
    errors.push(forbidden(at.child("value"), "may not set both a target value for metric and a per-pod target"));
}

function validateContainer(name: string | undefined, path: FieldPath, errors: FieldError[]): void {
  if (!name) errors.push(required(path, "must specify a container"));
  else for (const why of isDNS1123Label(name)) errors.push(invalid(path, name, why));
}

function validateUtilization(target: MetricTarget | undefined, path: FieldPath, errors: FieldError[]): void {
  const { averageUtilization, averageValue } = target ?? {};
  if (averageUtilization === undefined && averageValue === undefined) {
    const why = "must set either a target raw value or a target utilization";
    errors.push(required(path.child("averageUtilization"), why));
  }
  if (averageUtilization !== undefined && averageValue !== undefined) {
    const why = "may not set both a target raw value and a target utilization";
    errors.push(forbidden(path.child("averageValue"), why));
  }
}

function validateTarget(target: MetricTarget | undefined, path: FieldPath, errors: FieldError[]): void {
  const { type = "", averageUtilization } = target ?? {};
  const at = path.child("type");
  if (type === "") errors.push(required(at, "must specify a metric target type"));
  if (!["Utilization", "Value", "AverageValue"].includes(type))
    errors.push(invalid(at, type, "must be either Utilization, Value, or AverageValue"));
  for (const field of ["value", "averageValue"] as const) {
    const value = target?.[field];
    if (value !== undefined && Quantity.parse(value).cmp(ZERO) <= 0)
      errors.push(invalid(path.child(field), value, "must be positive"));
  }
  if (averageUtilization !== undefined && averageUtilization < 1)
    errors.push(invalid(path.child("averageUtilization"), averageUtilization, "must be greater than 0"));
}

function validateIdentifier(metric: MetricIdentifier | undefined, path: FieldPath, errors: FieldError[]): void {
  const name = metric?.name ?? "";
  const at = path.child("name");
  if (name === "") errors.push(required(at, "must specify a metric name"));
  else for (const why of nameIsPathSegment(name, false)) errors.push(invalid(at, name, why));
}
