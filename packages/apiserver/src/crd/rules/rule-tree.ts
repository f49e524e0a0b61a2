import type { JSONSchemaProps } from "@knots/api/apiextensions/v1";
import { schemaType } from "@knots/cel";
import type { SchemaType } from "@knots/cel";
import { itemsOf, valuesOf } from "@knots/cel/structural-schema";
import { compileRule } from "./compile-rule.ts";
import type { CompiledRule } from "./compile-rule.ts";

/** The rules of a schema, in the schema's own shape; parts without rules are left out. */
export interface RuleNode {
  readonly schema: JSONSchemaProps;
  readonly type: SchemaType | undefined;
  readonly rules: readonly CompiledRule[];
  readonly items: RuleNode | undefined;
  readonly values: RuleNode | undefined;
  readonly properties: ReadonlyMap<string, RuleNode>;
  readonly allOf: readonly RuleNode[];
}

/** Undefined when there is no rule at or below the schema. */
export function compileRules(schema: JSONSchemaProps): RuleNode | undefined {
  return hasRules(schema) ? nodeOf(schema, schema, true, "selfType") : undefined;
}

function hasRules(schema: JSONSchemaProps): boolean {
  if ((schema["x-kubernetes-validations"]?.length ?? 0) > 0) return true;
  const items = itemsOf(schema);
  const values = valuesOf(schema);
  return (
    (items !== undefined && hasRules(items)) ||
    (values !== undefined && hasRules(values)) ||
    Object.values(schema.properties ?? {}).some(hasRules) ||
    (schema.allOf ?? []).some(hasRules)
  );
}

/** `structure` gives the types where `schema`, part of an allOf, has none of its own. */
function nodeOf(
  schema: JSONSchemaProps,
  structure: JSONSchemaProps,
  root: boolean,
  name: string,
): RuleNode | undefined {
  if (!hasRules(schema)) return undefined;
  const type = schemaType(structure, root, name);
  const child = (inner: JSONSchemaProps | undefined, base: JSONSchemaProps | undefined, at: string) =>
    inner === undefined || base === undefined
      ? undefined
      : nodeOf(inner, base, base["x-kubernetes-embedded-resource"] === true, `${name}.${at}`);
  const properties = new Map<string, RuleNode>();
  for (const [property, inner] of Object.entries(schema.properties ?? {})) {
    const base =
      structure.properties !== undefined && Object.hasOwn(structure.properties, property)
        ? structure.properties[property]
        : undefined;
    const node = child(inner, base, property);
    if (node !== undefined) properties.set(property, node);
  }
  return {
    schema: structure,
    type,
    rules: type === undefined ? [] : (schema["x-kubernetes-validations"] ?? []).map((rule) => compileRule(rule, type)),
    items: child(itemsOf(schema), itemsOf(structure), "@idx"),
    values: child(valuesOf(schema), valuesOf(structure), "@elem"),
    properties,
    allOf: (schema.allOf ?? [])
      .map((part) => nodeOf(part, structure, root, name))
      .filter((node): node is RuleNode => node !== undefined),
  };
}
