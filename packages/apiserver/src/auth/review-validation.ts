// What an access review may ask (upstream: pkg/apis/authorization/validation).
import type { ResourceAttributes, SubjectAccessReviewSpec } from "@knots/api/authorization/v1";
import { addAll, FieldPath, forbidden, invalid, isQualifiedName, isValidLabelValue, required } from "@knots/machinery";
import type { FieldError, KubeObject } from "@knots/machinery";

export type AccessReviewKind = "SubjectAccessReview" | "SelfSubjectAccessReview" | "LocalSubjectAccessReview";

interface AccessReview extends KubeObject {
  readonly spec?: SubjectAccessReviewSpec;
}

const SPEC = FieldPath.root("spec");

/** All errors. Pure. */
export function validateAccessReview(kind: AccessReviewKind, { metadata = {}, spec = {} }: AccessReview): FieldError[] {
  const errors: FieldError[] = [];
  const { resourceAttributes: resource, nonResourceAttributes: other } = spec;
  if (resource !== undefined && other !== undefined) {
    const at = SPEC.child("nonResourceAttributes");
    errors.push(invalid(at, other, "cannot be specified in combination with resourceAttributes"));
  }
  if (resource === undefined && other === undefined) {
    const detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
    errors.push(invalid(SPEC.child("resourceAttributes"), null, detail));
  }
  if (kind !== "SelfSubjectAccessReview" && (spec.user ?? "") === "" && (spec.groups ?? []).length === 0)
    errors.push(invalid(SPEC.child("user"), "", "at least one of user or group must be specified"));
  addAll(errors, validateSelectors(resource));
  addAll(errors, validateMetadata(kind, metadata));
  if (kind !== "LocalSubjectAccessReview") return errors;
  if (resource !== undefined && (resource.namespace ?? "") !== (metadata.namespace ?? "")) {
    const at = SPEC.child("resourceAttributes", "namespace");
    errors.push(invalid(at, resource.namespace ?? "", "must match metadata.namespace"));
  }
  if (other !== undefined)
    errors.push(invalid(SPEC.child("nonResourceAttributes"), other, "disallowed on this kind of request"));
  return errors;
}

function validateMetadata(kind: AccessReviewKind, metadata: NonNullable<KubeObject["metadata"]>): FieldError[] {
  const local = kind === "LocalSubjectAccessReview";
  const { managedFields: _managedFields, namespace, ...rest } = metadata;
  const set = Object.values(rest).some((value) => value !== undefined && value !== "");
  if (!set && (local || namespace === undefined)) return [];
  return [
    invalid(FieldPath.root("metadata"), metadata, local ? "must be empty except for namespace" : "must be empty"),
  ];
}

function validateSelectors(resource: ResourceAttributes | undefined): FieldError[] {
  const at = SPEC.child("resourceAttributes");
  return (["fieldSelector", "labelSelector"] as const).flatMap((name) => {
    const selector = resource?.[name];
    return selector === undefined ? [] : validateSelector(selector, at.child(name), name === "labelSelector");
  });
}

interface SelectorOfReview {
  readonly rawSelector?: string;
  readonly requirements?: readonly { key: string; operator: string; values?: readonly string[] }[];
}

function validateSelector(
  { rawSelector = "", requirements = [] }: SelectorOfReview,
  at: FieldPath,
  labels: boolean,
): FieldError[] {
  const errors: FieldError[] = [];
  if (rawSelector !== "" && requirements.length > 0) {
    const detail = "may not specified at the same time as requirements";
    errors.push(invalid(at.child("rawSelector"), rawSelector, detail));
  }
  if (rawSelector === "" && requirements.length === 0) {
    const detail = `when ${at.toString()} is specified, requirements or rawSelector is required`;
    errors.push(required(at.child("requirements"), detail));
  }
  requirements.forEach((requirement, index) => {
    const where = at.child("requirements").index(index);
    const { key, values = [] } = requirement;
    if (!labels && key === "") errors.push(required(where.child("key"), "must be specified"));
    addAll(errors, validateValues(requirement, where));
    if (!labels) return;
    for (const message of isQualifiedName(key)) errors.push(invalid(where.child("key"), key, message));
    values.forEach((value, position) => {
      for (const message of isValidLabelValue(value))
        errors.push(invalid(where.child("values").index(position), value, message));
    });
  });
  return errors;
}

/** Operators that are not known pass: they come from newer servers, and are left out of the question. */
function validateValues(
  { operator, values = [] }: { operator: string; values?: readonly string[] },
  where: FieldPath,
): FieldError[] {
  const at = where.child("values");
  if ((operator === "In" || operator === "NotIn") && values.length === 0)
    return [required(at, "must be specified when `operator` is 'In' or 'NotIn'")];
  if ((operator === "Exists" || operator === "DoesNotExist") && values.length > 0)
    return [forbidden(at, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")];
  return [];
}
