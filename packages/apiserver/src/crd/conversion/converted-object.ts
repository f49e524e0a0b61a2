// What a conversion webhook may change of an object: everything but its identity and metadata; of those, labels and annotations.
import { FieldPath, formatFieldError } from "@knots/machinery";
import type { FieldError, KubeObject } from "@knots/machinery";
import { validateAnnotations, validateLabels } from "../../strategies/validation/metadata.ts";
import { isObject } from "../structural.ts";

/** Throws an Error with upstream's text when the converted object is another one. */
export function checkIdentity(original: KubeObject, converted: KubeObject): void {
  if (original.kind !== converted.kind)
    throw new Error(`must have the same kind: ${original.kind ?? ""} != ${converted.kind ?? ""}`);
  for (const [field, words] of [
    ["name", "name"],
    ["namespace", "namespace"],
    ["uid", "UID"],
  ] as const) {
    const before = original.metadata?.[field] ?? "";
    const after = converted.metadata?.[field] ?? "";
    if (before !== after) throw new Error(`must have the same ${words}: ${before} != ${after}`);
  }
}

/** The converted object with the original's metadata, but the labels and annotations that the webhook gave it. */
export function restoreMetadata(original: KubeObject, converted: KubeObject): KubeObject {
  const given: unknown = converted.metadata;
  if (given === undefined) throw new Error("missing metadata in converted object");
  if (!isObject(given)) throw new Error(`invalid metadata of type ${typeName(given)} in converted object`);
  const metadata: Record<string, unknown> = structuredClone(original.metadata ?? {}) as Record<string, unknown>;
  for (const field of ["labels", "annotations"] as const) {
    const value = given[field];
    if (value === undefined || value === null) {
      delete metadata[field];
      continue;
    }
    metadata[field] = checkStrings(field, value, (original.metadata?.[field] ?? {}) as Record<string, unknown>);
  }
  return { ...converted, metadata } as KubeObject;
}

function checkStrings(
  field: "labels" | "annotations",
  value: unknown,
  before: Readonly<Record<string, unknown>>,
): Record<string, string> {
  if (!isObject(value)) throw new Error(`invalid metadata.${field} of type ${typeName(value)} in converted object`);
  let changed = Object.keys(value).length !== Object.keys(before).length;
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string")
      throw new Error(`metadata.${field}[${key}] must be a string, but is ${typeName(text)} in converted object`);
    changed ||= before[key] !== text;
  }
  const strings = value as Record<string, string>;
  if (changed) {
    const errors: FieldError[] = [];
    const path = FieldPath.root("metadata").child(field);
    if (field === "labels") validateLabels(strings, path, errors);
    else validateAnnotations(strings, path, errors);
    if (errors.length > 0) throw new Error(errors.map(formatFieldError).join(", "));
  }
  return strings;
}

/** Go's name of a decoded JSON value's type, as upstream's texts have it. */
function typeName(value: unknown): string {
  if (value === null) return "<nil>";
  if (Array.isArray(value)) return "[]interface {}";
  return { object: "map[string]interface {}", number: "float64", boolean: "bool" }[typeof value as string] ?? "string";
}
