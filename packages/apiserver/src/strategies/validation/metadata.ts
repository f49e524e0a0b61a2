import { addAll, isDNS1123Label, isQualifiedName, isValidLabelValue } from "@knots/machinery";
import type { KubeObject, ObjectMeta, OwnerReference } from "@knots/machinery";
import { semanticEqual } from "../equality.ts";
import type { FieldError, FieldPath } from "../field.ts";
import { forbidden, invalid, required, tooLong } from "../field.ts";
import { validateManagedFields } from "./managed-fields.ts";
import type { NameCheck } from "./names.ts";
import { IMMUTABLE, NON_NEGATIVE } from "./names.ts";

/** Bytes of all annotation keys and values together. */
const ANNOTATIONS_LIMIT = 256 * 1024;

/** Metadata of an object about to be created. */
export function validateObjectMeta(
  meta: ObjectMeta,
  namespaced: boolean,
  checkName: NameCheck,
  path: FieldPath,
): FieldError[] {
  const errors: FieldError[] = [];
  if (meta.generateName) {
    for (const message of checkName(meta.generateName, true)) {
      errors.push(invalid(path.child("generateName"), meta.generateName, message));
    }
  }
  if (!meta.name) errors.push(required(path.child("name"), "name or generateName is required"));
  else for (const message of checkName(meta.name, false)) errors.push(invalid(path.child("name"), meta.name, message));
  if (namespaced) {
    if (!meta.namespace) errors.push(required(path.child("namespace"), ""));
    else {
      for (const message of isDNS1123Label(meta.namespace)) {
        errors.push(invalid(path.child("namespace"), meta.namespace, message));
      }
    }
  } else if (meta.namespace) errors.push(forbidden(path.child("namespace"), "not allowed on this type"));
  if ((meta.generation ?? 0) < 0) errors.push(invalid(path.child("generation"), meta.generation, NON_NEGATIVE));
  addAll(errors, validateCommonMeta(meta, path));
  validateFinalizers(meta.finalizers ?? [], path.child("finalizers"), errors);
  return errors;
}

/** What may not change in metadata, beside the rules for new values. */
export function validateObjectMetaUpdate(meta: ObjectMeta, old: ObjectMeta, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  if (old.deletionTimestamp !== undefined) {
    const extra = (meta.finalizers ?? []).filter((each) => !old.finalizers?.includes(each)).toSorted();
    if (extra.length > 0) {
      const list = `[]string{${extra.map((each) => JSON.stringify(each)).join(", ")}}`;
      const why = `no new finalizers can be added if the object is being deleted, found new finalizers ${list}`;
      errors.push(forbidden(path.child("finalizers"), why));
    }
  }
  if (!meta.resourceVersion) {
    errors.push(invalid(path.child("resourceVersion"), meta.resourceVersion ?? "", "must be specified for an update"));
  }
  if ((meta.generation ?? 0) < (old.generation ?? 0)) {
    errors.push(invalid(path.child("generation"), meta.generation ?? 0, "must not be decremented"));
  }
  const frozen = [
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
  ] as const;
  for (const field of frozen) immutable(meta[field], old[field], path.child(field), errors);
  addAll(errors, validateCommonMeta(meta, path));
  return errors;
}

/** One error when the two values differ. */
export function immutable(next: unknown, old: unknown, path: FieldPath, errors: FieldError[]): void {
  if (!semanticEqual(next, old)) errors.push(invalid(path, next ?? null, IMMUTABLE));
}

function validateCommonMeta(meta: ObjectMeta, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  validateLabels(meta.labels, path.child("labels"), errors);
  validateAnnotations(meta.annotations, path.child("annotations"), errors);
  validateOwnerReferences(meta.ownerReferences ?? [], path.child("ownerReferences"), errors);
  if (meta.managedFields !== undefined) validateManagedFields(meta.managedFields, path.child("managedFields"), errors);
  return errors;
}

