import type { CelList } from "../collections.ts";
import { fn } from "../functions.ts";
import type { Functions } from "../functions.ts";
import { BOOL, listOf, param } from "../types.ts";

const LIST = listOf(param("T"));

function containsAll(list: CelList, sub: CelList): boolean {
  for (const each of sub) if (!list.includes(each)) return false;
  return true;
}

function intersects(a: CelList, b: CelList): boolean {
  for (const each of a) if (b.includes(each)) return true;
  return false;
}

export const sets: Functions = {
  "sets.contains": [fn("list_sets_contains_list", [LIST, LIST], BOOL, containsAll)],
  "sets.equivalent": [
    fn("list_sets_equivalent_list", [LIST, LIST], BOOL, (a, b) => containsAll(a, b) && containsAll(b, a)),
  ],
  "sets.intersects": [fn("list_sets_intersects_list", [LIST, LIST], BOOL, intersects)],
};
