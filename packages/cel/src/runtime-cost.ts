// What calls cost when they run, in upstream's units (cel-go's tracker and Kubernetes' own libraries).
import { CelList, CelMap } from "./collections.ts";
import { FormatValue } from "./library/formats.ts";
import { CIDRValue, IPValue } from "./library/networks.ts";
import { CelObject, Optional, stringSize } from "./values.ts";
import type { Value } from "./values.ts";

/** One that has no use for the result is known before the call. */
type Cost = (values: readonly Value[], result: Value) => number;

/** Cost of walking over a character. */
const TRAVERSAL = 0.1;
/** Cost of a character of a regular expression. */
const REGEX = 0.25;

const one: Cost = () => 1;

/** What size() would say; of addresses and networks the bytes that count; 1 for what has no size. */
export function sizeOf(value: Value | undefined): number {
  if (value instanceof IPValue) return value.address.bytes.length;
  if (value instanceof CIDRValue) return Math.ceil(value.length / 8);
  if (typeof value === "string") return stringSize(value);
  if (value instanceof Uint8Array) return value.length;
  return value instanceof CelList || value instanceof CelMap ? value.size : 1;
}

const traverse =
  (times: number): Cost =>
  ([first]) =>
    Math.ceil(sizeOf(first) * times * TRAVERSAL);

const smaller: Cost = ([a, b]) => Math.ceil(Math.min(sizeOf(a), sizeOf(b)) * TRAVERSAL);
const sum: Cost = ([a, b]) => Math.ceil((sizeOf(a) + sizeOf(b)) * TRAVERSAL);
const regex: Cost = ([text, pattern]) => Math.ceil((1 + sizeOf(text)) * TRAVERSAL) * Math.ceil(sizeOf(pattern) * REGEX);

/** Every value that is reached from `value`. */
function wholeTree(value: Value | undefined): number {
  if (typeof value === "string") return Math.floor(Buffer.byteLength(value) * TRAVERSAL);
  if (value instanceof Uint8Array) return Math.floor(value.length * TRAVERSAL);
  let cost = 0;
  if (value instanceof CelList) for (const each of value) cost += wholeTree(each);
  else if (value instanceof CelMap) for (const key of value.keys()) cost += wholeTree(key) + wholeTree(value.get(key));
  else return 1;
  return cost;
}

const lists: Cost = ([list]) => wholeTree(list);

const contains =
  (parses: boolean, inner: boolean): Cost =>
  ([outer, other]) => {
    const size = sizeOf(outer);
    return (
      Math.ceil(size * 2 * TRAVERSAL) +
      (inner ? Math.ceil(size * TRAVERSAL) + 1 : 0) +
      (parses ? Math.ceil(sizeOf(other) * TRAVERSAL) : 0)
    );
  };

const BY_OVERLOAD: Readonly<Record<string, Cost>> = {
  starts_with_string: ([, prefix]) => Math.ceil(sizeOf(prefix) * TRAVERSAL),
  ends_with_string: ([, suffix]) => Math.ceil(sizeOf(suffix) * TRAVERSAL),
  string_to_bytes: traverse(1),
  bytes_to_string: traverse(1),
  strings_quote: traverse(1),
  string_format_list_string: traverse(1),
  in_list: ([, list]) => sizeOf(list),
  add_string: sum,
  add_bytes: sum,
  // Kubernetes' own types are compared at once.
  equals: (values) =>
    values[0] instanceof CelObject && values[0].type.kind === "opaque" && !(values[0] instanceof Optional)
      ? 1
      : smaller(values, null),
  not_equals: smaller,
  matches: regex,
  matches_string: regex,
  contains_string: ([text, part]) => Math.ceil(sizeOf(text) * TRAVERSAL) * Math.ceil(sizeOf(part) * TRAVERSAL),
  list_sets_contains_list: product,
  list_sets_intersects_list: product,
  list_sets_equivalent_list: (values) => 2 * product(values),
  cidr_ip: one,
  cidr_contains_ip: contains(false, false),
  cidr_contains_ip_string: contains(true, false),
  cidr_contains_cidr: contains(false, true),
  cidr_contains_cidr_string: contains(true, true),
};
for (const name of ["less", "less_equals", "greater", "greater_equals"]) {
  Object.assign(BY_OVERLOAD, { [`${name}_string`]: smaller, [`${name}_bytes`]: smaller });
}

/** A check of the authorizer; two fit into one expression. */
export const AUTHORIZATION_CHECK_COST = 350_000;
/** A selector for a check is a list of requirements, each of which is a list and a struct. */
export const SELECTOR_BASE_COST = 10;
export const SELECTOR_REQUIREMENT_COST = 50;

const BY_FUNCTION: Readonly<Record<string, Cost>> = {
  check: () => AUTHORIZATION_CHECK_COST,
  isSorted: lists,
  sum: lists,
  max: lists,
  min: lists,
  indexOf: lists,
  lastIndexOf: lists,
  url: traverse(1),
  "jsonpatch.escapeKey": traverse(1),
  fieldSelector: selector,
  labelSelector: selector,
  lowerAscii: traverse(1),
  upperAscii: traverse(1),
  substring: traverse(1),
  trim: traverse(1),
  replace: traverse(2),
  split: traverse(2),
  join: (_values, result) => Math.ceil(sizeOf(result) * 2 * TRAVERSAL),
  find: regex,
  findAll: regex,
  cidr: traverse(1),
  isIP: traverse(1),
  isCIDR: traverse(1),
  ip: traverse(1),
  isCanonical: traverse(2),
  quantity: traverse(1),
  isQuantity: traverse(1),
  semver: traverse(1),
  isSemver: traverse(1),
  validate: ([format, text]) =>
    Math.ceil((1 + sizeOf(text)) * TRAVERSAL) *
    Math.ceil((format instanceof FormatValue ? format.patternSize : 1) * REGEX),
};

function selector([, text]: readonly Value[]): number {
  const size = sizeOf(text);
  return SELECTOR_BASE_COST + Math.ceil(size * TRAVERSAL) + Math.ceil(size * 0.5) * SELECTOR_REQUIREMENT_COST;
}

function product([a, b]: readonly Value[]): number {
  return sizeOf(a) * sizeOf(b) + 1;
}

export function runtimeCost(name: string, overload: string): Cost {
  return BY_OVERLOAD[overload] ?? (Object.hasOwn(BY_FUNCTION, name) ? (BY_FUNCTION[name] ?? one) : one);
}
