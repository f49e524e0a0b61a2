import type { FieldError, FieldPath } from "../field.ts";
import { invalid, notSupported, required } from "../field.ts";
import { NON_NEGATIVE } from "./names.ts";

export function nonNegative(value: number | undefined, path: FieldPath, errors: FieldError[]): void {
  if (value !== undefined && value < 0) errors.push(invalid(path, value, NON_NEGATIVE));
}

/** Every named numeric field of an object. */
export function nonNegativeFields<T extends object>(
  obj: T | undefined,
  fields: readonly (keyof T & string)[],
  path: FieldPath,
  errors: FieldError[],
): void {
  for (const field of fields) {
    const value = obj?.[field];
    if (typeof value === "number") nonNegative(value, path.child(field), errors);
  }
}

export function oneOf(
  value: string | undefined,
  supported: readonly string[],
  path: FieldPath,
  errors: FieldError[],
): void {
  if (!value) errors.push(required(path, ""));
  else if (!supported.includes(value)) errors.push(notSupported(path, value, [...supported]));
}

/** What need not be there, but is one of these where it is: an empty one is none of them. */
export function supported(
  value: string | undefined,
  values: readonly string[],
  path: FieldPath,
  errors: FieldError[],
): void {
  if (value !== undefined && !values.includes(value)) errors.push(notSupported(path, value, values));
}

const PERCENT = /^[0-9]+%$/;
const PERCENT_MESSAGE =
  "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";

/** A count, or a percentage of one. */
export function intOrPercent(value: number | string | undefined, path: FieldPath, errors: FieldError[]): void {
  if (typeof value === "number") nonNegative(value, path, errors);
  else if (value !== undefined && !PERCENT.test(value)) errors.push(invalid(path, value, PERCENT_MESSAGE));
}

export function notMoreThan100Percent(value: number | string | undefined, path: FieldPath, errors: FieldError[]): void {
  if (typeof value === "string" && PERCENT.test(value) && Number.parseInt(value, 10) > 100) {
    errors.push(invalid(path, value, "must not be greater than 100%"));
  }
}

/** The number before the percent sign, or the number. */
export const amountOf = (value: number | string | undefined): number =>
  typeof value === "number" ? value : Number.parseInt(value ?? "0", 10) || 0;
