import type { Variable } from "@knots/api/admissionregistration/v1";
import { CelError, CelMap, CostExceeded, types } from "@knots/cel";
import type { Activation, CelType, Environment, Evaluation, Program, Value } from "@knots/cel";
import { LOOP, inTurns } from "../../turn.ts";
import { compileExpression } from "./compile.ts";
import { PER_CALL_LIMIT, VariablePending } from "./evaluate-program.ts";
import { withPolicyVariables } from "./environment.ts";

export interface CompiledVariable {
  readonly name: string;
  readonly program: Program | string;
}

/** Variables in their order: each may use those before it. Gives them and the environment that has them all. */
export function compileVariables(
  variables: readonly Variable[] | undefined,
  env: Environment,
): { compiled: readonly CompiledVariable[]; env: Environment } {
  const defined = new Map<string, CelType>();
  const compiled: CompiledVariable[] = [];
  for (const { name, expression } of variables ?? []) {
    // Compiled at once: later variables that go into the same map are not seen.
    const program = compileExpression(expression, withPolicyVariables(env, defined));
    compiled.push({ name, program });
    defined.set(name, typeof program === "string" ? types.DYN : program.type);
  }
  return { compiled, env: withPolicyVariables(env, defined) };
}

/** What is left of a policy's cost budget; everything that its expressions do is taken from it. */
export class Budget {
  #left: number;
  constructor(units: number) {
    this.#left = units;
  }
  get exceeded(): boolean {
    return this.#left < 0;
  }
  take(units: number): void {
    this.#left -= units;
  }
}

type Outcome = Value | CelError | CostExceeded;

/** `variables`: each is evaluated when it is first read, and once. */
export class PolicyVariables extends CelMap {
  readonly #programs: ReadonlyMap<string, Program | string>;
  readonly #values = new Map<string, Outcome>();
  readonly #activation: Activation;
  readonly #budget: Budget;

  constructor(variables: readonly CompiledVariable[], activation: Activation, budget: Budget) {
    super();
    this.#programs = new Map(variables.map(({ name, program }) => [name, program]));
    this.#activation = activation;
    this.#budget = budget;
  }

  get size(): number {
    return this.#programs.size;
  }

  keys(): Iterable<string> {
    return this.#programs.keys();
  }

  get(key: Value): Value | undefined {
    const program = typeof key === "string" ? this.#programs.get(key) : undefined;
    if (program === undefined) return undefined;
    const name = key as string;
    const known = this.#values.get(name);
    const value = known === undefined ? this.#evaluate(name, program) : known;
    if (value instanceof CelError || value instanceof CostExceeded) throw value;
    return value;
  }

  /** Throws VariablePending for what takes longer than a turn. */
  #evaluate(name: string, program: Program | string): Outcome {
    if (typeof program === "string") {
      return new CelError(`composited variable ${JSON.stringify(name)} fails to compile: ${program}`);
    }
    const work = program.evaluateInTurns(this.#activation, PER_CALL_LIMIT, () => LOOP.isOver);
    const { done, value } = work.next();
    if (done === true) return this.#keep(name, value);
    throw new VariablePending(async (turn) => {
      this.#keep(name, await inTurns(work, turn));
    });
  }

  #keep(name: string, { value, error, cost }: Evaluation): Outcome {
    this.#budget.take(cost);
    let kept: Outcome = value ?? null;
    if (error instanceof CostExceeded) kept = error;
    else if (error !== undefined) {
      kept = new CelError(`composited variable ${JSON.stringify(name)} fails to evaluate: ${error.message}`);
    }
    this.#values.set(name, kept);
    return kept;
  }
}
