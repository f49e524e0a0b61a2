import type { Variable } from "@knots/api/admissionregistration/v1";
import { CelError, CelMap, CostExceeded, types } from "@knots/cel";
import type { Activation, CelType, Environment, Program, Value } from "@knots/cel";
import { compileExpression } from "./compile.ts";
import { withPolicyVariables } from "./environment.ts";

const PER_CALL_LIMIT = 1_000_000;

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
    const program = compileExpression(expression, withPolicyVariables(env, new Map(defined)));
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

/** `variables`: each is evaluated when it is first read, and once. */
export class PolicyVariables extends CelMap {
  readonly #programs: ReadonlyMap<string, Program | string>;
  readonly #values = new Map<string, Value | CelError>();
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
    let value = this.#values.get(name);
    if (value === undefined) {
      value = this.#evaluate(name, program);
      this.#values.set(name, value);
    }
    if (value instanceof CelError) throw value;
    return value;
  }

  #evaluate(name: string, program: Program | string): Value | CelError {
    const quoted = JSON.stringify(name);
    if (typeof program === "string") return new CelError(`composited variable ${quoted} fails to compile: ${program}`);
    const { value, error, cost } = program.evaluate(this.#activation, PER_CALL_LIMIT);
    this.#budget.take(cost);
    if (error instanceof CostExceeded) throw error;
    if (error !== undefined) {
      return new CelError(`composited variable ${quoted} fails to evaluate: ${error.message}`);
    }
    return value ?? null;
  }
}
