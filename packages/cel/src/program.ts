import { check } from "./checker.ts";
import type { CheckedExpr } from "./checker.ts";
import type { Environment } from "./environment.ts";
import { Frame } from "./frame.ts";
import type { Activation } from "./frame.ts";
import { Compiler } from "./interpreter.ts";
import { parse } from "./parser.ts";
import type { CelType } from "./types.ts";
import type { Value } from "./values.ts";

/** How an evaluation ended. */
export interface Evaluation {
  /** The value; undefined when `error` says why there is none. */
  readonly value: Value | undefined;
  /** A CelError, or CostExceeded. */
  readonly error: Error | undefined;
  /** Cost units spent, also when it failed. */
  readonly cost: number;
}

/** A compiled expression. */
export interface Program {
  readonly source: string;
  readonly type: CelType;
  readonly checked: CheckedExpr;
  /** Whether the expression mentions the variable. */
  uses(variable: string): boolean;
  /** Never throws for what an expression does; stops when `limit` cost units are spent. */
  evaluate(activation: Activation, limit: number): Evaluation;
}

/** Parses, checks and compiles. Throws CompileError with upstream's text. */
export function compile(source: string, env: Environment): Program {
  const checked = check(source, parse(source, env.bindings), env);
  const step = new Compiler(checked).compile(checked.expr);
  return {
    source,
    type: checked.type,
    checked,
    uses(variable) {
      for (const reference of checked.references.values()) {
        if (reference.kind === "variable" && reference.name === variable) return true;
      }
      return false;
    },
    evaluate(activation, limit) {
      const frame = new Frame(activation, limit);
      try {
        return { value: step(frame), error: undefined, cost: frame.cost };
      } catch (error) {
        if (!isEvaluationError(error)) throw error;
        return { value: undefined, error, cost: frame.cost };
      }
    },
  };
}

function isEvaluationError(error: unknown): error is Error {
  return error instanceof Error && (error.name === "CelError" || error.name === "CostExceeded");
}
