import { ArrayList } from "../collections.ts";
import { method } from "../functions.ts";
import type { Functions } from "../functions.ts";
import { compileRegex } from "../regex.ts";
import type { Turns } from "../turns.ts";
import { INT, STRING, listOf } from "../types.ts";

function findAll(text: string, pattern: string, limit = -1n): ArrayList {
  return new ArrayList(compileRegex(pattern).findAll(text, count(limit)));
}

function findAllInTurns(text: string, pattern: string, limit = -1n): Turns | undefined {
  const regex = compileRegex(pattern);
  if (!regex.isLong(text)) return undefined;
  return (function* () {
    return new ArrayList(yield* regex.findAllInTurns(text, count(limit)));
  })();
}

const count = (limit: bigint): number => (limit < 0n ? Infinity : Number(limit));

function find(text: string, pattern: string): string {
  const [found = ""] = compileRegex(pattern).findAll(text, 1);
  return found;
}

function findInTurns(text: string, pattern: string): Turns | undefined {
  const regex = compileRegex(pattern);
  if (!regex.isLong(text)) return undefined;
  return (function* () {
    const [found = ""] = yield* regex.findAllInTurns(text, 1);
    return found;
  })();
}

export const regexes: Functions = {
  find: [method("string_find_string", [STRING, STRING], STRING, find, findInTurns)],
  findAll: [
    method("string_find_all_string", [STRING, STRING], listOf(STRING), findAll, findAllInTurns),
    method("string_find_all_string_int", [STRING, STRING, INT], listOf(STRING), findAll, findAllInTurns),
  ],
};
