import type { PodTemplateSpec } from "@knots/api/core/v1";
import type { LabelSelector } from "@knots/api/meta/v1";
import { addAll, selectorFromLabelSelector } from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import { FieldPath, forbidden, invalid, notSupported, required } from "../field.ts";
import type { FieldError } from "../field.ts";
import { isEmptySelector, validateLabelSelector } from "../validation/label-selector.ts";
import { validatePodTemplate } from "../validation/pod-spec.ts";
import { podNameWarnings, podTemplateWarnings } from "../warnings/pods.ts";

export const SPEC = FieldPath.root("spec");
export const STATUS = FieldPath.root("status");
export const TEMPLATE = SPEC.child("template");

interface Workload {
  readonly selector?: LabelSelector | undefined;
  readonly template?: PodTemplateSpec | undefined;
}

/**
 * Selector and template of a workload: both valid, the one matching the labels of the other.
 * @param old the stored template, of an update
 * @param mayStay whether a template that was bad may stay as bad as it is
 */
export function validateWorkload(
  spec: Workload,
  kind: string,
  errors: FieldError[],
  old?: PodTemplateSpec,
  mayStay = false,
): void {
  const { selector, template = {} } = spec;
  const at = SPEC.child("selector");
  if (selector) {
    validateLabelSelector(selector, at, errors);
    if (isEmptySelector(selector)) errors.push(invalid(at, selector, `empty selector is invalid for ${kind}`));
  } else if (kind !== "daemonset") errors.push(required(at, ""));
  const readable = selector === undefined || selectorIsValid(selector);
  const labels = template.metadata?.labels;
  // What selects nothing does not select the template either; what is empty selects everything.
  const matches = readable && selector !== undefined && selectorFromLabelSelector(selector).matches(labels ?? {});
  if (readable && !matches && !(selector && isEmptySelector(selector) && kind !== "daemonset")) {
    const why = "`selector` does not match template `labels`";
    errors.push(invalid(TEMPLATE.child("metadata").child("labels"), labels ?? null, why));
  }
  if (!readable && kind !== "daemonset")
    errors.push(invalid(at, selector ?? null, kind === "statefulset" ? "" : "invalid label selector"));
  const ofTemplate: FieldError[] = [];
  if (readable || kind === "daemonset") validatePodTemplate(template, TEMPLATE, ofTemplate, old);
  if (ofTemplate.length > 0 && mayStay && old !== undefined && !isGoodTemplate(old)) ofTemplate.length = 0;
  addAll(errors, ofTemplate);
  const podPath = TEMPLATE.child("spec");
  const policy = template.spec?.restartPolicy ?? "Always";
  if (policy !== "Always") errors.push(notSupported(podPath.child("restartPolicy"), policy, ["Always"]));
  if (template.spec?.activeDeadlineSeconds !== undefined) {
    const why = `activeDeadlineSeconds in ${DISPLAY[kind] ?? kind} is not Supported`;
    errors.push(forbidden(podPath.child("activeDeadlineSeconds"), why));
  }
}

function isGoodTemplate(template: PodTemplateSpec): boolean {
  const errors: FieldError[] = [];
  validatePodTemplate(template, TEMPLATE, errors);
  return errors.length === 0;
}

const DISPLAY: Readonly<Record<string, string>> = {
  deployment: "ReplicaSet",
  replicaset: "ReplicaSet",
  statefulset: "StatefulSet",
  daemonset: "DaemonSet",
};

function selectorIsValid(selector: LabelSelector): boolean {
  const errors: FieldError[] = [];
  validateLabelSelector(selector, SPEC, errors);
  return errors.length === 0;
}

interface Templated extends KubeObject {
  spec?: { template?: PodTemplateSpec };
}

/** Of the template, when it is new or may have changed. */
export function templateWarnings(obj: Templated, old?: Templated): string[] {
  if (old !== undefined && obj.metadata?.generation === old.metadata?.generation) return [];
  return podTemplateWarnings(obj.spec?.template, "spec.template");
}

/** The same for kinds whose names become those of pods. */
export function namedTemplateWarnings(obj: Templated, old?: Templated): string[] {
  return [...(old === undefined ? podNameWarnings(obj) : []), ...templateWarnings(obj, old)];
}

/** Counts that cannot exceed another count. */
export function notGreater<T extends object>(
  status: T,
  fields: readonly (keyof T & string)[],
  limit: keyof T & string,
  errors: FieldError[],
): void {
  for (const field of fields) {
    const value = status[field];
    if (typeof value === "number" && value > Number(status[limit] ?? 0)) {
      errors.push(
        invalid(
          STATUS.child(field),
          value,
          `cannot be greater than ${limit === "replicas" ? "status.replicas" : limit}`,
        ),
      );
    }
  }
}

/** A workload without a spec fails for what it lacks. */
export const emptySpec = (): { selector: LabelSelector; template: PodTemplateSpec } =>
  ({ selector: undefined, template: undefined }) as unknown as { selector: LabelSelector; template: PodTemplateSpec };
