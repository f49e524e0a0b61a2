import { fn, method } from "../functions.ts";
import type { Functions } from "../functions.ts";
import { compileRegex } from "../regex.ts";
import type { Turns } from "../turns.ts";
import { BOOL, BYTES, INT, STRING, listOf, mapOf, param } from "../types.ts";
import { stringSize } from "../values.ts";

const A = param("A");
const B = param("B");

const matches = (text: string, pattern: string): boolean => compileRegex(pattern).test(text);

function matchesInTurns(text: string, pattern: string): Turns | undefined {
  const regex = compileRegex(pattern);
  return regex.isLong(text) ? regex.testInTurns(text) : undefined;
}

/** The standard's own functions on strings and collections. */
export const standardStrings: Functions = {
  size: [
    fn("size_string", [STRING], INT, (a) => BigInt(stringSize(a))),
    fn("size_bytes", [BYTES], INT, (a) => BigInt(a.length)),
    fn("size_list", [listOf(A)], INT, (a) => BigInt(a.size)),
    fn("size_map", [mapOf(A, B)], INT, (a) => BigInt(a.size)),
    method("string_size", [STRING], INT, (a) => BigInt(stringSize(a))),
    method("bytes_size", [BYTES], INT, (a) => BigInt(a.length)),
    method("list_size", [listOf(A)], INT, (a) => BigInt(a.size)),
    method("map_size", [mapOf(A, B)], INT, (a) => BigInt(a.size)),
  ],
  contains: [method("contains_string", [STRING, STRING], BOOL, (a, b) => a.includes(b))],
  startsWith: [method("starts_with_string", [STRING, STRING], BOOL, (a, b) => a.startsWith(b))],
  endsWith: [method("ends_with_string", [STRING, STRING], BOOL, (a, b) => a.endsWith(b))],
  matches: [
    method("matches_string", [STRING, STRING], BOOL, matches, matchesInTurns),
    fn("matches", [STRING, STRING], BOOL, matches, matchesInTurns),
  ],
};
