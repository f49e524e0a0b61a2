// Strategic merge patch: a merge patch that knows which lists are maps by a key, with directives.
// Rules: https://git.k8s.io/community/contributors/devel/sig-api-machinery/strategic-merge-patch.md
import type { FieldSchema, TypeSchema } from "../schema.ts";
import { newBadRequest } from "../status-error.ts";
import { setKey } from "./merge.ts";

type Json = Record<string, unknown>;

const ORDER = "$setElementOrder/";
const DELETE_FROM = "$deleteFromPrimitiveList/";

function isObject(value: unknown): value is Json {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** The document with the patch merged in; neither is changed. Throws StatusError 400 for a patch that makes no sense. */
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
  if (directive !== undefined && directive !== "merge")
    throw newBadRequest(`unknown patch type found: ${JSON.stringify(directive)} in map`);
  let result: Json = { ...original };
  const retain = patch["$retainKeys"];
  if (retain !== undefined) {
    if (!Array.isArray(retain)) throw newBadRequest("$retainKeys must be a list of keys");
    for (const key of Object.keys(patch)) {
      if (!key.startsWith("$") && patch[key] !== null && !retain.includes(key))
        throw newBadRequest("patch has a key that $retainKeys does not list");
    }
    result = Object.fromEntries(Object.entries(result).filter(([key]) => retain.includes(key)));
  }
  for (const [key, values] of Object.entries(patch)) {
    if (!key.startsWith(DELETE_FROM)) continue;
    const name = key.slice(DELETE_FROM.length);
    if (!Array.isArray(values)) throw newBadRequest(`${key} must be a list`);
    const current = result[name];
    if (Array.isArray(current)) result[name] = current.filter((item) => !values.includes(item));
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
  let result: unknown[] = replace ? [] : [...original];
  for (const item of patch) {
    if (!isObject(item)) throw newBadRequest(`items of the list ${field} must be objects with the key ${mergeKey}`);
    const directive = item["$patch"];
    const id = item[mergeKey];
    if (directive === "replace") {
      if (Object.keys(item).length > 1) result.push(clean(without(item, "$patch")));
      continue;
    }
    if (id === undefined)
      throw newBadRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`);
    if (directive === "delete") {
      result = result.filter((each) => !isObject(each) || each[mergeKey] !== id);
      continue;
    }
    const at = result.findIndex((each) => isObject(each) && each[mergeKey] === id);
    if (at < 0) result.push(mergeObject({}, item, element));
    else result[at] = mergeObject(result[at] as Json, item, element);
  }
  return result;
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
