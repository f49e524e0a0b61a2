import type { TypeSchema } from "../schema.ts";
import { EMPTY_SET, FieldSet, LEAF } from "./field-set.ts";
import { fieldElement } from "./path-element.ts";
import type { PathElement } from "./path-element.ts";
import { ANY, childSchema, fieldOf, isObject, itemsByElement, shapeOf } from "./typed.ts";
import type { Typing } from "./typed.ts";

/**
 * The fields that a value names: every leaf, every item of a list and key of a map, and structs only where they are empty.
 * This is what an applier owns. Throws TypedError.
 */
export function toFieldSet(value: unknown, { schema = ANY, untyped }: Typing): FieldSet {
  return fieldsOf(value, schema, untyped).as(false);
}

function fieldsOf(value: unknown, schema: TypeSchema, untyped: Typing["untyped"]): FieldSet {
  const shape = shapeOf(schema, untyped, value);
  if (shape === "leaf") return LEAF;
  const children = new Map<PathElement, FieldSet>();
  if (shape === "map") {
    if (!isObject(value)) return EMPTY_SET;
    for (const name in value) {
      const item = value[name];
      if (item === undefined) continue;
      const set = fieldsOf(item, childSchema(schema, name), untyped);
      const alone = item === null || (isObject(item) && Object.keys(item).length === 0);
      const child = alone || fieldOf(schema, name) === undefined ? set.as(true) : set;
      if (!child.isEmpty) children.set(fieldElement(name), child);
    }
  } else if (schema.kind === "list" && Array.isArray(value)) {
    for (const [element, items] of itemsByElement(schema, value)) {
      children.set(element, items.length > 1 ? LEAF : fieldsOf(items[0], schema.element, untyped).as(true));
    }
  }
  return children.size === 0 ? EMPTY_SET : new FieldSet(false, children);
}

/**
 * The set with every field of a struct that has something below it: structs are rarely in a set themselves, but go when
 * all that is in them goes.
 */
export function withNamedFields(set: FieldSet, { schema = ANY }: Typing): FieldSet {
  return named(set, schema);
}

function named(set: FieldSet, schema: TypeSchema): FieldSet {
  if (set.children.size === 0) return set;
  const children = new Map<PathElement, FieldSet>();
  for (const [element, child] of set.children) {
    const name = element[0] === "f" ? element.slice(2) : undefined;
    const type = name === undefined ? (schema.kind === "list" ? schema.element : ANY) : childSchema(schema, name);
    const next = named(child, type);
    const isNamed = name !== undefined && child.children.size > 0 && fieldOf(schema, name) !== undefined;
    children.set(element, isNamed ? next.as(true) : next);
  }
  return new FieldSet(set.member, children);
}
