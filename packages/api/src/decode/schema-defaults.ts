import { cloneJson } from "@knots/machinery";
import type { FieldSchema, TypeSchema } from "@knots/machinery";
import type { ApiFieldSchema } from "../schema/api-schema.ts";
import { isObject } from "./decoder.ts";

type Defaulter = (value: unknown) => void;

/** undefined: nothing below this schema has a default. */
const compiled = new WeakMap<TypeSchema, { defaulter: Defaulter | undefined }>();

/**
 * Sets the schema's defaults where a field is absent, or null and not nullable, in place. Works for built-in and
 * custom schemas; subtrees without defaults cost nothing.
 */
export function applySchemaDefaults(schema: TypeSchema, obj: unknown): void {
  defaulterFor(schema)?.(obj);
}

function defaulterFor(schema: TypeSchema): Defaulter | undefined {
  let entry = compiled.get(schema);
  if (!entry) {
    entry = { defaulter: hasDefaults(schema, new Set()) ? compile(schema) : undefined };
    compiled.set(schema, entry);
  }
  return entry.defaulter;
}

function hasDefaults(schema: TypeSchema, visiting: Set<TypeSchema>): boolean {
  if (visiting.has(schema)) return false;
  visiting.add(schema);
  switch (schema.kind) {
    case "list":
      return hasDefaults(schema.element, visiting);
    case "map":
      return hasDefaults(schema.value, visiting);
    case "struct":
      return schema.fields
        .values()
        .some((field) => defaultOf(field) !== undefined || hasDefaults(field.type, visiting));
    default:
      return false;
  }
}

/** The default of a field that Go would leave out when it has it is never seen. */
function defaultOf(field: FieldSchema): unknown {
  const { omitEmpty, pointer } = field as Partial<ApiFieldSchema>;
  const { default: value } = field;
  const unseen = omitEmpty === true && pointer !== true && (value === "" || value === 0 || value === false);
  return unseen ? undefined : value;
}

function compile(schema: TypeSchema): Defaulter {
  if (schema.kind === "list") {
    return (value) => {
      const each = defaulterFor(schema.element);
      if (each && Array.isArray(value)) for (const element of value) each(element);
    };
  }
  if (schema.kind === "map") {
    return (value) => {
      const each = defaulterFor(schema.value);
      if (each && isObject(value)) for (const key in value) each(value[key]);
    };
  }
  if (schema.kind !== "struct") return () => {};
  let fields: { name: string; nullable: boolean; value: unknown; inner: Defaulter | undefined }[] | undefined;
  return (value) => {
    if (!isObject(value)) return;
    fields ??= [...schema.fields.values()]
      .map((field) => ({
        name: field.name,
        nullable: field.nullable === true,
        value: defaultOf(field),
        inner: defaulterFor(field.type),
      }))
      .filter((field) => field.value !== undefined || field.inner);
    for (const field of fields) {
      const given = value[field.name];
      const absent = given === undefined || (given === null && !field.nullable);
      if (absent && field.value !== undefined) {
        value[field.name] = cloneJson(field.value);
      }
      const now = value[field.name];
      if (field.inner && now !== undefined && now !== null) field.inner(now);
    }
  };
}
