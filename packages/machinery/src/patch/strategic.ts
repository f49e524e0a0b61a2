// Strategic merge patch: a merge patch that knows which lists are maps by a key, with directives.
// Rules: https://git.k8s.io/community/contributors/devel/sig-api-machinery/strategic-merge-patch.md
import type { FieldSchema, TypeSchema } from "../schema.ts";
import { goValue } from "../go-value.ts";
import { newBadRequest, newUnknownError } from "../status-error.ts";
import { setKey } from "../table.ts";

type Json = Record<string, unknown>;

const ORDER = "$setElementOrder/";
const BAD_RETAIN_KEYS = "invalid patch format of retainKeys";
const DELETE_FROM = "$deleteFromPrimitiveList/";

function isObject(value: unknown): value is Json {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/**
 * The document with the patch merged in; neither is changed. Throws a StatusError for a patch that makes no sense: 400, or 500 where
 * upstream has no better answer either.
 */
export function strategicMergePatch(document: unknown, patch: unknown, schema: TypeSchema): unknown {
  if (!isObject(patch))
    throw newBadRequest("cannot restore a strategic merge patch from a value that is not an object");
  return mergeObject(isObject(document) ? document : {}, patch, schema);
}

function fieldOf(
  schema: TypeSchema | undefined,
  key: string,
): Pick<FieldSchema, "type" | "patchStrategy" | "patchMergeKey"> | undefined {
  if (schema?.kind === "struct") return schema.fields.get(key);
  if (schema?.kind === "map") return { type: schema.value };
  return undefined;
}

function mergeObject(original: Json, patch: Json, schema: TypeSchema | undefined): Json {
  const directive = patch["$patch"];
  if (directive === "replace") return clean(without(patch, "$patch")) as Json;
  if (directive === "delete") return {};
  if (directive !== undefined)
    throw newUnknownError(`unknown patch type: ${goValue(directive)} in map: ${goValue(patch)}`);
  let result: Json = { ...original };
  const retain = patch["$retainKeys"];
  if (retain !== undefined) {
    if (!Array.isArray(retain)) throw newBadRequest(BAD_RETAIN_KEYS);
    const retained = new Set(retain);
    for (const key of Object.keys(patch)) {
      if (!key.startsWith("$") && patch[key] !== null && !retained.has(key)) throw newBadRequest(BAD_RETAIN_KEYS);
    }
    result = Object.fromEntries(Object.entries(result).filter(([key]) => retained.has(key)));
  }
  for (const [key, values] of Object.entries(patch)) {
    if (!key.startsWith(DELETE_FROM)) continue;
    const name = key.slice(DELETE_FROM.length);
    const current = result[name];
    if (!Array.isArray(current) || !Array.isArray(values)) continue;
    const deleted = new Set(values);
    result[name] = current.filter((item) => !deleted.has(item));
  }
  for (const [key, order] of Object.entries(patch)) {
    if (!key.startsWith(ORDER)) continue;
    const name = key.slice(ORDER.length);
    checkOrder(order, result[name], patch[name], fieldOf(schema, name)?.patchMergeKey);
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key === "$patch" || key === "$retainKeys" || key.startsWith(DELETE_FROM) || key.startsWith(ORDER)) continue;
    if (value === null) {
      delete result[key];
      continue;
    }
    const current = Object.hasOwn(result, key) ? result[key] : undefined;
    setKey(result, key, mergeValue(key, current, value, fieldOf(schema, key), patch[ORDER + key]));
  }
  for (const [key, order] of Object.entries(patch)) {
    const name = key.slice(ORDER.length);
    // With the list itself in the patch the order was applied while merging it.
    if (!key.startsWith(ORDER) || patch[name] !== undefined) continue;
    const current = result[name];
    if (Array.isArray(current) && Array.isArray(order))
      result[name] = reorder(current, order, fieldOf(schema, name)?.patchMergeKey, current);
  }
  return result;
}

function mergeValue(
  key: string,
  current: unknown,
  value: unknown,
  field: ReturnType<typeof fieldOf>,
  order: unknown,
): unknown {
  const strategies = field?.patchStrategy ?? [];
  if (isObject(value)) {
    if (strategies.includes("replace") || !isObject(current)) return mergeObject({}, value, field?.type);
    return mergeObject(current, value, field?.type);
  }
  if (Array.isArray(value)) {
    if (!strategies.includes("merge")) return stripDirectives(value);
    const list = Array.isArray(current) ? current : [];
    const element = field?.type.kind === "list" ? field.type.element : undefined;
    const merged =
      field?.patchMergeKey === undefined
        ? mergePrimitives(list, value)
        : mergeByKey(key, list, value, field.patchMergeKey, element);
    return Array.isArray(order) ? reorder(merged, order, field?.patchMergeKey, list) : merged;
  }
  return value;
}

function mergePrimitives(original: readonly unknown[], patch: readonly unknown[]): unknown[] {
  return [...new Set([...original, ...patch])];
}

