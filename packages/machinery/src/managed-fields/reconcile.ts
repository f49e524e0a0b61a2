import type { TypeSchema } from "../schema.ts";
import { FieldSet, LEAF } from "./field-set.ts";
import type { PathElement } from "./path-element.ts";
import { toFieldSet } from "./to-field-set.ts";
import { ANY, childSchema, isObject, itemElement, shapeOf } from "./typed.ts";
import type { Typing } from "./typed.ts";

/**
 * Brings a set that was recorded under an older schema into the present one: what has become atomic is owned as a whole,
 * and who owned an atomic value that has become granular owns everything in it. `live` is the object the set is about.
 */
export function reconcileWithSchema(set: FieldSet, live: unknown, typing: Typing): FieldSet {
  return typing.schema === undefined ? set : reconcile(set, live, typing.schema, typing.untyped);
}

function reconcile(set: FieldSet, value: unknown, schema: TypeSchema, untyped: Typing["untyped"]): FieldSet {
  // Deduced types have no marks that could have changed.
  if (schema.kind === "any" || schema.kind === "scalar") return set;
  const atomic = shapeOf(schema, untyped, value) === "leaf";
  if (set.children.size === 0) {
    if (!set.member || atomic) return set;
    const owned = toFieldSet(value ?? null, { schema, untyped });
    return owned.children.size === 0 ? set : new FieldSet(true, owned.children);
  }
  if (atomic) return LEAF;
  let children: Map<PathElement, FieldSet> | undefined;
  const below = valuesBelow(value, schema);
  for (const [element, child] of set.children) {
    // A struct, map or item that is in the set together with its parts is granular already.
    const type = typeBelow(schema, element);
    if (child.children.size === 0 && !isContainer(type)) continue;
    const next = reconcile(child, below(element), type, untyped);
    if (next !== child) (children ??= new Map(set.children)).set(element, next);
  }
  return children === undefined ? set : new FieldSet(set.member, children);
}

function isContainer({ kind }: TypeSchema): boolean {
  return kind === "struct" || kind === "map" || kind === "list";
}

function typeBelow(schema: TypeSchema, element: PathElement): TypeSchema {
  if (schema.kind === "list") return schema.element;
  return element.startsWith("f:") ? childSchema(schema, element.slice(2)) : ANY;
}

/** Finds what a step leads to. */
function valuesBelow(value: unknown, schema: TypeSchema): (element: PathElement) => unknown {
  if (schema.kind !== "list") {
    return (element) => (isObject(value) && element.startsWith("f:") ? value[element.slice(2)] : undefined);
  }
  // Items are named once, and no further than they are looked for.
  const items = Array.isArray(value) ? (value as unknown[]) : [];
  const named = new Map<PathElement, unknown>();
  let next = 0;
  return (element) => {
    while (!named.has(element) && next < items.length) {
      const item = items[next++];
      const name = itemElement(schema, item);
      if (!named.has(name)) named.set(name, item);
    }
    return named.get(element);
  };
}
