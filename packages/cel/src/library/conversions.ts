import { CelError } from "../errors.ts";
import { fn } from "../functions.ts";
import type { Functions } from "../functions.ts";
import { formatDouble, parseDouble, parseInteger } from "../number-text.ts";
import { Duration, Timestamp } from "../time-values.ts";
import { BOOL, BYTES, DOUBLE, DURATION, DYN, INT, STRING, TIMESTAMP, UINT, param, typeOf } from "../types.ts";
import { TypeValue, Uint, checkInt, typeOfValue } from "../values.ts";

const A = param("A");
const INT_RANGE = { min: -(2n ** 63n), max: 2n ** 63n - 1n, function: "ParseInt" };
const UINT_RANGE = { min: 0n, max: 2n ** 64n - 1n, function: "ParseUint" };
const TWO_63 = 2 ** 63;
const TWO_64 = 2 ** 64;
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const TRUE = new Set(["1", "t", "true", "T", "TRUE", "True"]);
const FALSE = new Set(["0", "f", "false", "F", "FALSE", "False"]);

function doubleToInt(value: number): bigint {
  // The bounds themselves are excluded: a double near them may stand for a number beyond.
  if (Number.isNaN(value) || value <= -TWO_63 || value >= TWO_63) throw new CelError("integer overflow");
  return BigInt(Math.trunc(value));
}

function doubleToUint(value: number): Uint {
  if (Number.isNaN(value) || value < 0 || value >= TWO_64) throw new CelError("unsigned integer overflow");
  return new Uint(BigInt(Math.trunc(value)));
}

function intToUint(value: bigint): Uint {
  if (value < 0n) throw new CelError("unsigned integer overflow");
  return new Uint(value);
}

function bytesToString(value: Uint8Array): string {
  try {
    return UTF8.decode(value);
  } catch {
    throw new CelError("invalid UTF-8 in bytes, cannot convert to string");
  }
}

function stringToBool(text: string): boolean {
  if (TRUE.has(text)) return true;
  if (FALSE.has(text)) return false;
  throw new CelError(`type conversion error from 'string' to 'bool'`);
}

function stringToTimestamp(text: string): Timestamp {
  const value = Timestamp.parse(text);
  if (value === undefined) throw new CelError(`type conversion error from 'string' to 'google.protobuf.Timestamp'`);
  return value;
}

function stringToDuration(text: string): Duration {
  const value = Duration.parse(text);
  if (value === undefined) throw new CelError(`type conversion error from 'string' to 'google.protobuf.Duration'`);
  return value;
}

export const conversions: Functions = {
  dyn: [fn("to_dyn", [A], DYN, (a) => a)],
  type: [fn("type", [A], typeOf(A), (a) => new TypeValue(typeOfValue(a)))],
  bool: [fn("bool_to_bool", [BOOL], BOOL, (a) => a), fn("string_to_bool", [STRING], BOOL, stringToBool)],
  bytes: [
    fn("bytes_to_bytes", [BYTES], BYTES, (a) => a),
    fn("string_to_bytes", [STRING], BYTES, (a) => new TextEncoder().encode(a)),
  ],
  double: [
    fn("double_to_double", [DOUBLE], DOUBLE, (a) => a),
    fn("int64_to_double", [INT], DOUBLE, Number),
    fn("uint64_to_double", [UINT], DOUBLE, (a) => Number(a.value)),
    fn("string_to_double", [STRING], DOUBLE, parseDouble),
  ],
  int: [
    fn("int64_to_int64", [INT], INT, (a) => a),
    fn("double_to_int64", [DOUBLE], INT, doubleToInt),
    fn("duration_to_int64", [DURATION], INT, (a) => a.nanos),
    fn("string_to_int64", [STRING], INT, (a) => parseInteger(a, INT_RANGE)),
    fn("timestamp_to_int64", [TIMESTAMP], INT, (a) => a.seconds),
    fn("uint64_to_int64", [UINT], INT, (a) => checkInt(a.value)),
  ],
  uint: [
    fn("uint64_to_uint64", [UINT], UINT, (a) => a),
    fn("double_to_uint64", [DOUBLE], UINT, doubleToUint),
    fn("int64_to_uint64", [INT], UINT, intToUint),
    fn("string_to_uint64", [STRING], UINT, (a) => new Uint(parseInteger(a, UINT_RANGE))),
  ],
  string: [
    fn("string_to_string", [STRING], STRING, (a) => a),
    fn("bool_to_string", [BOOL], STRING, String),
    fn("bytes_to_string", [BYTES], STRING, bytesToString),
    fn("double_to_string", [DOUBLE], STRING, formatDouble),
    fn("duration_to_string", [DURATION], STRING, String),
    fn("int64_to_string", [INT], STRING, String),
    fn("timestamp_to_string", [TIMESTAMP], STRING, String),
    fn("uint64_to_string", [UINT], STRING, (a) => String(a.value)),
  ],
  timestamp: [
    fn("timestamp_to_timestamp", [TIMESTAMP], TIMESTAMP, (a) => a),
    fn("int64_to_timestamp", [INT], TIMESTAMP, (a) => new Timestamp(a * 1_000_000_000n)),
    fn("string_to_timestamp", [STRING], TIMESTAMP, stringToTimestamp),
  ],
  duration: [
    fn("duration_to_duration", [DURATION], DURATION, (a) => a),
    fn("int64_to_duration", [INT], DURATION, (a) => new Duration(a)),
    fn("string_to_duration", [STRING], DURATION, stringToDuration),
  ],
};
