import type { TypeSchema } from "../schema.ts";
import { setKey } from "../table.ts";
import type { PathElement } from "./path-element.ts";
import { formatPathElement } from "./path-element.ts";
import { ANY, TypedError, childSchema, isEmptyValue, isObject, itemElement, itemsByElement, shapeOf } from "./typed.ts";
import type { JsonObject, Typing } from "./typed.ts";

type ListSchema = Extract<TypeSchema, { kind: "list" }>;
type Untyped = Typing["untyped"];

/**
 * A value with a partial one merged over it: nothing is removed, leaves are the partial one's where it has them, lists keep
 * what only the value has and follow the partial one's order. Neither is changed; parts are shared. Throws TypedError.
 */
export function merge(live: unknown, partial: unknown, { schema = ANY, untyped }: Typing): unknown {
  return mergeAny(live, partial, schema, untyped);
}

function mergeAny(live: unknown, partial: unknown, schema: TypeSchema, untyped: Untyped): unknown {
  if (partial === undefined) return live;
  if (live === undefined) return partial;
  const shape = shapeOf(schema, untyped, partial);
  if (shape === "leaf" || (isEmptyValue(live) && isEmptyValue(partial))) return partial;
  if (shape === "map") {
    const left = isObject(live) ? live : {};
    return isObject(partial) ? mergeMaps(left, partial, schema, untyped) : left;
  }
  if (schema.kind !== "list") return partial;
  return mergeLists(Array.isArray(live) ? live : [], Array.isArray(partial) ? partial : [], schema, untyped);
}

function mergeMaps(live: JsonObject, partial: JsonObject, schema: TypeSchema, untyped: Untyped): JsonObject {
  const result: JsonObject = { ...live };
  for (const name of Object.keys(partial)) {
    const last = Object.hasOwn(live, name) ? live[name] : undefined;
    setKey(result, name, mergeAny(last, partial[name], childSchema(schema, name), untyped));
  }
  return result;
}

/**
 * Items that both lists have stand in the partial list's order; those of one list alone keep their place among their
 * neighbours. Items that have the same name in the live list are kept as they are, or replaced all together.
 */
function mergeLists(
  live: readonly unknown[],
  partial: readonly unknown[],
  schema: ListSchema,
  untyped: Untyped,
): unknown[] {
  const theirs = live.map((item) => itemElement(schema, item));
  const left = itemsByElement(schema, live);
  const right = itemsByElement(schema, partial);
  for (const [element, items] of right) {
    if (items.length > 1) throw new TypedError(`rhs: duplicate entries for key ${formatPathElement(element)}`);
  }
  const mine = [...right.keys()];
  const shared = mine.filter((element) => left.has(element));
  /** How many of these have been taken. */
  let s = 0;
  const result: unknown[] = [];
  const done = new Set<PathElement>();
  const take = (element: PathElement): void => {
    done.add(element);
    const old = left.get(element);
    const item = right.get(element)?.[0];
    result.push(old?.length === 1 ? mergeAny(old[0], item, schema.element, untyped) : item);
    if (shared[s] === element) s++;
  };
  let l = 0;
  let r = 0;
  while (l < theirs.length || r < mine.length) {
    const ours = theirs[l];
    const next = mine[r];
    if (ours !== undefined && !right.has(ours)) {
      result.push(live[l]);
      l++;
    } else if (ours !== undefined && (done.has(ours) || (next !== undefined && ours !== next && ours !== shared[s]))) {
      // Merged already, or to be merged later where the partial list has it.
      l++;
    } else if (next !== undefined) {
      take(next);
      if (next === ours) l++;
      r++;
    }
  }
  return result;
}
