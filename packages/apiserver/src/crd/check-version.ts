// What a version says beside its schema: columns, subresources, selectable fields.
import type {
  CustomResourceColumnDefinition,
  CustomResourceSubresources,
  JSONSchemaProps,
  SelectableField,
} from "@knots/api/apiextensions/v1";
import { duplicate, invalid, required, tooMany } from "@knots/machinery";
import type { FieldError, FieldPath } from "@knots/machinery";
import { fieldsOfPath } from "./simple-json-path.ts";

const MOST_SELECTABLE = 8;
const COLUMN_TYPES = ["boolean", "date", "integer", "number", "string"];
const COLUMN_FORMATS = ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"];

export function checkColumns(
  columns: readonly CustomResourceColumnDefinition[] | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  columns?.forEach((column, i) => {
    const at = path.index(i);
    if (column.name === "") errors.push(required(at.child("name"), ""));
    if (column.type === "") errors.push(required(at.child("type"), `must be one of ${COLUMN_TYPES.join(",")}`));
    else if (!COLUMN_TYPES.includes(column.type)) {
      errors.push(invalid(at.child("type"), column.type, `must be one of ${COLUMN_TYPES.join(",")}`));
    }
    const { format } = column;
    if (format !== undefined && format !== "" && !COLUMN_FORMATS.includes(format)) {
      errors.push(invalid(at.child("format"), format, `must be one of ${COLUMN_FORMATS.join(",")}`));
    }
    // Under its name inside upstream. A path that means nothing is no error: its kind is then printed as others are.
    const where = at.child("JSONPath");
    if (column.jsonPath === "") errors.push(required(where, ""));
    else if (!column.jsonPath.startsWith("."))
      errors.push(invalid(where, column.jsonPath, "must be a simple json path starting with ."));
  });
}

export function checkSubresources(
  subresources: CustomResourceSubresources | undefined,
  at: FieldPath,
  errors: FieldError[],
): void {
  const scale = subresources?.scale;
  if (scale === undefined) return;
  const path = at.child("scale");
  const under = (field: "specReplicasPath" | "statusReplicasPath", root: string): void => {
    const value = scale[field];
    if (value === "") errors.push(required(path.child(field), ""));
    else if (!isFieldPath(value) || !value.startsWith(`.${root}.`)) {
      errors.push(invalid(path.child(field), value, `should be a json path under .${root}`));
    }
  };
  under("specReplicasPath", "spec");
  under("statusReplicasPath", "status");
  const selector = scale.labelSelectorPath ?? "";
  if (selector !== "" && !(isFieldPath(selector) && /^\.(?:spec|status)\./.test(selector))) {
    const why = "should be a json path under either .spec or .status";
    errors.push(invalid(path.child("labelSelectorPath"), selector, why));
  }
}

function isFieldPath(text: string): boolean {
  try {
    return fieldsOfPath(text).length > 0;
  } catch {
    return false;
  }
}

export function checkSelectable(
  fields: readonly SelectableField[] | undefined,
  schema: JSONSchemaProps | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  const seen = new Set<string>();
  fields?.forEach(({ jsonPath }, i) => {
    const at = path.index(i).child("jsonPath");
    if (jsonPath === "") {
      errors.push(required(at, ""));
      return;
    }
    const problem = selectableProblem(jsonPath, schema);
    if (problem !== undefined) errors.push(invalid(at, jsonPath, problem));
    if (problem?.startsWith("is an invalid path") === true) return;
    if (seen.has(jsonPath)) errors.push(duplicate(at, jsonPath));
    seen.add(jsonPath);
  });
  if (seen.size > MOST_SELECTABLE) errors.push(tooMany(path, seen.size, MOST_SELECTABLE));
}

function selectableProblem(jsonPath: string, schema: JSONSchemaProps | undefined): string | undefined {
  if (!/^(?:\.[\w-]+)+$/.test(jsonPath)) {
    return /\[/.test(jsonPath)
      ? "is an invalid path: array notation is not allowed"
      : "is an invalid path: expected [ or .";
  }
  const names = jsonPath.slice(1).split(".");
  if (names[0] === "metadata") return "must not point to fields in metadata";
  let current = schema;
  for (const name of names) {
    const { properties } = current ?? {};
    current = properties !== undefined && Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (current === undefined) return "is an invalid path: does not refer to a valid field";
  }
  return ["string", "boolean", "integer"].includes(current?.type ?? "")
    ? undefined
    : "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.";
}
