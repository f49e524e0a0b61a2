import type { TypeSchema } from "../schema.ts";
import { EMPTY_SET, FieldSet, LEAF } from "./field-set.ts";
import { fieldElement } from "./path-element.ts";
import type { PathElement } from "./path-element.ts";
import { ANY, childSchema, equalValues, fieldOf, isEmptyValue, isObject, itemsByElement, shapeOf } from "./typed.ts";
import type { JsonObject, Typing } from "./typed.ts";
import { zeroOf } from "./zero.ts";

/** What differs between two values; no field is in more than one of the sets. */
export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

export const SAME: Comparison = { added: EMPTY_SET, modified: EMPTY_SET, removed: EMPTY_SET };

export function isSame({ added, modified, removed }: Comparison): boolean {
  return added.isEmpty && modified.isEmpty && removed.isEmpty;
}

/** The comparison without these fields and everything below them. */
export function exclude(comparison: Comparison, fields: FieldSet): Comparison {
  if (fields.isEmpty || isSame(comparison)) return comparison;
  return {
    added: comparison.added.recursiveDifference(fields),
    modified: comparison.modified.recursiveDifference(fields),
    removed: comparison.removed.recursiveDifference(fields),
  };
}

/**
 * Compares two values of one type. Besides leaves, structs, maps, lists and their items count as fields that come and go.
 * Parts that both values share are passed over. Throws TypedError.
 */
export function compare(before: unknown, after: unknown, { schema = ANY, untyped }: Typing): Comparison {
  const change = compareAny(before, after, schema, untyped);
  if (change === undefined) return SAME;
  const { added, modified, removed } = change;
  return {
    added: added?.as(false) ?? EMPTY_SET,
    modified: modified?.as(false) ?? EMPTY_SET,
    removed: removed?.as(false) ?? EMPTY_SET,
  };
}

/** The differences at one value and below it; absent: none of the kind. */
interface Change {
  added?: FieldSet;
  modified?: FieldSet;
  removed?: FieldSet;
}

type Untyped = Typing["untyped"];

const LEAF_MODIFIED: Change = { modified: LEAF };

function compareAny(before: unknown, after: unknown, schema: TypeSchema, untyped: Untyped): Change | undefined {
  if (before === after) return undefined;
  if (before === undefined) return { added: everything(after, schema, untyped) };
  if (after === undefined) return { removed: everything(before, schema, untyped) };
  const shape = shapeOf(schema, untyped, after);
  if (shape !== shapeOf(schema, untyped, before)) return compareShapes(before, after, schema, untyped);
  if (shape === "leaf") return equalValues(before, after) ? undefined : LEAF_MODIFIED;
  const change =
    shape === "map"
      ? compareMaps(objectOf(before), objectOf(after), schema, untyped)
      : compareLists(before, after, schema, untyped);
  if (change !== undefined) return change;
  // Nothing and an empty container differ, although neither has anything in it.
  const differ = (before === null || after === null) && isEmptyValue(before) && isEmptyValue(after);
  return differ ? LEAF_MODIFIED : undefined;
}

/** Without a schema a value may turn from a map into something else: all of its fields go, and back they all come. */
function compareShapes(before: unknown, after: unknown, schema: TypeSchema, untyped: Untyped): Change {
  const change: Change = { modified: LEAF };
  const removed = everything(before, schema, untyped).as(false);
  const added = everything(after, schema, untyped).as(false);
  if (!removed.isEmpty) change.removed = removed;
  if (!added.isEmpty) change.added = added;
  return change;
}

function compareMaps(before: JsonObject, after: JsonObject, schema: TypeSchema, untyped: Untyped): Change | undefined {
  const collected = new Changes();
  for (const name in after) {
    const next = after[name];
    const last = before[name];
    if (next === last || next === undefined) continue;
    const old = last === undefined ? zeroOf(fieldOf(schema, name)) : last;
    const change = compareAny(old, next, childSchema(schema, name), untyped);
    if (change !== undefined) collected.add(fieldElement(name), change);
  }
  for (const name in before) {
    const last = before[name];
    if (last === undefined || after[name] !== undefined) continue;
    const change = compareAny(last, zeroOf(fieldOf(schema, name)), childSchema(schema, name), untyped);
    if (change !== undefined) collected.add(fieldElement(name), change);
  }
  return collected.take();
}

function compareLists(before: unknown, after: unknown, schema: TypeSchema, untyped: Untyped): Change | undefined {
  if (schema.kind !== "list") return undefined;
  const last = itemsByElement(schema, Array.isArray(before) ? (before as unknown[]) : []);
  const next = itemsByElement(schema, Array.isArray(after) ? (after as unknown[]) : []);
  const collected = new Changes();
  for (const [element, items] of next) {
    const old = last.get(element);
    const change = compareItems(old, items, schema.element, untyped);
    if (change !== undefined) collected.add(element, change);
  }
  for (const [element, items] of last) {
    if (next.has(element)) continue;
    collected.add(element, { removed: items.length > 1 ? LEAF : everything(items[0], schema.element, untyped) });
  }
  return collected.take();
}

/** Several items of one name are one field: which of them changed nobody can say. */
function compareItems(
  before: readonly unknown[] | undefined,
  after: readonly unknown[],
  schema: TypeSchema,
  untyped: Untyped,
): Change | undefined {
  if (before === undefined) return { added: after.length > 1 ? LEAF : everything(after[0], schema, untyped) };
  if (before.length === 1 && after.length === 1) return compareAny(before[0], after[0], schema, untyped);
  return equalValues(before, after) ? undefined : LEAF_MODIFIED;
}

/** Every field of a value with the value itself, containers included: what comes or goes with it. */
function everything(value: unknown, schema: TypeSchema, untyped: Untyped): FieldSet {
  const shape = shapeOf(schema, untyped, value);
  if (shape === "leaf" || isEmptyValue(value)) return LEAF;
  const children = new Map<PathElement, FieldSet>();
  if (shape === "map" && isObject(value)) {
    for (const name in value) {
      const item = value[name];
      if (item !== undefined) children.set(fieldElement(name), everything(item, childSchema(schema, name), untyped));
    }
  } else if (schema.kind === "list" && Array.isArray(value)) {
    for (const [element, items] of itemsByElement(schema, value)) {
      children.set(element, items.length > 1 ? LEAF : everything(items[0], schema.element, untyped));
    }
  }
  return children.size === 0 ? LEAF : new FieldSet(true, children);
}

function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

/** The changes of children, gathered into those of their parent. */
class Changes {
  #added: Map<PathElement, FieldSet> | undefined;
  #modified: Map<PathElement, FieldSet> | undefined;
  #removed: Map<PathElement, FieldSet> | undefined;

  add(element: PathElement, { added, modified, removed }: Change): void {
    if (added !== undefined) (this.#added ??= new Map()).set(element, added);
    if (modified !== undefined) (this.#modified ??= new Map()).set(element, modified);
    if (removed !== undefined) (this.#removed ??= new Map()).set(element, removed);
  }

  take(): Change | undefined {
    if (this.#added === undefined && this.#modified === undefined && this.#removed === undefined) return undefined;
    const change: Change = {};
    if (this.#added !== undefined) change.added = new FieldSet(false, this.#added);
    if (this.#modified !== undefined) change.modified = new FieldSet(false, this.#modified);
    if (this.#removed !== undefined) change.removed = new FieldSet(false, this.#removed);
    return change;
  }
}
