import { Quantity, isQualifiedName } from "@knots/machinery";
import type { FieldError, FieldPath } from "../field.ts";
import { invalid } from "../field.ts";
import { NON_NEGATIVE } from "./names.ts";

/** Names of counted resources, and amounts that are not negative. */
export function validateResourceNames(hard: Record<string, string> | undefined, path: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  for (const name in hard) {
    // count/deployments.apps is a name with one slash, as every qualified name.
    for (const message of isQualifiedName(name)) errors.push(invalid(path.key(name), name, message));
    const value = hard[name] ?? "0";
    if (Quantity.parse(value).cmp(Quantity.parse("0")) < 0) errors.push(invalid(path.key(name), value, NON_NEGATIVE));
  }
  return errors;
}