export function validateLabels(
  labels: Record<string, string> | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  for (const key in labels) {
    const value = labels[key] ?? "";
    for (const message of isQualifiedName(key)) errors.push(invalid(path, key, message));
    for (const message of isValidLabelValue(value)) errors.push(invalid(path, value, message));
  }
}

export function validateAnnotations(
  annotations: Record<string, string> | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  let size = 0;
  for (const key in annotations) {
    for (const message of isQualifiedName(key.toLowerCase())) errors.push(invalid(path, key, message));
    size += Buffer.byteLength(key) + Buffer.byteLength(annotations[key] ?? "");
  }
  if (size > ANNOTATIONS_LIMIT) errors.push(tooLong(path, "", ANNOTATIONS_LIMIT));
}

function validateOwnerReferences(references: readonly OwnerReference[], path: FieldPath, errors: FieldError[]): void {
  let controller: string | undefined;
  references.forEach((reference) => {
    const [version, group] = reference.apiVersion.split("/").toReversed();
    if (!version) errors.push(invalid(path.child("apiVersion"), reference.apiVersion, "version must not be empty"));
    for (const field of ["kind", "name", "uid"] as const) {
      if (!reference[field]) errors.push(invalid(path.child(field), "", `${field} must not be empty`));
    }
    if (!group && version === "v1" && reference.kind === "Event") {
      errors.push(invalid(path, reference, "/v1, Kind=Event is disallowed from being an owner"));
    }
    if (!reference.controller) return;
    if (controller === undefined) controller = reference.name;
    else {
      const why = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${reference.name}`;
      errors.push(invalid(path, references, why));
    }
  });
}

function validateFinalizers(finalizers: readonly string[], path: FieldPath, errors: FieldError[]): void {
  for (const finalizer of finalizers)
    for (const message of isQualifiedName(finalizer)) errors.push(invalid(path, finalizer, message));
  if (finalizers.includes("orphan") && finalizers.includes("foregroundDeletion")) {
    errors.push(invalid(path, finalizers, "finalizer orphan and foregroundDeletion cannot be both set"));
  }
}

/** Whether a finalizer says whose it is, or is one of Kubernetes' own. */
function saysWhose(finalizer: string): boolean {
  return finalizer.includes("/") || STANDARD_FINALIZERS.has(finalizer);
}

/** What most built-in kinds demand of finalizers, new ones and old (upstream: pkg/apis/core/validation). */
export function validateKubeFinalizers({ finalizers = [] }: ObjectMeta, path: FieldPath): FieldError[] {
  return finalizers.flatMap((finalizer, index) =>
    validateFinalizerName(finalizer, path.child("finalizers").index(index)),
  );
}

/** A qualified name that says whose it is, or one of Kubernetes' own. */
export function validateFinalizerName(finalizer: string, at: FieldPath): FieldError[] {
  const errors = isQualifiedName(finalizer).map((message) => invalid(at, finalizer, message));
  if (!saysWhose(finalizer))
    errors.push(invalid(at, finalizer, "name is neither a standard finalizer name nor is it fully qualified"));
  return errors;
}

/** What custom resources are only warned of, about finalizers that are new. */
export function finalizerWarnings(meta: ObjectMeta, old: ObjectMeta | undefined, path: FieldPath): string[] {
  const added = (meta.finalizers ?? []).filter((each) => !(old?.finalizers ?? []).includes(each));
  return [...new Set(added)].toSorted().flatMap((finalizer) => {
    const about = `${path.child("finalizers").toString()}: ${JSON.stringify(finalizer)}: `;
    const warnings = isQualifiedName(finalizer).map((message) => about + message);
    if (!saysWhose(finalizer))
      warnings.push(
        `${about}prefer a domain-qualified finalizer name including a path (/) to avoid accidental conflicts with other finalizer writers`,
      );
    return warnings;
  });
}

const STANDARD_FINALIZERS = new Set(["kubernetes", "orphan", "foregroundDeletion"]);

/** An object's metadata; the decoder makes sure that there is one, tests need not. */
export const metaOf = (obj: KubeObject): ObjectMeta => obj.metadata ?? {};
