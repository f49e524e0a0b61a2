import { ArrayList, CelList, CelMap } from "../collections.ts";
import { CelError } from "../errors.ts";
import { fn, method } from "../functions.ts";
import type { Functions } from "../functions.ts";
import { Duration } from "../time-values.ts";
import { BOOL, listOf, optionalOf, param } from "../types.ts";
import { Optional, Uint } from "../values.ts";
import type { Value } from "../values.ts";

const T = param("T");
const OPTIONAL = optionalOf(T);
const LIST = listOf(T);
const OPTIONALS = listOf(OPTIONAL);

/** The values that are there. */
function unwrap(list: CelList): CelList {
  const values: Value[] = [];
  for (let index = 0; index < list.size; index++) {
    const each = list.at(index);
    if (!(each instanceof Optional)) throw new CelError("no such overload");
    if (each.value !== undefined) values.push(each.value);
  }
  return new ArrayList(values);
}

function elementAt(list: CelList, index: number): Optional {
  return list.size === 0 ? Optional.none : Optional.of(list.at(index));
}

export function isZero(value: Value): boolean {
  if (value === null || value === false || value === 0n || value === 0 || value === "") return true;
  if (value instanceof Uint) return value.value === 0n;
  if (value instanceof Uint8Array) return value.length === 0;
  if (value instanceof CelList || value instanceof CelMap) return value.size === 0;
  if (value instanceof Optional) return value.value === undefined;
  return value instanceof Duration && value.nanos === 0n;
}

export const optionals: Functions = {
  "optional.of": [fn("optional_of", [T], OPTIONAL, (value) => Optional.of(value))],
  "optional.ofNonZeroValue": [
    fn("optional_ofNonZeroValue", [T], OPTIONAL, (value) => (isZero(value) ? Optional.none : Optional.of(value))),
  ],
  "optional.none": [fn("optional_none", [], OPTIONAL, () => Optional.none)],
  "optional.unwrap": [fn("optional_unwrap", [OPTIONALS], LIST, unwrap)],
  unwrapOpt: [method("optional_unwrapOpt", [OPTIONALS], LIST, unwrap)],
  first: [method("list_first", [LIST], OPTIONAL, (list) => elementAt(list, 0))],
  last: [method("list_last", [LIST], OPTIONAL, (list) => elementAt(list, list.size - 1))],
  hasValue: [method("optional_hasValue", [OPTIONAL], BOOL, ({ value }) => value !== undefined)],
  value: [
    method("optional_value", [OPTIONAL], T, ({ value }) => {
      if (value === undefined) throw new CelError("optional.none() dereference");
      return value;
    }),
  ],
  or: [method("optional_or_optional", [OPTIONAL, OPTIONAL], OPTIONAL, (a, b) => (a.value === undefined ? b : a))],
  orValue: [
    method("optional_orValue_value", [OPTIONAL, T], T, ({ value }, otherwise) =>
      value === undefined ? otherwise : value,
    ),
  ],
};
