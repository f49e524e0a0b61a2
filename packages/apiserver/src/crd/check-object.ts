import { invalid } from "@knots/machinery";
import type { FieldError, KubeObject } from "@knots/machinery";
import { LOOP, inTurns } from "../turn.ts";
import type { CustomVersion } from "./definition.ts";
import { LongPatterns } from "./long-patterns.ts";
import type { Matches } from "./long-patterns.ts";
import { Correlation } from "./rules/correlation.ts";
import type { RuleNode } from "./rules/rule-tree.ts";
import { runRules, runRulesInTurns } from "./rules/run-rules.ts";
import type { RuleResult } from "./rules/run-rules.ts";
import { MAX_ERRORS, validateValue } from "./validate.ts";

/** With these, rules would meet values that are not of their types. */
const BLOCKING = new Set([
  "FieldValueNotSupported",
  "FieldValueRequired",
  "FieldValueTooLong",
  "FieldValueTooMany",
  "FieldValueTypeInvalid",
]);

/** What of a version says how its objects must be. */
type Checked = Pick<CustomVersion, "schema" | "rules">;

/** An object against the schema and the rules of a version; what an update left as it was may break both. */
export function checkObject(version: Checked, object: KubeObject, old: KubeObject | undefined): RuleResult {
  const { rules, result } = checkSchema(version, object, old);
  return rules === undefined ? result : joined(result, runRules(rules, object, old));
}

/** The same, without keeping others waiting. */
export async function checkObjectInTurns(
  version: Checked,
  object: KubeObject,
  old: KubeObject | undefined,
): Promise<RuleResult> {
  const patterns = new LongPatterns();
  let checked = checkSchema(version, object, old, patterns.matches);
  while (patterns.open) {
    await inTurns(patterns.answer(), LOOP);
    checked = checkSchema(version, object, old, patterns.matches);
  }
  const { rules, result } = checked;
  if (rules === undefined) return result;
  return joined(result, await runRulesInTurns(rules, object, old, LOOP));
}

/** `rules`: those that remain to be run. */
function checkSchema(
  version: Checked,
  object: KubeObject,
  old: KubeObject | undefined,
  matches?: Matches,
): { result: RuleResult; rules: RuleNode | undefined } {
  const { schema } = version;
  if (schema === undefined) return { result: { errors: [], warnings: [] }, rules: undefined };
  const errors: FieldError[] = [];
  const correlation = old === undefined ? undefined : new Correlation(object, old, schema);
  validateValue(object, schema, undefined, errors, correlation, matches);
  const rules = version.rules();
  if (rules === undefined) return { result: { errors, warnings: [] }, rules };
  if (errors.length >= MAX_ERRORS || errors.some(({ type }) => BLOCKING.has(type))) {
    const why =
      "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";
    return { result: { errors: [...errors, invalid("<nil>", null, why)], warnings: [] }, rules: undefined };
  }
  return { result: { errors, warnings: [] }, rules };
}

function joined({ errors }: RuleResult, ofRules: RuleResult): RuleResult {
  return { errors: [...errors, ...ofRules.errors], warnings: ofRules.warnings };
}
