import { ArrayList } from "../collections.ts";
import { method } from "../functions.ts";
import type { Functions } from "../functions.ts";
import { compileRegex } from "../regex.ts";
import { INT, STRING, listOf } from "../types.ts";

function findAll(text: string, pattern: string, limit: bigint): ArrayList {
  const count = limit < 0n ? Number.MAX_SAFE_INTEGER : Number(limit);
  return new ArrayList(compileRegex(pattern).findAll(text, count));
}

export const regexes: Functions = {
  find: [
    method("string_find_string", [STRING, STRING], STRING, (text, pattern) => {
      const [found = ""] = compileRegex(pattern).findAll(text, 1);
      return found;
    }),
  ],
  findAll: [
    method("string_find_all_string", [STRING, STRING], listOf(STRING), (a, b) => findAll(a, b, -1n)),
    method("string_find_all_string_int", [STRING, STRING, INT], listOf(STRING), findAll),
  ],
};
