// What may be wrong with the schema of a definition that is being written: it must be structural, and its extensions
// must fit together. https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
import type { JSONSchemaProps } from "@knots/api/apiextensions/v1";
import { FieldPath, forbidden, invalid, notSupported, required } from "@knots/machinery";
import type { FieldError } from "@knots/machinery";
import { compileRegex } from "@knots/cel/regex";
import { checkValueValidation } from "./check-value-validation.ts";
import { itemsOf, valuesOf } from "@knots/cel/structural-schema";

const TYPES = ["array", "boolean", "integer", "number", "object", "string"];
type Where = "root" | "field" | "item";

export function checkSchema(schema: JSONSchemaProps, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  visit(schema, path, "root", errors);
  return errors;
}

function visit(schema: JSONSchemaProps, path: FieldPath, where: Where, errors: FieldError[]): void {
  checkType(schema, path, where, errors);
  checkForbidden(schema, path, errors);
  checkExtensions(schema, path, errors);
  checkMetadata(schema, path, where === "root" || schema["x-kubernetes-embedded-resource"] === true, errors);
  if (schema.pattern !== undefined && schema.pattern !== "")
    checkPattern(schema.pattern, path.child("pattern"), errors);
  checkValueValidation(schema, path, errors);
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    visit(property, path.child("properties").key(name), "field", errors);
  }
  const values = valuesOf(schema);
  if (values !== undefined) visit(values, path.child("additionalProperties"), "field", errors);
  const items = itemsOf(schema);
  if (items !== undefined) visit(items, path.child("items"), "item", errors);
}

function checkType(schema: JSONSchemaProps, path: FieldPath, where: Where, errors: FieldError[]): void {
  const { type = "" } = schema;
  const at = path.child("type");
  const free = schema["x-kubernetes-int-or-string"] === true || schema["x-kubernetes-preserve-unknown-fields"] === true;
  if (where === "root") {
    if (type === "") errors.push(required(at, "must not be empty at the root"));
    else if (type !== "object") errors.push(invalid(at, type, "must be object at the root"));
    if (schema.nullable === true) errors.push(forbidden(path.child("nullable"), "nullable cannot be true at the root"));
    return;
  }
  if (type === "null") {
    errors.push(forbidden(at, "type cannot be set to null, use nullable as an alternative"));
  } else if (type === "") {
    if (free) return;
    const what = where === "item" ? "array items" : "object fields";
    errors.push(required(at, `must not be empty for specified ${what}`));
  } else if (!TYPES.includes(type)) errors.push(notSupported(at, type, TYPES));
}

function checkForbidden(schema: JSONSchemaProps, path: FieldPath, errors: FieldError[]): void {
  if (schema.uniqueItems === true) {
    const why = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
    errors.push(forbidden(path.child("uniqueItems"), why));
  }
  if (schema.additionalProperties !== undefined) {
    const at = path.child("additionalProperties");
    if (schema.additionalProperties === false) {
      errors.push(forbidden(at, "additionalProperties cannot be set to false"));
    } else if (Object.keys(schema.properties ?? {}).length > 0) {
      errors.push(forbidden(at, "additionalProperties and properties are mutual exclusive"));
    }
  }
  if (Array.isArray(schema.items)) {
    errors.push(forbidden(path.child("items"), "items must be a schema object and not an array"));
  } else if (schema.type === "array" && schema.items === undefined) {
    errors.push(required(path.child("items"), "must be specified"));
  }
  for (const field of ["definitions", "dependencies", "patternProperties", "additionalItems", "id"] as const) {
    if (schema[field] !== undefined && schema[field] !== "") {
      errors.push(forbidden(path.child(field), `${field} is not supported`));
    }
  }
  if (schema.$ref !== undefined && schema.$ref !== "") {
    errors.push(forbidden(path.child("$ref"), "$ref is not supported"));
  }
}

function checkExtensions(schema: JSONSchemaProps, path: FieldPath, errors: FieldError[]): void {
  const { type = "" } = schema;
  const preserve = schema["x-kubernetes-preserve-unknown-fields"];
  if (preserve === false) {
    const at = path.child("x-kubernetes-preserve-unknown-fields");
    errors.push(invalid(at, false, "must be true or undefined"));
  }
  if (schema["x-kubernetes-int-or-string"] === true && type !== "") {
    errors.push(invalid(path.child("type"), type, "must be empty if x-kubernetes-int-or-string is true"));
  }
  if (schema["x-kubernetes-embedded-resource"] === true) {
    if (type === "") {
      errors.push(required(path.child("type"), "must be object if x-kubernetes-embedded-resource is true"));
    } else if (type !== "object") {
      errors.push(invalid(path.child("type"), type, "must be object if x-kubernetes-embedded-resource is true"));
    }
    if (Object.keys(schema.properties ?? {}).length === 0 && preserve !== true) {
      const why =
        "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields";
      errors.push(required(path.child("properties"), why));
    }
  }
  checkListType(schema, path, errors);
  const mapType = schema["x-kubernetes-map-type"];
  if (mapType !== undefined) {
    const at = path.child("x-kubernetes-map-type");
    if (type !== "object") {
      const why = "must be object if x-kubernetes-map-type is specified";
      errors.push(type === "" ? required(path.child("type"), why) : invalid(path.child("type"), type, why));
    }
    if (mapType !== "atomic" && mapType !== "granular") errors.push(notSupported(at, mapType, ["atomic", "granular"]));
  }
}

