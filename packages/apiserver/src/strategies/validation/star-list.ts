import type { FieldError, FieldPath } from "../field.ts";
import { invalid, required } from "../field.ts";

/** A list that may not be empty, and in which "*" stands alone. */
export function validateStars(
  values: readonly string[] = [],
  path: FieldPath,
  what: string,
  errors: FieldError[],
  whenEmpty = "",
): void {
  if (values.length === 0) errors.push(required(path, whenEmpty));
  if (values.length > 1 && values.includes("*"))
    errors.push(invalid(path, values, `if '*' is present, must not specify other ${what}`));
}
