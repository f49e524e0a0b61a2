import type { CallExpr, Expr } from "./ast.ts";
import { CelError, InstantiationError, TurnOver } from "./errors.ts";
import type { Frame, Step } from "./frame.ts";
import { indexed, optionalIndex } from "./library/operators.ts";
import { isOfType } from "./functions.ts";
import type { Overload } from "./functions.ts";
import type { Compiler } from "./interpreter.ts";
import { compileRegex } from "./regex.ts";
import { runtimeCost } from "./runtime-cost.ts";
import { attempt, attemptInTurns, inTurns, nary } from "./turns.ts";
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
      const values = target === undefined || global ? args : [target, ...args];
      const step = dispatch(expr.function, overloads, operands);
      return values.every(({ kind }) => kind === "literal") ? once(step) : step;
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
  const join = (a: Value | CelError, b: Value | CelError): Value => {
    if (b === decided) return decided;
    if (typeof a === "boolean" && typeof b === "boolean") return !decided;
    if (a instanceof CelError) throw a;
    if (b instanceof CelError) throw b;
    throw new CelError("no such overload");
  };
  const step: Step = (frame) => {
    const a = attempt(left, frame);
    return a === decided ? decided : join(a, attempt(right, frame));
  };
  if (left.turns !== undefined || right.turns !== undefined) {
    step.turns = function* (frame) {
      const a = yield* attemptInTurns(left, frame);
      return a === decided ? decided : join(a, yield* attemptInTurns(right, frame));
    };
  }
  return step;
}

function conditional(condition: Step, whenTrue: Step, whenFalse: Step): Step {
  const choose = (value: Value): Step => {
    if (value === true) return whenTrue;
    if (value === false) return whenFalse;
    throw new CelError("no such overload");
  };
  const step: Step = (frame) => choose(condition(frame))(frame);
  if ([condition, whenTrue, whenFalse].some(({ turns }) => turns !== undefined)) {
    step.turns = function* (frame) {
      return yield* inTurns(choose(yield* inTurns(condition, frame)), frame);
    };
  }
  return step;
}

function notStrictlyFalse(operand: Step): Step {
  const judge = (frame: Frame, value: Value | CelError): boolean => {
    frame.charge(1);
    return value !== false;
  };
  const step: Step = (frame) => judge(frame, attempt(operand, frame));
  if (operand.turns !== undefined) {
    step.turns = function* (frame) {
      return judge(frame, yield* attemptInTurns(operand, frame));
    };
  }
  return step;
}

/** Indexing goes by what the container is: any number may be an index that is worth an integer. */
function index(container: Step, key: Step, read: (container: Value, key: Value) => Value): Step {
  return nary([container, key], (frame, [from = null, at = null]) => {
    frame.charge(1);
    return read(from, at);
  });
}

/** Functions of literals: what they give is the same each time, and so is what they cost. */
function once(step: Step): Step {
  let known: { readonly value: Value; readonly cost: number } | undefined;
  const again = (frame: Frame, { value, cost }: NonNullable<typeof known>): Value => {
    frame.charge(cost);
    return value;
  };
  const keep = (frame: Frame, before: number, value: Value): Value => {
    known = { value, cost: frame.cost - before };
    return value;
  };
  const first: Step = (frame) => (known === undefined ? keep(frame, frame.cost, step(frame)) : again(frame, known));
  const { turns } = step;
  if (turns !== undefined) {
    first.turns = function* (frame) {
      return known === undefined ? keep(frame, frame.cost, yield* turns(frame)) : again(frame, known);
    };
  }
  return first;
}

interface Candidate {
  readonly overload: Overload;
  readonly cost: (values: readonly Value[], result: Value) => number;
}

function dispatch(name: string, overloads: readonly Overload[], operands: readonly Step[]): Step {
  const candidates: Candidate[] = overloads.map((overload) => ({ overload, cost: runtimeCost(name, overload.id) }));
  const choose = (values: readonly Value[]): Candidate => {
    for (const candidate of candidates) if (accepts(candidate.overload, values)) return candidate;
    throw noSuchOverload(name, values);
  };
  const step = nary(operands, (frame, values) => {
    const { overload, cost } = choose(values);
    const price = priceOf(cost, frame, values);
    let result: Value;
    try {
      if (frame.givesUp && overload.turns?.(...values) !== undefined) throw new TurnOver();
      result = overload.call(...values);
    } catch (error) {
      if (error instanceof CelError) frame.charge(price ?? cost(values, null));
      throw error;
    }
    frame.charge(price ?? cost(values, result));
    return result;
  });
  if (overloads.every(({ turns }) => turns === undefined)) return step;
  step.turns = function* (frame) {
    const values: Value[] = [];
    for (const operand of operands) values.push(yield* inTurns(operand, frame));
    const { overload, cost } = choose(values);
    const price = priceOf(cost, frame, values);
    let result: Value;
    try {
      const turns = overload.turns?.(...values);
      result = turns === undefined ? overload.call(...values) : yield* turns;
    } catch (error) {
      if (error instanceof CelError) frame.charge(price ?? cost(values, null));
      throw error;
    }
    frame.charge(price ?? cost(values, result));
    return result;
  };
  return step;
}

/** What is known of the cost before the call. What cannot be paid is not begun: some calls take as long as they cost. */
function priceOf(cost: Candidate["cost"], frame: Frame, values: readonly Value[]): number | undefined {
  const price = cost.length < 2 ? cost(values, null) : undefined;
  if (price !== undefined && !frame.affords(price)) frame.charge(price);
  return price;
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
