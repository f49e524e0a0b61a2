import type { JSONSchemaProps } from "@knots/api/apiextensions/v1";
import { addAll, FieldPath, invalid } from "@knots/machinery";
import type { FieldError } from "@knots/machinery";
import { deepEqual } from "../registry/metadata.ts";
import { compileRules } from "./rules/rule-tree.ts";
import { runRules } from "./rules/run-rules.ts";
import { itemsOf, valuesOf } from "@knots/cel/structural-schema";
import { applyDefaults, prune } from "./structural.ts";
import { validateValue } from "./validate.ts";

/** Defaults are written into objects: they must be what the schema itself accepts. */
export function checkDefaults(schema: JSONSchemaProps, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  visit(schema, path, errors);
  return errors;
}

function visit(schema: JSONSchemaProps, path: FieldPath, errors: FieldError[]): void {
  if (schema.default !== undefined) checkDefault(schema, path.child("default"), errors);
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    visit(property, path.child("properties").key(name), errors);
  }
  const values = valuesOf(schema);
  if (values !== undefined) visit(values, path.child("additionalProperties"), errors);
  const items = itemsOf(schema);
  if (items !== undefined) visit(items, path.child("items"), errors);
}

function checkDefault(schema: JSONSchemaProps, path: FieldPath, errors: FieldError[]): void {
  const pruned = structuredClone(schema.default);
  prune(pruned, schema, schema["x-kubernetes-embedded-resource"] === true);
  if (!deepEqual(pruned, schema.default)) {
    errors.push(invalid(path, schema.default, "must not have unknown fields"));
    return;
  }
  applyDefaults(pruned, schema);
  const found: FieldError[] = [];
  validateValue(pruned, schema, path, found);
  if (found.length === 0) {
    const rules = compileRules(schema);
    if (rules !== undefined) addAll(found, runRules(rules, pruned, undefined).errors);
  }
  addAll(errors, found);
}
