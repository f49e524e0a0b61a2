import { cloneJson, setKey } from "@knots/machinery";
import type { JSONSchemaProps } from "@knots/api/apiextensions/v1";
import { itemsOf, valuesOf } from "@knots/cel/structural-schema";

type Json = unknown;
type JsonObject = Record<string, Json>;

export function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Fields that every object has, and that no schema of a custom resource describes. */
const OBJECT_FIELDS = new Set(["apiVersion", "kind", "metadata"]);

/**
 * Drops, in place, what the schema does not describe (upstream: pruning); reports the dropped paths.
 * `root`: apiVersion, kind and metadata stand beside the described fields.
 */
export function prune(
  value: Json,
  schema: JSONSchemaProps,
  root: boolean,
  path = "",
  dropped: string[] = [],
): string[] {
  if (Array.isArray(value)) {
    const items = itemsOf(schema);
    if (items !== undefined) value.forEach((item, i) => prune(item, items, embedded(items), `${path}[${i}]`, dropped));
    return dropped;
  }
  if (!isObject(value)) return dropped;
  const values = valuesOf(schema);
  for (const [key, inner] of Object.entries(value)) {
    if (root && OBJECT_FIELDS.has(key)) continue;
    const at = path === "" ? key : `${path}.${key}`;
    const property =
      schema.properties !== undefined && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
    if (property !== undefined) prune(inner, property, embedded(property), at, dropped);
    else if (values !== undefined) prune(inner, values, embedded(values), at, dropped);
    else if (schema["x-kubernetes-preserve-unknown-fields"] !== true && schema.additionalProperties !== true) {
      delete value[key];
      dropped.push(at);
    }
  }
  return dropped;
}

function embedded(schema: JSONSchemaProps): boolean {
  return schema["x-kubernetes-embedded-resource"] === true;
}

/** Sets, in place, the defaults of absent fields, and of null ones that may not be null. */
export function applyDefaults(value: Json, schema: JSONSchemaProps): void {
  if (!hasDefaults(schema)) return;
  if (Array.isArray(value)) {
    const items = itemsOf(schema);
    if (items !== undefined) for (const item of value) applyDefaults(item, items);
    return;
  }
  if (!isObject(value)) return;
  for (const [key, property] of defaultingProperties(schema)) {
    const current = Object.hasOwn(value, key) ? value[key] : undefined;
    const missing = current === undefined || (current === null && property.nullable !== true);
    if (missing && property.default !== undefined) setKey(value, key, cloneJson(property.default));
    else if (current === null && property.nullable !== true && property.default === undefined) continue;
    if (Object.hasOwn(value, key)) applyDefaults(value[key], property);
  }
  const values = valuesOf(schema);
  if (values === undefined) return;
  for (const [key, inner] of Object.entries(value)) {
    if (schema.properties !== undefined && Object.hasOwn(schema.properties, key)) continue;
    applyDefaults(inner, values);
  }
}

const defaulting = {
  below: new WeakMap<JSONSchemaProps, boolean>(),
  properties: new WeakMap<JSONSchemaProps, readonly [string, JSONSchemaProps][]>(),
};

/** Whether there are defaults anywhere below: a list may have a million items of a schema that has none. */
function hasDefaults(schema: JSONSchemaProps): boolean {
  const known = defaulting.below.get(schema);
  if (known !== undefined) return known;
  const parts = [itemsOf(schema), valuesOf(schema)];
  const found =
    defaultingProperties(schema).length > 0 || parts.some((each) => each !== undefined && hasDefaults(each));
  defaulting.below.set(schema, found);
  return found;
}

/** The properties that have a default, or something that has one. */
function defaultingProperties(schema: JSONSchemaProps): readonly [string, JSONSchemaProps][] {
  let properties = defaulting.properties.get(schema);
  if (properties === undefined) {
    const all = Object.entries(schema.properties ?? {});
    properties = all.filter(([, property]) => property.default !== undefined || hasDefaults(property));
    defaulting.properties.set(schema, properties);
  }
  return properties;
}
