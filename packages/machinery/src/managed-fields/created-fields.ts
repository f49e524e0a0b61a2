// The managed fields of a new object, straight from its value to FieldsV1's text: the same as comparing it with an empty
// object of its type, in one pass and without sets, because every create pays for it. Objects of one template have the
// same fields: who looks like one that was seen just now has that one's text.
import type { TypeSchema } from "../schema.ts";
import { STRIPPED_METADATA } from "./field-filter.ts";
import { comparePathElements } from "./path-element.ts";
import type { PathElement } from "./path-element.ts";
import { ANY, equalValues, isEmptyValue, isObject, itemElement } from "./typed.ts";
import type { JsonObject, Typing } from "./typed.ts";
import { zeroOf } from "./zero.ts";
import { setKey } from "../table.ts";

/** Templates of one type that come in turns. */
const RECENT = 4;
/** What has more to say is not looked for again. */
const MAX_TEXT = 64 * 1024;

/** A key like any other, but what has none of its own seems to have it. */
const PROTO = "__proto__";

const LEAF = "{}";
const NOTHING = "";
const NO_NAMES: ReadonlySet<string> = new Set();
const NEVER_TOP: ReadonlySet<string> = new Set(["apiVersion", "kind"]);

/** `without` names top-level fields that are not counted. "" when no field is anybody's. Throws TypedError. */
export function createdFields(object: object, typing: Typing, without: ReadonlySet<string> = NO_NAMES): string {
  const plan = planOf(typing.schema ?? ANY, typing.untyped);
  const value = object as JsonObject;
  const known = plan.recent.find((seen) => seen.without === without && alikeAtTop(plan, seen.value, value, without));
  if (known !== undefined) return known.text;
  const text = fieldsOf(plan, value, without);
  if (text.length > MAX_TEXT) return text;
  plan.recent.unshift({ value: skeletonAtTop(plan, value, without), without, text });
  plan.recent.length = Math.min(plan.recent.length, RECENT);
  return text;
}

/** An object as it was seen, without what it says: only what its fields depend on. */
interface Seen {
  readonly value: JsonObject;
  readonly without: ReadonlySet<string>;
  readonly text: string;
}

function fieldsOf(plan: Plan, value: JsonObject, without: ReadonlySet<string>): string {
  const members = new Members();
  for (const name in value) {
    if (NEVER_TOP.has(name) || without.has(name)) continue;
    const inner = value[name];
    if (inner === undefined) continue;
    const field = plan.field(name);
    members.add(field, name === "metadata" ? field.plan.members(inner, STRIPPED_METADATA) : addedUnder(field, inner));
  }
  return members.text(false);
}

function isCounted(name: string, without: ReadonlySet<string>): boolean {
  return !NEVER_TOP.has(name) && !without.has(name);
}

function alikeAtTop(plan: Plan, a: JsonObject, b: JsonObject, without: ReadonlySet<string>): boolean {
  let left = countMembers(a);
  for (const name of Object.keys(b)) {
    const inner = b[name];
    if (inner === undefined || !isCounted(name, without)) continue;
    if (name === PROTO) return false;
    left--;
    const field = plan.field(name);
    const skipped = name === "metadata" ? STRIPPED_METADATA : NO_NAMES;
    if (!isAlike(field, a[name], inner, skipped)) return false;
  }
  return left === 0;
}

/**
 * By Object.keys, as in all that compares: V8 compiles `for (name in a) a[name]` for the shapes it has seen, throws that
 * away at the next one, and does not learn from it.
 */
function countMembers(a: JsonObject): number {
  let count = 0;
  for (const name of Object.keys(a)) if (a[name] !== undefined) count++;
  return count;
}

function skeletonAtTop(plan: Plan, value: JsonObject, without: ReadonlySet<string>): JsonObject {
  const result: JsonObject = {};
  for (const name in value) {
    const inner = value[name];
    if (inner === undefined || !isCounted(name, without)) continue;
    const kept = plan.field(name).plan.skeleton(inner, name === "metadata" ? STRIPPED_METADATA : NO_NAMES);
    setKey(result, name, kept);
  }
  return result;
}

/** Whether two values of a field stand for the same fields. May say no where they do. */
function isAlike({ zero, plan }: Field, a: unknown, b: unknown, without: ReadonlySet<string>): boolean {
  if (a === undefined) return false;
  if (typeof a !== "object" || typeof b !== "object") return typeof a === typeof b && (a === zero) === (b === zero);
  if (zero !== undefined && (equalValues(a, zero) !== equalValues(b, zero) || isEmptyValue(a) !== isEmptyValue(b)))
    return false;
  return plan.alike(a, b, without);
}

interface Field {
  readonly name: string;
  /** The place of a struct's field among all of the struct; 0 for keys of maps, which are told apart by name. */
  readonly rank: number;
  /** The key as JSON, with its colon. */
  readonly key: string;
  /** The key with a value that has nothing below it: what most fields are. */
  readonly leaf: string;
  readonly zero: unknown;
  readonly plan: Plan;
}