function checkListType(schema: JSONSchemaProps, path: FieldPath, errors: FieldError[]): void {
  const { type = "" } = schema;
  const listType = schema["x-kubernetes-list-type"];
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  const at = path.child("x-kubernetes-list-type");
  const keysAt = path.child("x-kubernetes-list-map-keys");
  if (listType === undefined) {
    if (keys.length > 0) errors.push(required(at, "must be map if x-kubernetes-list-map-keys is non-empty"));
    return;
  }
  if (type !== "array") {
    const why = "must be array if x-kubernetes-list-type is specified";
    errors.push(type === "" ? required(path.child("type"), why) : invalid(path.child("type"), type, why));
  }
  if (!["atomic", "set", "map"].includes(listType)) errors.push(notSupported(at, listType, ["atomic", "set", "map"]));
  const items = itemsOf(schema);
  if (listType === "set" && items !== undefined) checkSetItems(items, path.child("items"), errors);
  if (listType !== "map") {
    if (keys.length > 0) errors.push(invalid(at, listType, "must be map if x-kubernetes-list-map-keys is non-empty"));
    return;
  }
  if (keys.length === 0) errors.push(required(keysAt, "must not be empty if x-kubernetes-list-type is map"));
  if (items?.type !== undefined && items.type !== "object") {
    const why = "must be object if parent array's x-kubernetes-list-type is map";
    errors.push(invalid(path.child("items").child("type"), items.type, why));
  }
  keys.forEach((key, i) => {
    const property = items?.properties?.[key];
    if (property === undefined) {
      errors.push(invalid(keysAt, key, "entries must all be names of item properties"));
    } else if (property.type === "object" || property.type === "array") {
      const where = path.child("items").child("properties").key(key).child("type");
      errors.push(
        invalid(where, property.type, "must be a scalar type if parent array's x-kubernetes-list-type is map"),
      );
    } else if (property.default === undefined && !(items?.required ?? []).includes(key)) {
      const where = path.child("items").child("properties").key(key).child("default");
      const why =
        "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property of the items schema object";
      errors.push(required(where, why));
    }
    if (keys.indexOf(key) !== i)
      errors.push({ type: "FieldValueDuplicate", field: keysAt.index(i).toString(), badValue: key, detail: "" });
  });
}

function checkSetItems(items: JSONSchemaProps, path: FieldPath, errors: FieldError[]): void {
  if (items.nullable === true) {
    errors.push(forbidden(path.child("nullable"), "cannot be nullable when x-kubernetes-list-type is set"));
  }
  if (
    items.type === "array" &&
    items["x-kubernetes-list-type"] !== "atomic" &&
    items["x-kubernetes-list-type"] !== undefined
  ) {
    const why = "forbidden for the item of a set: a list there must be atomic";
    errors.push(invalid(path.child("x-kubernetes-list-type"), items["x-kubernetes-list-type"], why));
  }
  if (items.type === "object" && items["x-kubernetes-map-type"] !== "atomic") {
    const why = "must be atomic as item of a list with x-kubernetes-list-type=set";
    errors.push(invalid(path.child("x-kubernetes-map-type"), items["x-kubernetes-map-type"] ?? "", why));
  }
}

/** metadata is there for every object: a schema may bound its name, nothing else. */
function checkMetadata(schema: JSONSchemaProps, path: FieldPath, root: boolean, errors: FieldError[]): void {
  const metadata = root ? schema.properties?.["metadata"] : undefined;
  if (metadata === undefined) return;
  const at = path.child("properties").key("metadata");
  const { type: _type, description: _description, properties, ...rest } = metadata;
  const named = Object.keys(properties ?? {}).every((name) => name === "name" || name === "generateName");
  if (named && Object.values(rest).every((value) => value === undefined)) return;
  errors.push(
    forbidden(at, "must not specify anything other than name and generateName, but metadata is implicitly specified"),
  );
}

function checkPattern(pattern: string, at: FieldPath, errors: FieldError[]): void {
  try {
    compileRegex(pattern);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    errors.push(invalid(at, pattern, `must be a valid regular expression, but isn't: ${why}`));
  }
}
