import { check } from "./checker.ts";
import type { CheckedExpr } from "./checker.ts";
import type { Environment } from "./environment.ts";
import { CelError, CompileError, CostExceeded, TurnOver } from "./errors.ts";
import { Frame } from "./frame.ts";
import type { Activation, IsOver } from "./frame.ts";
import { Compiler } from "./interpreter.ts";
import { checkLiterals } from "./literal-checks.ts";
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
  /**
   * The same; yields where others may have their turn, once `isOver` has said that they should.
   * What is short is evaluated at once, and begun anew when it turns out to be long.
   */
  evaluateInTurns(activation: Activation, limit: number, isOver: IsOver): Generator<undefined, Evaluation>;
}

/** Parses, checks and compiles. Throws CompileError with upstream's text. */
export function compile(source: string, env: Environment): Program {
  const checked = check(source, parse(source, env.bindings), env);
  const issues = env.literalChecks ? checkLiterals(checked.expr) : [];
  if (issues.length > 0) throw new CompileError(source, issues);
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
        return failed(error, frame);
      }
    },
    *evaluateInTurns(activation, limit, isOver) {
      if (step.turns === undefined) return this.evaluate(activation, limit);
      let frame = new Frame(activation, limit, isOver, "give up");
      try {
        return { value: step(frame), error: undefined, cost: frame.cost };
      } catch (error) {
        if (!(error instanceof TurnOver)) return failed(error, frame);
      }
      yield;
      frame = new Frame(activation, limit, isOver, "yield");
      try {
        return { value: yield* step.turns(frame), error: undefined, cost: frame.cost };
      } catch (error) {
        return failed(error, frame);
      }
    },
  };
}

/** Throws what is no error of the expression. */
function failed(error: unknown, { cost }: Frame): Evaluation {
  if (error instanceof CelError || error instanceof CostExceeded) return { value: undefined, error, cost };
  throw error;
}
