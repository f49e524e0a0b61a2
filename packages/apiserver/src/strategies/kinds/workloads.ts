import type { PodTemplateSpec } from "@knots/api/core/v1";
import type { LabelSelector } from "@knots/api/meta/v1";
import { selectorFromLabelSelector } from "@knots/machinery";
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

/** Selector and template of a workload: both valid, the one matching the labels of the other. */
export function validateWorkload(spec: Workload, kind: string, errors: FieldError[]): void {
  const { selector, template } = spec;
  if (!selector) errors.push(required(SPEC.child("selector"), ""));
  else {
    validateLabelSelector(selector, SPEC.child("selector"), errors);
    if (isEmptySelector(selector)) {
      errors.push(invalid(SPEC.child("selector"), selector, `empty selector is invalid for ${kind}`));
    }
  }
  if (!template) return void errors.push(required(TEMPLATE, ""));
  const labels = template.metadata?.labels ?? {};
  if (selector && !isEmptySelector(selector) && selectorIsValid(selector)) {
    if (!selectorFromLabelSelector(selector).matches(labels)) {
      const at = TEMPLATE.child("metadata").child("labels");
      errors.push(invalid(at, labels, "`selector` does not match template `labels`"));
    }
  }
  validatePodTemplate(template, TEMPLATE, errors);
  const podPath = TEMPLATE.child("spec");
  const policy = template.spec?.restartPolicy;
  if (policy !== "Always") errors.push(notSupported(podPath.child("restartPolicy"), policy ?? "", ["Always"]));
  if (template.spec?.activeDeadlineSeconds !== undefined) {
    const why = `activeDeadlineSeconds in ${DISPLAY[kind] ?? kind} is not Supported`;
    errors.push(forbidden(podPath.child("activeDeadlineSeconds"), why));
  }
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