/** One type, prepared. */
interface Plan {
  field(name: string): Field;
  /** The value with all that is in it. */
  everything(value: unknown): string;
  /** What is in the value, but not itself. */
  members(value: unknown, without: ReadonlySet<string>): string;
  /** Whether both values, of which none is undefined, give the same text. `a` is a skeleton. May say no where they do. */
  alike(a: unknown, b: unknown, without: ReadonlySet<string>): boolean;
  /** A copy of the value that gives the same text and keeps nothing that only is said. */
  skeleton(value: unknown, without: ReadonlySet<string>): unknown;
  /** Objects of this type seen last, newest first. */
  readonly recent: Seen[];
}

/** What a field adds to a struct that had its zero value (or nothing) before. */
function addedUnder({ zero, plan }: Field, value: unknown): string {
  if (zero === undefined) return plan.everything(value);
  if (equalValues(value, zero)) return NOTHING;
  if (plan === leafPlan || isEmptyValue(value)) return LEAF;
  return plan.members(value, NO_NAMES);
}

/** Members beyond these are sorted at the end: a map of somebody's choice can have a hundred thousand keys in any order. */
const FEW = 32;

/** The members of one map or struct, in canonical order. */
class Members {
  readonly #fields: Field[] = [];
  readonly #texts: string[] = [];
  #sorted = true;

  /** Sorted in as they come: they are few, and mostly in order. */
  add(field: Field, below: string): void {
    if (below === NOTHING) return;
    const fields = this.#fields;
    const texts = this.#texts;
    let at = fields.length;
    if (at < FEW) {
      for (; at > 0; at--) {
        const previous = fields[at - 1] as Field;
        if (isBefore(previous, field)) break;
        fields[at] = previous;
        texts[at] = texts[at - 1] as string;
      }
    } else if (!isBefore(fields[at - 1] as Field, field)) this.#sorted = false;
    fields[at] = field;
    texts[at] = below === LEAF ? field.leaf : field.key + below;
  }

  text(itself: boolean): string {
    const texts = this.#sorted ? this.#texts : this.#inOrder();
    if (texts.length === 0) return itself ? LEAF : NOTHING;
    return `${itself ? '{".":{},' : "{"}${texts.join(",")}}`;
  }

  #inOrder(): string[] {
    const texts = this.#texts;
    return this.#fields
      .map((field, index) => ({ field, text: texts[index] as string }))
      .sort((a, b) => (isBefore(a.field, b.field) ? -1 : 1))
      .map(({ text }) => text);
  }
}

const isBefore = (a: Field, b: Field): boolean => a.rank < b.rank || (a.rank === b.rank && a.name < b.name);

const plans = { atomic: new WeakMap<TypeSchema, Plan>(), deduced: new WeakMap<TypeSchema, Plan>() };

function planOf(schema: TypeSchema, untyped: Typing["untyped"]): Plan {
  const known = plans[untyped].get(schema);
  if (known !== undefined) return known;
  const plan = makePlan(schema, untyped);
  plans[untyped].set(schema, plan);
  return plan;
}

function makePlan(schema: TypeSchema, untyped: Typing["untyped"]): Plan {
  switch (schema.kind) {
    case "struct":
      return schema.structType === "atomic" ? leafPlan : mapPlan(schema, untyped);
    case "map":
      return schema.mapType === "atomic" ? leafPlan : mapPlan(schema, untyped);
    case "list":
      return schema.listType === "atomic" ? leafPlan : listPlan(schema, untyped);
    case "any":
      return untyped === "deduced" ? mapPlan(schema, untyped) : leafPlan;
    default:
      return leafPlan;
  }
}

const leafPlan: Plan = {
  field: (name) => newField(name, 0, undefined, leafPlan),
  everything: () => LEAF,
  members: () => LEAF,
  alike: () => true,
  skeleton: hollow,
  recent: [],
};

/** A leaf that is empty, or zero, where the value is. */
function hollow(value: unknown): unknown {
  if (typeof value === "string") return value === "" || value === "0" ? value : "x";
  if (typeof value === "number") return value === 0 ? 0 : 1;
  if (typeof value === "bigint") return 1;
  if (typeof value !== "object" || isEmptyValue(value)) return value;
  return Array.isArray(value) ? [1] : { x: 1 };
}

function newField(name: string, rank: number, zero: unknown, plan: Plan): Field {
  const key = `${JSON.stringify(`f:${name}`)}:`;
  return { name, rank, key, leaf: key + LEAF, zero, plan };
}

