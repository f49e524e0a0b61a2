import type { JSONSchemaProps } from "@knots/api/apiextensions/v1";
import { FieldPath, forbidden, required } from "@knots/machinery";
import type { FieldError } from "@knots/machinery";
import { itemsOf, valuesOf } from "@knots/cel/structural-schema";

/** What says something of the structure, and so may not stand inside allOf, anyOf, oneOf and not. */
const STRUCTURE = ["type", "default", "title", "description"] as const;
const FLAGS = [
  "nullable",
  "x-kubernetes-preserve-unknown-fields",
  "x-kubernetes-embedded-resource",
  "x-kubernetes-int-or-string",
] as const;

/** Checks what stands inside the combinations of a schema against the schema itself. */
export function checkValueValidation(schema: JSONSchemaProps, path: FieldPath, errors: FieldError[]): void {
  for (const name of ["allOf", "anyOf", "oneOf"] as const) {
    schema[name]?.forEach((part, i) => {
      // `anyOf: [{type: integer}, {type: string}]` is how an int-or-string is written for other tools.
      if (schema["x-kubernetes-int-or-string"] === true && isIntOrStringPattern(part)) return;
      visit(part, schema, path.child(name).index(i), path, errors);
    });
  }
  if (schema.not !== undefined) visit(schema.not, schema, path.child("not"), path, errors);
}

function isIntOrStringPattern(part: JSONSchemaProps): boolean {
  const { type, anyOf, ...rest } = part;
  const empty = Object.values(rest).every((value) => value === undefined);
  if (anyOf !== undefined) return empty && anyOf.every(isIntOrStringPattern);
  return empty && (type === "integer" || type === "string");
}

function visit(
  part: JSONSchemaProps,
  structure: JSONSchemaProps | undefined,
  path: FieldPath,
  structurePath: FieldPath,
  errors: FieldError[],
): void {
  for (const field of STRUCTURE) {
    const value = part[field];
    if (value !== undefined && value !== "")
      errors.push(forbidden(path.child(field), "must be empty to be structural"));
  }
  for (const flag of FLAGS) {
    if (part[flag] === true) errors.push(forbidden(path.child(flag), "must be false to be structural"));
  }
  for (const [name, property] of Object.entries(part.properties ?? {})) {
    const base = structure?.properties?.[name];
    const at = structurePath.child("properties").key(name);
    if (base === undefined) missing(at, path.child("properties").key(name), errors);
    else visit(property, base, path.child("properties").key(name), at, errors);
  }
  const items = itemsOf(part);
  if (items !== undefined) {
    const base = structure === undefined ? undefined : itemsOf(structure);
    const at = structurePath.child("items");
    if (base === undefined) missing(at, path.child("items"), errors);
    else visit(items, base, path.child("items"), at, errors);
  }
  const values = valuesOf(part);
  if (values !== undefined) {
    const base = structure === undefined ? undefined : valuesOf(structure);
    const at = structurePath.child("additionalProperties");
    if (base === undefined) missing(at, path.child("additionalProperties"), errors);
    else visit(values, base, path.child("additionalProperties"), at, errors);
  }
  for (const name of ["allOf", "anyOf", "oneOf"] as const) {
    part[name]?.forEach((inner, i) => visit(inner, structure, path.child(name).index(i), structurePath, errors));
  }
  if (part.not !== undefined) visit(part.not, structure, path.child("not"), structurePath, errors);
}

function missing(at: FieldPath, definedIn: FieldPath, errors: FieldError[]): void {
  errors.push(required(at, `because it is defined in ${definedIn.toString()}`));
}
