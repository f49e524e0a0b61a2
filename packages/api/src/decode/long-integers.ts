// Integers that no JavaScript number holds: custom resources keep them, as bigints; the fields of the API's own kinds are
// numbers, and none may be changed in silence.
import { longIntegers } from "@knots/machinery";
import type { LongInteger, TypeSchema } from "@knots/machinery";

const found = new WeakMap<object, readonly LongInteger[]>();

/** Remembers for `longIntegersOf` where a value that was just parsed has bigints. */
export function noteLongIntegers(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  const integers = longIntegers(value);
  if (integers.length > 0) found.set(value, integers);
}

/** What `noteLongIntegers` found in this very object. */
export function longIntegersOf(value: object): readonly LongInteger[] {
  return found.get(value) ?? [];
}

/** Whether a value at this path would be kept as a float, or not kept at all: then nothing is lost that is not lost elsewhere. */
export function mayBeInexact(schema: TypeSchema | undefined, path: readonly (string | number)[]): boolean {
  let type = schema;
  for (const part of path) {
    if (type?.kind === "list") type = type.element;
    else if (type?.kind === "map") type = type.value;
    else if (type?.kind === "struct") {
      const field = type.fields.get(String(part));
      if (field === undefined) return type.preserveUnknown !== true;
      type = field.type;
    } else return false;
  }
  return type?.kind === "scalar" && type.scalar !== "int64";
}
