import type { Authorizer } from "../../auth/types.ts";
import type { ConditionResult, MatchConditionEvaluator } from "../webhooks/match-conditions.ts";
import { MatchConditions } from "./match-conditions.ts";
import type { MatchCondition } from "./match-conditions.ts";
import { RequestVariables } from "./request-variables.ts";

/** Evaluates the match conditions of webhooks. */
export function conditionEvaluator(authorizer: () => Authorizer): MatchConditionEvaluator {
  // A configuration is replaced, never changed: its conditions are compiled once.
  const compiled = new WeakMap<readonly MatchCondition[], MatchConditions>();
  return {
    async evaluate(conditions, { attributes, version, object, oldObject }): Promise<readonly ConditionResult[]> {
      let known = compiled.get(conditions);
      if (known === undefined) {
        known = MatchConditions.compile(conditions);
        compiled.set(conditions, known);
      }
      const outcome = await known.evaluate(
        new RequestVariables(attributes, authorizer(), { matchedAs: version, object, oldObject }),
      );
      if (outcome.kind === "error") return [{ error: outcome.message }];
      return [outcome.kind === "match"];
    },
  };
}