function mapPlan(schema: Exclude<TypeSchema, { kind: "list" | "scalar" }>, untyped: Typing["untyped"]): Plan {
  const field = schema.kind === "struct" ? structFields(schema, untyped) : keyFields(schema, untyped);
  return {
    field,
    everything(value) {
      if (!isObject(value)) return LEAF;
      const members = new Members();
      for (const name in value) {
        const inner = value[name];
        if (inner === undefined) continue;
        const found = field(name);
        members.add(found, found.plan.everything(inner));
      }
      return members.text(true);
    },
    members(value, without) {
      if (!isObject(value)) return NOTHING;
      const members = new Members();
      for (const name in value) {
        const inner = value[name];
        if (inner === undefined || without.has(name)) continue;
        const found = field(name);
        members.add(found, addedUnder(found, inner));
      }
      return members.text(false);
    },
    alike(a, b, without) {
      if (!isObject(a) || !isObject(b)) return isObject(a) === isObject(b);
      let left = countMembers(a);
      for (const name of Object.keys(b)) {
        const inner = b[name];
        if (inner === undefined || without.has(name)) continue;
        if (name === PROTO) return false;
        left--;
        if (!isAlike(field(name), a[name], inner, NO_NAMES)) return false;
      }
      return left === 0;
    },
    skeleton(value, without) {
      if (!isObject(value)) return hollow(value);
      const result: JsonObject = {};
      for (const name in value) {
        const inner = value[name];
        if (inner === undefined || without.has(name)) continue;
        const kept = field(name).plan.skeleton(inner, NO_NAMES);
        setKey(result, name, kept);
      }
      return result;
    },
    recent: [],
  };
}

/** The fields of a struct; names that it does not declare come after them in no type that is ours, but may in a custom one. */
function structFields(schema: Extract<TypeSchema, { kind: "struct" }>, untyped: Typing["untyped"]): Plan["field"] {
  let ranks: ReadonlyMap<string, number> | undefined;
  const fields = new Map<string, Field>();
  return (name) => {
    const known = fields.get(name);
    if (known !== undefined) return known;
    const declared = schema.fields.get(name);
    if (declared === undefined || schema.preserveUnknown === true) {
      return newField(name, 0, zeroOf(declared), planOf(declared?.type ?? ANY, untyped));
    }
    ranks ??= new Map(
      Array.from(schema.fields.keys())
        .sort()
        .map((each, rank) => [each, rank]),
    );
    const made = newField(name, ranks.get(name) ?? 0, zeroOf(declared), planOf(declared.type, untyped));
    fields.set(name, made);
    return made;
  };
}

/** The keys of a map are users' words: they are not kept. */
function keyFields(
  schema: Exclude<TypeSchema, { kind: "list" | "scalar" }>,
  untyped: Typing["untyped"],
): Plan["field"] {
  const value = schema.kind === "map" ? schema.value : ANY;
  return (name) => newField(name, 0, undefined, planOf(value, untyped));
}

function listPlan(schema: Extract<TypeSchema, { kind: "list" }>, untyped: Typing["untyped"]): Plan {
  const items = (value: unknown, itself: boolean): string => {
    if (!Array.isArray(value) || value.length === 0) return itself ? LEAF : NOTHING;
    const plan = planOf(schema.element, untyped);
    const open = itself ? '{".":{},' : "{";
    if (value.length === 1) {
      return `${open}${JSON.stringify(itemElement(schema, value[0]))}:${plan.everything(value[0])}}`;
    }
    const texts = new Map<PathElement, string>();
    for (const item of value as unknown[]) {
      const element = itemElement(schema, item);
      // Of several items with one name nobody can say which is whose.
      texts.set(element, texts.has(element) ? LEAF : plan.everything(item));
    }
    const sorted = Array.from(texts).sort(([a], [b]) => comparePathElements(a, b));
    return `${open}${sorted.map(([element, text]) => `${JSON.stringify(element)}:${text}`).join(",")}}`;
  };
  return {
    field: (name) => leafPlan.field(name),
    everything: (value) => items(value, true),
    members: (value) => items(value, false),
    alike(a, b) {
      if (!Array.isArray(a) || !Array.isArray(b)) return Array.isArray(a) === Array.isArray(b);
      if (a.length !== b.length) return false;
      const plan = planOf(schema.element, untyped);
      for (let i = 0; i < a.length; i++) {
        const item: unknown = b[i];
        if (!haveOneName(schema, a[i], item)) return false;
        if (!plan.alike(a[i], item, NO_NAMES)) return false;
      }
      return true;
    },
    skeleton(value) {
      if (!Array.isArray(value)) return hollow(value);
      const plan = planOf(schema.element, untyped);
      return value.map((item: unknown) => {
        if (schema.listType !== "map" || !isObject(item)) return item;
        const kept = plan.skeleton(item, NO_NAMES) as JsonObject;
        for (const key of schema.mapKeys ?? []) if (item[key] !== undefined) kept[key] = item[key];
        return kept;
      });
    },
    recent: [],
  };
}

/** Whether two items of a list have the same name. */
function haveOneName(schema: Extract<TypeSchema, { kind: "list" }>, a: unknown, b: unknown): boolean {
  if (schema.listType !== "map") return a === b;
  if (!isObject(a) || !isObject(b)) return false;
  for (const key of schema.mapKeys ?? []) if (a[key] !== b[key]) return false;
  return true;
}
