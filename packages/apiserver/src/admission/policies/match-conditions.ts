import { FieldPath, duplicate, invalid, isQualifiedName, required, tooMany } from "@knots/machinery";
import type { FieldError } from "@knots/machinery";
import { types } from "@knots/cel";
import type { Environment, Program } from "@knots/cel";
import { compileExpression } from "./compile.ts";
import { MATCH_CONDITION } from "./environment.ts";
import { evaluateProgram } from "./evaluate-program.ts";
import type { RequestVariables } from "./request-variables.ts";

/** As in webhooks and policies. */
export interface MatchCondition {
  readonly name: string;
  readonly expression: string;
}

export type MatchOutcome =
  | { readonly kind: "match" }
  | { readonly kind: "no match"; readonly condition: string }
  /** What the failure policy decides about. */
  | { readonly kind: "error"; readonly message: string };

const MOST = 64;
/** For all conditions of one webhook or policy together. */
const BUDGET = 2_500_000;

/** Conditions compiled once; they decide whether a webhook is called or a policy asked. */
export class MatchConditions {
  readonly #conditions: readonly { readonly name: string; readonly program: Program | string }[];

  private constructor(conditions: readonly { name: string; program: Program | string }[]) {
    this.#conditions = conditions;
  }

  /** What does not compile becomes an error of every evaluation. */
  static compile(
    conditions: readonly MatchCondition[] | undefined,
    env: Environment = MATCH_CONDITION,
  ): MatchConditions {
    return new MatchConditions(
      (conditions ?? []).map(({ name, expression }) => ({
        name,
        program: compileExpression(expression, env, types.BOOL),
      })),
    );
  }

  get empty(): boolean {
    return this.#conditions.length === 0;
  }

  /** One false decides, whatever the others are; without one an error does. */
  async evaluate(variables: RequestVariables | { get: RequestVariables["get"] }): Promise<MatchOutcome> {
    const errors: string[] = [];
    let budget = BUDGET;
    for (const { name, program } of this.#conditions) {
      if (typeof program === "string") {
        errors.push(program);
        continue;
      }
      if (budget < 0) {
        errors.push("validation failed due to running out of cost budget, no further validation rules will be run");
        break;
      }
      const { value, error, cost } = await evaluateProgram(program, variables);
      budget -= cost;
      if (error !== undefined) errors.push(`expression '${program.source}' resulted in error: ${error.message}`);
      else if (value === false) return { kind: "no match", condition: name };
      else if (value !== true) errors.push(`expression '${program.source}' must evaluate to bool`);
    }
    if (errors.length === 0) return { kind: "match" };
    return { kind: "error", message: errors.length === 1 ? (errors[0] ?? "") : `[${errors.join(", ")}]` };
  }
}

/** Errors of conditions that are being written. */
export function validateMatchConditions(
  conditions: readonly MatchCondition[] | undefined,
  path: FieldPath,
  env: Environment = MATCH_CONDITION,
): FieldError[] {
  const errors: FieldError[] = [];
  if ((conditions?.length ?? 0) > MOST) errors.push(tooMany(path, conditions?.length ?? 0, MOST));
  const names = new Set<string>();
  conditions?.forEach(({ name, expression }, index) => {
    const at = path.index(index);
    const trimmed = expression.trim();
    if (trimmed === "") errors.push(required(at.child("expression"), ""));
    else {
      const program = compileExpression(trimmed, env, types.BOOL);
      if (typeof program === "string") errors.push(invalid(at.child("expression"), trimmed, program));
    }
    if (name === "") errors.push(required(at.child("name"), ""));
    else {
      for (const problem of isQualifiedName(name)) errors.push(invalid(at.child("name"), name, problem));
      if (names.has(name)) errors.push(duplicate(at.child("name"), name));
      names.add(name);
    }
  });
  return errors;
}
