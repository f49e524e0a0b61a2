import { CelError } from "../errors.ts";
import { fn } from "../functions.ts";
import type { Functions, Overload } from "../functions.ts";
import { Duration, Timestamp } from "../time-values.ts";
import {
  BOOL,
  BYTES,
  DOUBLE,
  DURATION,
  INT,
  STRING,
  TIMESTAMP,
  UINT,
  listOf,
  mapOf,
  optionalOf,
  param,
} from "../types.ts";
import type { CelType } from "../types.ts";
import { Optional, checkInt, checkUint, compareValues, valuesEqual } from "../values.ts";
import type { Value } from "../values.ts";
import { CelList, CelMap, mapKey } from "../collections.ts";

const A = param("A");
const B = param("B");

function concatBytes(a: Uint8Array, b: Uint8Array): Uint8Array {
  return new Uint8Array(Buffer.concat([a, b]));
}

function nonZero(value: bigint, what: string): bigint {
  if (value === 0n) throw new CelError(what);
  return value;
}

/** Orders within a type, and numbers across types. */
function ordering(name: string, accept: (order: number) => boolean): readonly Overload[] {
  const call = (a: Value, b: Value): boolean => accept(compareValues(a, b));
  const same: readonly [string, CelType][] = [
    ["bool", BOOL],
    ["int64", INT],
    ["uint64", UINT],
    ["double", DOUBLE],
    ["string", STRING],
    ["bytes", BYTES],
    ["timestamp", TIMESTAMP],
    ["duration", DURATION],
  ];
  const numbers = same.slice(1, 4);
  return [
    ...same.map(([id, type]) => fn(`${name}_${id}`, [type, type], BOOL, call)),
    ...numbers.flatMap(([left, a]) =>
      numbers
        .filter(([right]) => right !== left)
        .map(([right, b]) => fn(`${name}_${left}_${right}`, [a, b], BOOL, call)),
    ),
  ];
}

function listIndex(list: CelList, index: Value): number | undefined {
  const key = mapKey(index);
  if (typeof key !== "bigint") throw new CelError("no such overload");
  return key < 0n || key >= BigInt(list.size) ? undefined : Number(key);
}

export function indexed(container: Value, key: Value): Value {
  if (container instanceof CelMap) {
    const value = container.get(key);
    if (value === undefined) throw container.missing(key);
    return value;
  }
  if (container instanceof CelList) {
    const index = listIndex(container, key);
    if (index === undefined) throw new CelError(`index out of bounds: ${String(mapKey(key))}`);
    return container.at(index);
  }
  if (container instanceof Optional) return optionalIndex(container, key);
  throw new CelError("no such overload");
}

/** Never fails for a missing element. */
export function optionalIndex(container: Value, key: Value): Optional {
  if (container instanceof Optional) {
    return container.value === undefined ? container : optionalIndex(container.value, key);
  }
  if (container instanceof CelMap) {
    const value = container.get(key);
    return value === undefined ? Optional.none : Optional.of(value);
  }
  if (!(container instanceof CelList)) throw new CelError("no such overload");
  const index = listIndex(container, key);
  return index === undefined ? Optional.none : Optional.of(container.at(index));
}

/** The interpreter evaluates these itself: they look at one operand before the other, or at what it is. */
const special = (): never => {
  throw new Error("not called by value");
};

