import type { JSONSchemaProps } from "@knots/api/apiextensions/v1";
import { itemsOf, valuesOf } from "./structural-schema.ts";
import { escapeFieldName } from "./field-names.ts";
import { SchemaList, SchemaMap, SchemaObject, scalarReader } from "./schema-values.ts";
import type { Reader } from "./schema-values.ts";
import { BOOL, BYTES, DOUBLE, DURATION, DYN, INT, STRING, TIMESTAMP, listOf, mapOf, struct } from "./types.ts";
import type { CelType } from "./types.ts";

/** Largest request that upstream accepts; what has no bound of its own is bounded by it. */
const MAX_REQUEST = 3 * 1024 * 1024;
const MIN_STRING = 2;
const MIN_BOOL = 4;
const MIN_NUMBER = 1;
const DURATION_SIZE = { min: 4, max: 32 };
const DATE_TIME_SIZE = { min: 21, max: 35 };
const DATE_SIZE = 12;

/** A structural schema as expressions see it, with the bounds that costs are estimated from. */
export interface SchemaType {
  readonly type: CelType;
  /** Most elements (characters, items, entries) that a value may have. */
  readonly maxElements: number;
  /** Fewest bytes that a value takes in JSON. */
  readonly minSize: number;
  readonly element?: SchemaType;
  /** By the names that expressions use. */
  readonly fields?: ReadonlyMap<string, SchemaType>;
  /** JSON of this schema as a value. */
  readonly read: Reader;
}

/** Undefined for what expressions cannot see: values without a type. `root`: apiVersion, kind and metadata are there. */
export function schemaType(schema: JSONSchemaProps, root: boolean, name = "object"): SchemaType | undefined {
  if (schema["x-kubernetes-int-or-string"] === true) {
    const maxElements = schema.maxLength === undefined ? MAX_REQUEST - 2 : bytesOf(schema.maxLength);
    return { type: DYN, maxElements, minSize: 1, read: scalarReader("int-or-string") };
  }
  switch (schema.type) {
    case "array":
      return arrayType(schema, name);
    case "object":
      return objectType(root ? withObjectMeta(schema) : schema, name);
    case "string":
      return stringType(schema);
    case "boolean":
      return { type: BOOL, maxElements: 0, minSize: MIN_BOOL, read: scalarReader("boolean") };
    case "number":
      return { type: DOUBLE, maxElements: 0, minSize: MIN_NUMBER, read: scalarReader("number") };
    case "integer":
      return { type: INT, maxElements: 0, minSize: MIN_NUMBER, read: scalarReader("integer") };
    default:
      return undefined;
  }
}

/** A character takes up to four bytes. */
const bytesOf = (maxLength: number): number => Math.max(0, maxLength) * 4;

function isEmbedded(schema: JSONSchemaProps): boolean {
  return schema["x-kubernetes-embedded-resource"] === true;
}

function arrayType(schema: JSONSchemaProps, name: string): SchemaType | undefined {
  const items = itemsOf(schema);
  const element = items === undefined ? undefined : schemaType(items, isEmbedded(items), `${name}.@idx`);
  if (element === undefined) return undefined;
  const listType = schema["x-kubernetes-list-type"];
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  return {
    type: listOf(element.type),
    maxElements:
      schema.maxItems === undefined
        ? Math.floor((MAX_REQUEST - 2) / (element.minSize + 1))
        : Math.max(0, schema.maxItems),
    minSize: 2,
    element,
    read: (json) => (Array.isArray(json) ? new SchemaList(json, element.read, listType, keys) : null),
  };
}

