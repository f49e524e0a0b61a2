import type { MatchCondition } from "@knots/api/admissionregistration/v1";
import type { KubeObject } from "@knots/machinery";
import type { AdmissionAttributes } from "../types.ts";
import type { RequestVersion } from "./versions.ts";

/** What match conditions are evaluated on: `object` and `oldObject` in the version that matched. */
export interface MatchSubject {
  readonly attributes: AdmissionAttributes;
  readonly version: RequestVersion;
  readonly object: KubeObject | undefined;
  readonly oldObject: KubeObject | undefined;
}

/** One condition's outcome; a string is why it could not be evaluated. */
export type ConditionResult = boolean | { readonly error: string };

/** Evaluates the CEL expressions of match conditions. */
export interface MatchConditionEvaluator {
  evaluate(
    conditions: readonly MatchCondition[],
    subject: MatchSubject,
  ): readonly ConditionResult[] | Promise<readonly ConditionResult[]>;
}

/** One false condition settles it; otherwise errors count, as the failure policy says. */
export function combineConditions(
  results: readonly ConditionResult[],
  ignoreFailure: boolean,
): { matches: boolean; error?: string } {
  if (results.includes(false)) return { matches: false };
  const errors = results.flatMap((result) => (typeof result === "object" ? [result.error] : []));
  if (errors.length === 0) return { matches: true };
  if (ignoreFailure) return { matches: false };
  return { matches: false, error: errors.length === 1 ? (errors[0] ?? "") : `[${errors.join(", ")}]` };
}
