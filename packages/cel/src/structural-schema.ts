import type { JSONSchemaProps } from "@knots/api/apiextensions/v1";

/** The schema of list items; structural schemas have exactly one. */
export function itemsOf(schema: JSONSchemaProps): JSONSchemaProps | undefined {
  const { items } = schema;
  return Array.isArray(items) ? items[0] : items;
}

/** The schema of a map's values; true and false say that anything, or nothing, is allowed. */
export function valuesOf(schema: JSONSchemaProps): JSONSchemaProps | undefined {
  const { additionalProperties } = schema;
  return typeof additionalProperties === "object" ? additionalProperties : undefined;
}