function objectType(schema: JSONSchemaProps, name: string): SchemaType | undefined {
  if (schema.additionalProperties !== undefined && schema.additionalProperties !== false) {
    const values = valuesOf(schema);
    const element = values === undefined ? undefined : schemaType(values, isEmbedded(values), `${name}.@elem`);
    if (element === undefined) return undefined;
    return {
      type: mapOf(STRING, element.type),
      maxElements:
        schema.maxProperties === undefined
          ? Math.floor((MAX_REQUEST - 2) / (element.minSize + 6))
          : Math.max(0, schema.maxProperties),
      minSize: 2,
      element,
      read: (json) => (isObject(json) ? new SchemaMap(json, element.read) : null),
    };
  }
  return structType(schema, name);
}

function structType(schema: JSONSchemaProps, name: string): SchemaType {
  const required = new Set(schema.required);
  const fields = new Map<string, SchemaType>();
  const properties = new Map<string, { property: string; read: Reader }>();
  let minSize = 2;
  for (const [property, inner] of Object.entries(schema.properties ?? {})) {
    const field = schemaType(inner, isEmbedded(inner), `${name}.${property}`);
    if (field === undefined) continue;
    const escaped = escapeFieldName(property);
    if (escaped !== undefined) {
      fields.set(escaped, field);
      properties.set(escaped, { property, read: field.read });
    }
    if (required.has(property) && inner.default === undefined) minSize += property.length + field.minSize + 4;
  }
  const type = struct(name, { field: (field) => fields.get(field) });
  return {
    type,
    maxElements: 0,
    minSize,
    fields,
    read: (json) => (isObject(json) ? new SchemaObject(json, properties, type) : null),
  };
}

function stringType(schema: JSONSchemaProps): SchemaType {
  const { format, maxLength } = schema;
  switch (format) {
    case "byte":
      return {
        type: BYTES,
        maxElements: maxLength === undefined ? MAX_REQUEST - 2 : Math.max(0, maxLength),
        minSize: MIN_STRING,
        read: scalarReader("byte"),
      };
    case "duration":
      return {
        type: DURATION,
        maxElements: DURATION_SIZE.max,
        minSize: DURATION_SIZE.min,
        read: scalarReader("duration"),
      };
    case "date":
      return { type: TIMESTAMP, maxElements: DATE_SIZE, minSize: DATE_SIZE, read: scalarReader("date") };
    case "date-time":
      return {
        type: TIMESTAMP,
        maxElements: DATE_TIME_SIZE.max,
        minSize: DATE_TIME_SIZE.min,
        read: scalarReader("date-time"),
      };
    default: {
      const longest = (schema.enum ?? []).map((value) => (typeof value === "string" ? Buffer.byteLength(value) : 0));
      const unbounded = longest.length > 0 ? Math.max(...longest) : MAX_REQUEST - 2;
      return {
        type: STRING,
        maxElements: maxLength === undefined ? unbounded : bytesOf(maxLength),
        minSize: MIN_STRING,
        read: scalarReader("string"),
      };
    }
  }
}

const TEXT: JSONSchemaProps = { type: "string" };

/** What every object has, whether its schema says so or not. */
function withObjectMeta(schema: JSONSchemaProps): JSONSchemaProps {
  return {
    ...schema,
    properties: {
      ...schema.properties,
      kind: TEXT,
      apiVersion: TEXT,
      metadata: { type: "object", properties: { name: TEXT, generateName: TEXT } },
    },
  };
}

function isObject(json: unknown): json is Record<string, unknown> {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

/**
 * The part of a schema that an expression reaches by a path from its root; undefined when the path leads elsewhere.
 * Path elements: field names, and "@items", "@values", "@keys", "@indices".
 */
export function schemaAt(root: SchemaType, path: readonly string[]): Pick<SchemaType, "maxElements"> | undefined {
  let current: SchemaType | undefined = root;
  for (const name of path) {
    if (current === undefined) return undefined;
    if (name === "@items" || name === "@values") current = current.element;
    else if (name === "@keys") return current.element === undefined ? undefined : { maxElements: MAX_REQUEST - 2 };
    else if (name === "@indices") return undefined;
    else current = current.fields?.get(name);
  }
  return current;
}
