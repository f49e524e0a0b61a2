// How values are taken apart by their schema: what is a leaf, what a map of fields, what a list whose items have names.
import type { FieldSchema, TypeSchema } from "../schema.ts";
import { keyElement, valueElement } from "./path-element.ts";
import type { PathElement } from "./path-element.ts";

/** What server-side apply works with: the schema of an object's version. */
export interface Typing {
  /** Undefined: nothing is known of the type. */
  readonly schema: TypeSchema | undefined;
  /**
   * Values without a schema: "atomic", one leaf (built-in types' raw extensions), or "deduced" from what they hold: objects
   * are maps of fields, everything else is a leaf (custom resources).
   */
  readonly untyped: "atomic" | "deduced";
}

export type JsonObject = Record<string, unknown>;
type ListSchema = Extract<TypeSchema, { kind: "list" }>;

export const ANY: TypeSchema = { kind: "any", preserveUnknown: true };

/** A value that does not fit its schema so that it cannot be taken apart. */
export class TypedError extends Error {}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Absent, null, {} and []. */
export function isEmptyValue(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (typeof value !== "object") return false;
  if (Array.isArray(value)) return value.every((each) => each === undefined);
  // Not for-in: see countMembers.
  for (const key of Object.keys(value)) if ((value as JsonObject)[key] !== undefined) return false;
  return true;
}

/** "leaf": owned as a whole; "map": by fields; "list": by items. `value` matters only where there is no schema. */
export function shapeOf(schema: TypeSchema, untyped: Typing["untyped"], value: unknown): "leaf" | "map" | "list" {
  switch (schema.kind) {
    case "struct":
      return schema.structType === "atomic" ? "leaf" : "map";
    case "map":
      return schema.mapType === "atomic" ? "leaf" : "map";
    case "list":
      return schema.listType === "atomic" ? "leaf" : "list";
    case "any":
      return untyped === "deduced" && isObject(value) ? "map" : "leaf";
    default:
      return "leaf";
  }
}

export function fieldOf(schema: TypeSchema, name: string): FieldSchema | undefined {
  return schema.kind === "struct" ? schema.fields.get(name) : undefined;
}

export function childSchema(schema: TypeSchema, name: string): TypeSchema {
  if (schema.kind === "struct") return schema.fields.get(name)?.type ?? ANY;
  return schema.kind === "map" ? schema.value : ANY;
}

/** The name of a list's item: its keys, or itself in a set. Throws TypedError when it has none. */
export function itemElement(list: ListSchema, item: unknown): PathElement {
  if (list.listType === "map") return keyedElement(list, item);
  if (isObject(item)) throw new TypedError("associative list without keys has an element that's a map type");
  if (Array.isArray(item)) throw new TypedError("not supported: associative list with lists as elements");
  if (item === null || item === undefined) {
    throw new TypedError("associative list without keys has an element that's an explicit null");
  }
  return valueElement(item);
}

function keyedElement(list: ListSchema, item: unknown): PathElement {
  if (item === null || item === undefined) {
    throw new TypedError("associative list with keys may not have a null element");
  }
  if (!isObject(item)) throw new TypedError("associative list with keys may not have non-map elements");
  const names = list.mapKeys ?? [];
  const first = names[0];
  if (names.length === 1 && first !== undefined && typeof item[first] === "string") {
    return `k:{${JSON.stringify(first)}:${JSON.stringify(item[first])}}`;
  }
  const keys: JsonObject = {};
  let found = false;
  for (const name of names) {
    const value = item[name] ?? fieldOf(list.element, name)?.default;
    if (value === undefined) continue;
    keys[name] = value;
    found = true;
  }
  if (!found) {
    const quoted = names.map((name) => JSON.stringify(name)).join(" ");
    throw new TypedError(
      `associative list with keys has an element that omits all key fields [${quoted}] (and doesn't have default values for any key fields)`,
    );
  }
  return keyElement(keys);
}

/** A list's items by their names, in order of first appearance; several items with one name are all there. */
export function itemsByElement(list: ListSchema, items: readonly unknown[]): Map<PathElement, unknown[]> {
  const result = new Map<PathElement, unknown[]>();
  for (const item of items) {
    const element = itemElement(list, item);
    const known = result.get(element);
    if (known === undefined) result.set(element, [item]);
    else known.push(item);
  }
  return result;
}

/** Structural equality of JSON values; absent and undefined are the same. */
export function equalValues(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, i) => equalValues(item, b[i]));
  }
  if (Array.isArray(b)) return false;
  const left = a as JsonObject;
  const right = b as JsonObject;
  for (const key in left) if (!equalValues(left[key], right[key])) return false;
  for (const key in right) if (right[key] !== undefined && left[key] === undefined) return false;
  return true;
}
