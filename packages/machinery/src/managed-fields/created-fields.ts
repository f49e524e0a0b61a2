// The managed fields of a new object, straight from its value to FieldsV1's text: the same as comparing it with an empty
// object of its type, in one pass and without sets, because every create pays for it.
import type { TypeSchema } from "../schema.ts";
import { STRIPPED_METADATA } from "./field-filter.ts";
import { comparePathElements } from "./path-element.ts";
import type { PathElement } from "./path-element.ts";
import { ANY, equalValues, isEmptyValue, isObject, itemElement } from "./typed.ts";
import type { JsonObject, Typing } from "./typed.ts";
import { zeroOf } from "./zero.ts";

const LEAF = "{}";
const NOTHING = "";
const NO_NAMES: ReadonlySet<string> = new Set();
const NEVER_TOP: ReadonlySet<string> = new Set(["apiVersion", "kind"]);

/** `without` names top-level fields that are not counted. "" when no field is anybody's. Throws TypedError. */
export function createdFields(object: object, typing: Typing, without: ReadonlySet<string> = NO_NAMES): string {
  const plan = planOf(typing.schema ?? ANY, typing.untyped);
  const value = object as JsonObject;
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
}

/** What a field adds to a struct that had its zero value (or nothing) before. */
function addedUnder({ zero, plan }: Field, value: unknown): string {
  if (zero === undefined) return plan.everything(value);
  if (equalValues(value, zero)) return NOTHING;
  if (plan === leafPlan || isEmptyValue(value)) return LEAF;
  return plan.members(value, NO_NAMES);
}

/** The members of one map or struct, in canonical order. */
class Members {
  readonly #fields: Field[] = [];
  readonly #texts: string[] = [];

  /** Sorted in as they come: they are few, and mostly in order. */
  add(field: Field, below: string): void {
    if (below === NOTHING) return;
    const fields = this.#fields;
    const texts = this.#texts;
    let at = fields.length;
    for (; at > 0; at--) {
      const previous = fields[at - 1] as Field;
      if (previous.rank < field.rank || (previous.rank === field.rank && previous.name < field.name)) break;
      fields[at] = previous;
      texts[at] = texts[at - 1] as string;
    }
    fields[at] = field;
    texts[at] = below === LEAF ? field.leaf : field.key + below;
  }

  text(itself: boolean): string {
    const texts = this.#texts;
    if (texts.length === 0) return itself ? LEAF : NOTHING;
    return `${itself ? '{".":{},' : "{"}${texts.join(",")}}`;
  }
}

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
};

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
  };
}