function mergeByKey(
  field: string,
  original: readonly unknown[],
  patch: readonly unknown[],
  mergeKey: string,
  element: TypeSchema | undefined,
): unknown[] {
  const replace = patch.some((item) => isObject(item) && item["$patch"] === "replace");
  const list = new KeyedList(mergeKey, replace ? [] : original);
  for (const item of patch) {
    if (!isObject(item)) throw newBadRequest(`items of the list ${field} must be objects with the key ${mergeKey}`);
    const directive = item["$patch"];
    if (directive === "merge") throw newUnknownError("merging lists cannot yet be specified in the patch");
    if (directive !== undefined && directive !== "replace" && directive !== "delete") {
      throw newUnknownError(`unknown patch type: ${goValue(directive)} in map: ${goValue(item)}`);
    }
    const id = item[mergeKey];
    if (directive === "replace") {
      if (Object.keys(item).length > 1) list.add(clean(without(item, "$patch")));
      continue;
    }
    if (id === undefined) throw noMergeKey(item, mergeKey);
    if (directive === "delete") list.delete(id);
    else list.put(id, (current) => mergeObject(current ?? {}, item, element));
  }
  return list.items();
}

/** A list whose items are found by their key, without looking through it each time. */
class KeyedList {
  readonly #key: string;
  /** Undefined where an item was deleted. */
  readonly #items: unknown[] = [];
  readonly #places = new Map<unknown, number[]>();

  constructor(key: string, items: readonly unknown[]) {
    this.#key = key;
    for (const item of items) this.add(item);
  }

  add(item: unknown): void {
    const place = this.#items.push(item) - 1;
    if (!isObject(item)) return;
    const places = this.#places.get(item[this.#key]);
    if (places === undefined) this.#places.set(item[this.#key], [place]);
    else places.push(place);
  }

  /** Changes the first item with that key, or adds one. */
  put(id: unknown, change: (current: Json | undefined) => Json): void {
    const place = this.#places.get(id)?.[0];
    if (place === undefined) this.add(change(undefined));
    else this.#items[place] = change(this.#items[place] as Json);
  }

  /** Deletes all items with that key. */
  delete(id: unknown): void {
    for (const place of this.#places.get(id) ?? []) this.#items[place] = undefined;
    this.#places.delete(id);
  }

  items(): unknown[] {
    return this.#items.filter((item) => item !== undefined);
  }
}

function noMergeKey(item: Json, mergeKey: string): Error {
  return newUnknownError(`map: ${goValue(item)} does not contain declared merge key: ${mergeKey}`);
}

/** The items of the patch must come in the order that the directive gives. */
function checkOrder(order: unknown, current: unknown, patch: unknown, mergeKey: string | undefined): void {
  for (const list of [order, current, patch]) {
    if (list !== undefined && !Array.isArray(list))
      throw newUnknownError(`expected a []interface {}, but received a ${goTypeOf(list)}`);
  }
  const names = order as readonly unknown[];
  const items = (patch ?? []) as readonly unknown[];
  if (names.length === 0) return;
  const id = (item: unknown): unknown => {
    if (mergeKey === undefined) return item;
    if (!isObject(item)) throw newUnknownError(`expected a map[string]interface {}, but received a ${goTypeOf(item)}`);
    if (!Object.hasOwn(item, mergeKey)) throw noMergeKey(item, mergeKey);
    return item[mergeKey];
  };
  let next = 0;
  for (const item of items) {
    if (isObject(item) && item["$patch"] !== undefined) continue;
    const wanted = id(item);
    while (next < names.length && id(names[next]) !== wanted) next++;
    if (next++ < names.length) continue;
    throw newUnknownError(
      `The order in patch list:\n${goValue(items)}\n doesn't match $setElementOrder list:\n${goValue(names)}\n`,
    );
  }
}

function goTypeOf(value: unknown): string {
  if (value === null) return "%!s(<nil>)";
  if (isObject(value)) return "map[string]interface {}";
  if (typeof value === "number") return Number.isInteger(value) ? "int64" : "float64";
  return typeof value === "boolean" ? "bool" : "string";
}

/** Items that the order names come in that order; the server's own stay where they stood relative to their neighbours. */
function reorder(
  list: readonly unknown[],
  order: readonly unknown[],
  mergeKey: string | undefined,
  server: readonly unknown[],
): unknown[] {
  const id = (item: unknown): unknown => (mergeKey !== undefined && isObject(item) ? item[mergeKey] : item);
  const rank = new Map(order.map((item, index) => [id(item), index]));
  const place = new Map(server.map((item, index) => [id(item), index]));
  const named = list
    .filter((item) => rank.has(id(item)))
    .toSorted((a, b) => (rank.get(id(a)) ?? 0) - (rank.get(id(b)) ?? 0));
  const rest = list.filter((item) => !rank.has(id(item)));
  const result: unknown[] = [];
  let next = 0;
  for (const item of named) {
    const mine = place.get(id(item)) ?? Number.POSITIVE_INFINITY;
    while (next < rest.length && (place.get(id(rest[next])) ?? Number.POSITIVE_INFINITY) < mine)
      result.push(rest[next++]);
    result.push(item);
  }
  return [...result, ...rest.slice(next)];
}

function without(object: Json, key: string): Json {
  return Object.fromEntries(Object.entries(object).filter(([each]) => each !== key));
}

/** New content: nulls mean absent, directives are no data. */
function clean(value: unknown): unknown {
  if (Array.isArray(value)) return stripDirectives(value);
  if (!isObject(value)) return value;
  const result: Json = {};
  for (const [key, each] of Object.entries(value))
    if (each !== null && !key.startsWith("$")) setKey(result, key, clean(each));
  return result;
}

function stripDirectives(list: readonly unknown[]): unknown[] {
  return list.filter((item) => !isObject(item) || item["$patch"] === undefined).map((item) => clean(item));
}
