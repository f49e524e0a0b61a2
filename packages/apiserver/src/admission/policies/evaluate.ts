import { fromJson } from "@knots/cel";
import type { Activation, Program, Value } from "@knots/cel";
import { evaluateProgram } from "./evaluate-program.ts";
import { Budget, PolicyVariables } from "./policy-variables.ts";
import type { CompiledVariable } from "./policy-variables.ts";

/** For all expressions of a policy on one parameter together. */
const POLICY_BUDGET = 10_000_000;
export const OUT_OF_BUDGET =
  "validation failed due to running out of cost budget, no further validation rules will be run";

/** One run of a policy: its expressions see the request, the parameter and the policy's variables. */
export class PolicyRun {
  readonly #activation: Activation;
  readonly #budget = new Budget(POLICY_BUDGET);

  /** `params` undefined: the policy has none. */
  constructor(
    request: Activation,
    variables: readonly CompiledVariable[],
    params: { readonly value: unknown } | undefined,
  ) {
    const param = params === undefined ? undefined : fromJson(params.value ?? null);
    const activation: Activation = {
      get(name) {
        if (name === "variables") return composed;
        return name === "params" ? param : request.get(name);
      },
    };
    const composed = new PolicyVariables(variables, activation, this.#budget);
    this.#activation = activation;
  }

  get activation(): Activation {
    return this.#activation;
  }

  get outOfBudget(): boolean {
    return this.#budget.exceeded;
  }

  /** The value, or upstream's words for why there is none. */
  async evaluate(program: Program | string): Promise<{ value: Value } | { error: string }> {
    if (typeof program === "string") return { error: `compilation error: ${program}` };
    const { value, error, cost } = await evaluateProgram(program, this.#activation);
    this.#budget.take(cost);
    if (error !== undefined) return { error: `expression '${program.source}' resulted in error: ${error.message}` };
    return { value: value ?? null };
  }
}
