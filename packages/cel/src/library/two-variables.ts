import { CelMap, ValueMap } from "../collections.ts";
import { CelError } from "../errors.ts";
import { fn } from "../functions.ts";
import type { Functions } from "../functions.ts";
import { mapOf, param } from "../types.ts";

const K = param("K");
const V = param("V");
const MAP = mapOf(K, V);

function growing(map: CelMap): ValueMap {
  if (!(map instanceof ValueMap)) throw new CelError("no such overload");
  return map;
}

/** What transformMap and transformMapEntry are made of. */
export const twoVariables: Functions = {
  "cel.@mapInsert": [
    fn("@mapInsert_map_map", [MAP, MAP], MAP, (map, entries) => {
      let result = growing(map);
      for (const key of entries.keys()) result = result.with(key, entries.get(key) ?? null);
      return result;
    }),
    fn("@mapInsert_map_key_value", [MAP, K, V], MAP, (map, key, value) => growing(map).with(key, value)),
  ],
};
