import type { CelList } from "../collections.ts";
import { CelError } from "../errors.ts";
import { method } from "../functions.ts";
import type { Functions } from "../functions.ts";
import { Duration } from "../time-values.ts";
import { BOOL, BYTES, DOUBLE, DURATION, INT, STRING, TIMESTAMP, UINT, listOf, param } from "../types.ts";
import type { CelType } from "../types.ts";
import { Uint, checkInt, checkUint, compareValues, valuesEqual } from "../values.ts";
import type { Value } from "../values.ts";

const T = param("T");
const SUMMABLE: readonly [string, CelType, Value][] = [
  ["int", INT, 0n],
  ["uint", UINT, new Uint(0n)],
  ["double", DOUBLE, 0],
  ["duration", DURATION, new Duration(0n)],
];
const COMPARABLE: readonly [string, CelType][] = [
  ["int", INT],
  ["uint", UINT],
  ["double", DOUBLE],
  ["bool", BOOL],
  ["duration", DURATION],
  ["timestamp", TIMESTAMP],
  ["string", STRING],
  ["bytes", BYTES],
];

function isSorted(list: CelList): boolean {
  for (let i = 1; i < list.size; i++) if (compareValues(list.at(i - 1), list.at(i)) > 0) return false;
  return true;
}

function add(a: Value, b: Value): Value {
  if (typeof a === "bigint" && typeof b === "bigint") return checkInt(a + b);
  if (typeof a === "number" && typeof b === "number") return a + b;
  if (a instanceof Uint && b instanceof Uint) return checkUint(a.value + b.value);
  if (a instanceof Duration && b instanceof Duration) return new Duration(a.nanos + b.nanos);
  throw new CelError("no such overload");
}

function sum(list: CelList, zero: Value): Value {
  let total: Value | undefined;
  for (const each of list) total = total === undefined ? each : add(total, each);
  return total ?? zero;
}

function extreme(list: CelList, name: "min" | "max"): Value {
  if (list.size === 0) throw new CelError(`${name} called on empty list`);
  let best = list.at(0);
  for (let i = 1; i < list.size; i++) {
    const order = compareValues(list.at(i), best);
    if (name === "min" ? order < 0 : order > 0) best = list.at(i);
  }
  return best;
}

function indexOf(list: CelList, value: Value): bigint {
  for (let i = 0; i < list.size; i++) if (valuesEqual(list.at(i), value)) return BigInt(i);
  return -1n;
}

function lastIndexOf(list: CelList, value: Value): bigint {
  for (let i = list.size - 1; i >= 0; i--) if (valuesEqual(list.at(i), value)) return BigInt(i);
  return -1n;
}

export const lists: Functions = {
  isSorted: COMPARABLE.map(([id, type]) => method(`list_${id}_is_sorted_bool`, [listOf(type)], BOOL, isSorted)),
  sum: SUMMABLE.map(([id, type, zero]) => method(`list_${id}_sum_${id}`, [listOf(type)], type, (a) => sum(a, zero))),
  max: COMPARABLE.map(([id, type]) => method(`list_${id}_max_${id}`, [listOf(type)], type, (a) => extreme(a, "max"))),
  min: COMPARABLE.map(([id, type]) => method(`list_${id}_min_${id}`, [listOf(type)], type, (a) => extreme(a, "min"))),
  indexOf: [method("list_a_index_of_int", [listOf(T), T], INT, indexOf)],
  lastIndexOf: [method("list_a_last_index_of_int", [listOf(T), T], INT, lastIndexOf)],
};
