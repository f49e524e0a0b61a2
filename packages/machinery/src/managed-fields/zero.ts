import type { FieldSchema } from "../schema.ts";

const ZEROS = {
  struct: Object.freeze({}),
  list: null,
  map: null,
  string: "",
  int: 0,
  bool: false,
  quantity: "0",
} as const;

/** What stands in a struct when nobody set the field: such a field does not come or go. */
export function zeroOf(field: FieldSchema | undefined): unknown {
  const zero = (field as { zero?: keyof typeof ZEROS } | undefined)?.zero;
  return zero === undefined ? undefined : ZEROS[zero];
}