export const operators: Functions = {
  "_&&_": [fn("logical_and", [BOOL, BOOL], BOOL, special)],
  "_||_": [fn("logical_or", [BOOL, BOOL], BOOL, special)],
  "_?_:_": [fn("conditional", [BOOL, A, A], A, special)],
  "@not_strictly_false": [fn("not_strictly_false", [BOOL], BOOL, special)],
  "!_": [fn("logical_not", [BOOL], BOOL, (a) => !a)],
  "-_": [fn("negate_int64", [INT], INT, (a) => checkInt(-a)), fn("negate_double", [DOUBLE], DOUBLE, (a) => -a)],
  "_+_": [
    fn("add_int64", [INT, INT], INT, (a, b) => checkInt(a + b)),
    fn("add_uint64", [UINT, UINT], UINT, (a, b) => checkUint(a.value + b.value)),
    fn("add_double", [DOUBLE, DOUBLE], DOUBLE, (a, b) => a + b),
    fn("add_string", [STRING, STRING], STRING, (a, b) => a + b),
    fn("add_bytes", [BYTES, BYTES], BYTES, concatBytes),
    fn("add_list", [listOf(A), listOf(A)], listOf(A), (a, b) => a.concat(b)),
    fn("add_timestamp_duration", [TIMESTAMP, DURATION], TIMESTAMP, (a, b) => new Timestamp(a.nanos + b.nanos)),
    fn("add_duration_timestamp", [DURATION, TIMESTAMP], TIMESTAMP, (a, b) => new Timestamp(a.nanos + b.nanos)),
    fn("add_duration_duration", [DURATION, DURATION], DURATION, (a, b) => new Duration(a.nanos + b.nanos)),
  ],
  "_-_": [
    fn("subtract_int64", [INT, INT], INT, (a, b) => checkInt(a - b)),
    fn("subtract_uint64", [UINT, UINT], UINT, (a, b) => checkUint(a.value - b.value)),
    fn("subtract_double", [DOUBLE, DOUBLE], DOUBLE, (a, b) => a - b),
    fn("subtract_timestamp_timestamp", [TIMESTAMP, TIMESTAMP], DURATION, (a, b) => new Duration(a.nanos - b.nanos)),
    fn("subtract_timestamp_duration", [TIMESTAMP, DURATION], TIMESTAMP, (a, b) => new Timestamp(a.nanos - b.nanos)),
    fn("subtract_duration_duration", [DURATION, DURATION], DURATION, (a, b) => new Duration(a.nanos - b.nanos)),
  ],
  "_*_": [
    fn("multiply_int64", [INT, INT], INT, (a, b) => checkInt(a * b)),
    fn("multiply_uint64", [UINT, UINT], UINT, (a, b) => checkUint(a.value * b.value)),
    fn("multiply_double", [DOUBLE, DOUBLE], DOUBLE, (a, b) => a * b),
  ],
  "_/_": [
    fn("divide_int64", [INT, INT], INT, (a, b) => checkInt(a / nonZero(b, "division by zero"))),
    fn("divide_uint64", [UINT, UINT], UINT, (a, b) => checkUint(a.value / nonZero(b.value, "division by zero"))),
    fn("divide_double", [DOUBLE, DOUBLE], DOUBLE, (a, b) => a / b),
  ],
  "_%_": [
    fn("modulo_int64", [INT, INT], INT, (a, b) => checkInt(a % nonZero(b, "modulus by zero"))),
    fn("modulo_uint64", [UINT, UINT], UINT, (a, b) => checkUint(a.value % nonZero(b.value, "modulus by zero"))),
  ],
  "_==_": [fn("equals", [A, A], BOOL, valuesEqual)],
  "_!=_": [fn("not_equals", [A, A], BOOL, (a, b) => !valuesEqual(a, b))],
  "_<_": ordering("less", (order) => order < 0),
  "_<=_": ordering("less_equals", (order) => order <= 0),
  "_>_": ordering("greater", (order) => order > 0),
  "_>=_": ordering("greater_equals", (order) => order >= 0),
  "@in": [
    fn("in_list", [A, listOf(A)], BOOL, (a, list) => list.includes(a)),
    fn("in_map", [A, mapOf(A, B)], BOOL, (key, map) => map.has(key)),
  ],
  "_[_]": [
    fn("index_list", [listOf(A), INT], A, special),
    fn("index_map", [mapOf(A, B), A], B, special),
    fn("optional_list_index_int", [optionalOf(listOf(A)), INT], optionalOf(A), special),
    fn("optional_map_index_value", [optionalOf(mapOf(A, B)), A], optionalOf(B), special),
  ],
  "_[?_]": [
    fn("list_optindex_optional_int", [listOf(A), INT], optionalOf(A), special),
    fn("optional_list_optindex_optional_int", [optionalOf(listOf(A)), INT], optionalOf(A), special),
    fn("map_optindex_optional_value", [mapOf(A, B), A], optionalOf(B), special),
    fn("optional_map_optindex_optional_value", [optionalOf(mapOf(A, B)), A], optionalOf(B), special),
  ],
};
