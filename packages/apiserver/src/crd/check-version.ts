import type { CustomResourceDefinitionVersion, JSONSchemaProps } from "@knots/api/apiextensions/v1";
import { FieldPath, invalid, required, tooMany } from "@knots/machinery";
import type { FieldError } from "@knots/machinery";
import { fieldsOfPath, parseJsonPath } from "./simple-json-path.ts";

const MOST_SELECTABLE = 8;
const COLUMN_TYPES = ["boolean", "date", "integer", "number", "string"];
const COLUMN_FORMATS = ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"];

/** What a version says beside its schema: columns, subresources, selectable fields. */
export function checkVersionExtras(version: CustomResourceDefinitionVersion, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  checkColumns(version, path.child("additionalPrinterColumns"), errors);
  checkScale(version, path.child("subresources").child("scale"), errors);
  checkSelectable(version, path.child("selectableFields"), errors);
  return errors;
}

function checkColumns(version: CustomResourceDefinitionVersion, path: FieldPath, errors: FieldError[]): void {
  version.additionalPrinterColumns?.forEach((column, i) => {
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
    if (column.jsonPath === "") errors.push(required(at.child("jsonPath"), ""));
    else if (!isPath(column.jsonPath)) {
      errors.push(invalid(at.child("jsonPath"), column.jsonPath, "is not a valid JSON path"));
    }
  });
}

function isPath(text: string): boolean {
  try {
    parseJsonPath(text);
    return true;
  } catch {
    return false;
  }
}

function checkScale(version: CustomResourceDefinitionVersion, path: FieldPath, errors: FieldError[]): void {
  const scale = version.subresources?.scale;
  if (scale === undefined) return;
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

function checkSelectable(version: CustomResourceDefinitionVersion, path: FieldPath, errors: FieldError[]): void {
  const fields = version.selectableFields ?? [];
  if (fields.length > MOST_SELECTABLE) errors.push(tooMany(path, fields.length, MOST_SELECTABLE));
  const seen = new Set<string>();
  fields.forEach(({ jsonPath }, i) => {
    const at = path.index(i).child("jsonPath");
    if (jsonPath === "") {
      errors.push(required(at, ""));
      return;
    }
    const problem = selectableProblem(jsonPath, version.schema?.openAPIV3Schema);
    if (problem !== undefined) errors.push(invalid(at, jsonPath, problem));
    if (seen.has(jsonPath)) {
      errors.push({ type: "FieldValueDuplicate", field: at.toString(), badValue: jsonPath, detail: "" });
    }
    seen.add(jsonPath);
  });
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
