import type { CallExpr, Expr } from "./ast.ts";
import { CelError, InstantiationError } from "./errors.ts";
import type { Frame, Step } from "./frame.ts";
import { indexed, optionalIndex } from "./library/operators.ts";
import { isOfType } from "./functions.ts";
import type { Overload } from "./functions.ts";
import type { Compiler } from "./interpreter.ts";
import { compileRegex } from "./regex.ts";
import { runtimeCost } from "./runtime-cost.ts";
import { formatType } from "./types.ts";
import { typeOfValue } from "./values.ts";
import type { Value } from "./values.ts";

/** A call, with the operators that do not look at all their operands. */
export function compileCall(compiler: Compiler, expr: CallExpr): Step {
  const { args, target } = expr;
  const global = compiler.checked.globalCalls.has(expr.id);
  const operands = (target === undefined || global ? args : [target, ...args]).map((each) => compiler.compile(each));
  const [first, second, third] = operands;
  switch (expr.function) {
    case "_&&_":
      return logical(first as Step, second as Step, false);
    case "_||_":
      return logical(first as Step, second as Step, true);
    case "_?_:_":
      return conditional(first as Step, second as Step, third as Step);
    case "@not_strictly_false":
      return notStrictlyFalse(first as Step);
    case "_[_]":
      return index(first as Step, second as Step, indexed);
    case "_[?_]":
      return index(first as Step, second as Step, optionalIndex);
    default: {
      if (REGEX_FUNCTIONS.has(expr.function)) checkPattern(args[target === undefined ? 1 : 0]);
      const overloads = compiler.checked.overloads.get(expr.id) ?? [];
      return dispatch(expr.function, overloads, operands);
    }
  }
}

const REGEX_FUNCTIONS = new Set(["matches", "find", "findAll"]);

function checkPattern(pattern: Expr | undefined): void {
  if (pattern?.kind !== "literal" || typeof pattern.value !== "string") return;
  try {
    compileRegex(pattern.value);
  } catch (error) {
    throw new InstantiationError(`program instantiation failed: ${error instanceof Error ? error.message : ""}`, {
      cause: error,
    });
  }
}

/** `decided` on either side decides, whatever the other side is, an error included. */
function logical(left: Step, right: Step, decided: boolean): Step {
  return (frame) => {
    const a = attempt(left, frame);
    if (a === decided) return decided;
    const b = attempt(right, frame);
    if (b === decided) return decided;
    if (typeof a === "boolean" && typeof b === "boolean") return !decided;
    if (a instanceof CelError) throw a;
    if (b instanceof CelError) throw b;
    throw new CelError("no such overload");
  };
}

function attempt(step: Step, frame: Frame): Value | CelError {
  try {
    return step(frame);
  } catch (error) {
    if (error instanceof CelError) return error;
    throw error;
  }
}

function conditional(condition: Step, whenTrue: Step, whenFalse: Step): Step {
  return (frame) => {
    const value = condition(frame);
    if (value === true) return whenTrue(frame);
    if (value === false) return whenFalse(frame);
    throw new CelError("no such overload");
  };
}

function notStrictlyFalse(operand: Step): Step {
  return (frame) => {
    const value = attempt(operand, frame);
    frame.charge(1);
    return value !== false;
  };
}

/** Indexing goes by what the container is: any number may be an index that is worth an integer. */
function index(container: Step, key: Step, read: (container: Value, key: Value) => Value): Step {
  return (frame) => {
    const from = container(frame);
    const at = key(frame);
    frame.charge(1);
    return read(from, at);
  };
}

interface Candidate {
  readonly overload: Overload;
  readonly cost: (values: readonly Value[], result: Value) => number;
}

function dispatch(name: string, overloads: readonly Overload[], operands: readonly Step[]): Step {
  const candidates: Candidate[] = overloads.map((overload) => ({ overload, cost: runtimeCost(name, overload.id) }));
  return (frame) => {
    const values: Value[] = [];
    for (const operand of operands) values.push(operand(frame));
    for (const { overload, cost } of candidates) {
      if (!accepts(overload, values)) continue;
      let result: Value;
      try {
        result = overload.call(...values);
      } catch (error) {
        if (error instanceof CelError) frame.charge(cost(values, null));
        throw error;
      }
      frame.charge(cost(values, result));
      return result;
    }
    throw noSuchOverload(name, values);
  };
}

function accepts({ params }: Overload, values: readonly Value[]): boolean {
  for (let i = 0; i < params.length; i++) {
    const param = params[i];
    const value = values[i];
    if (param === undefined || value === undefined || !isOfType(param, value)) return false;
  }
  return true;
}

function noSuchOverload(name: string, values: readonly Value[]): CelError {
  if (!/^\w/.test(name) || name.includes("_")) return new CelError("no such overload");
  return new CelError(`no such overload: ${name}(${values.map((value) => formatType(typeOfValue(value))).join(", ")})`);
}
