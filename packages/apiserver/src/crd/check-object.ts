import { invalid } from "@knots/machinery";
import type { FieldError, KubeObject } from "@knots/machinery";
import type { CustomVersion } from "./definition.ts";
import { Correlation } from "./rules/correlation.ts";
import { runRules } from "./rules/run-rules.ts";
import type { RuleResult } from "./rules/run-rules.ts";
import { validateValue } from "./validate.ts";

/** With these, rules would meet values that are not of their types. */
const BLOCKING = new Set([
  "FieldValueNotSupported",
  "FieldValueRequired",
  "FieldValueTooLong",
  "FieldValueTooMany",
  "FieldValueTypeInvalid",
]);

/** An object against the schema and the rules of a version; what an update left as it was may break both. */
export function checkObject(version: CustomVersion, object: KubeObject, old: KubeObject | undefined): RuleResult {
  const { schema } = version;
  if (schema === undefined) return { errors: [], warnings: [] };
  const errors: FieldError[] = [];
  const correlation = old === undefined ? undefined : new Correlation(object, old, schema);
  validateValue(object, schema, undefined, errors, correlation);
  const rules = version.rules();
  if (rules === undefined) return { errors, warnings: [] };
  if (errors.some(({ type }) => BLOCKING.has(type))) {
    const why =
      "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";
    return { errors: [...errors, invalid("<nil>", null, why)], warnings: [] };
  }
  const result = runRules(rules, object, old);
  return { errors: [...errors, ...result.errors], warnings: result.warnings };
}
