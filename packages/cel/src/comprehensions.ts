import { ACCUMULATOR } from "./ast.ts";
import type { CallExpr, ComprehensionExpr } from "./ast.ts";
import { CelList, CelMap, ValueMap } from "./collections.ts";
import { CelError } from "./errors.ts";
import type { Frame, Step } from "./frame.ts";
import type { Compiler } from "./interpreter.ts";
import { inTurns } from "./turns.ts";
import type { Value } from "./values.ts";

/** A list under construction: only its comprehension sees it before it is complete, and may append in place. */
class GrowingList extends CelList {
  readonly #values: Value[] = [];
  get size(): number {
    return this.#values.length;
  }
  at(index: number): Value {
    return this.#values[index] ?? null;
  }
  push(value: Value): void {
    this.#values.push(value);
  }
}

// What `accumulator + [element]` costs: the identifier, the list, the addition.
const APPEND_COST = 1 + 10 + 1;

/** `accumulator + [element]` of the macros that collect; undefined for any other call. */
export function growingStep(compiler: Compiler, expr: CallExpr): Step | undefined {
  const [accu, list] = expr.args;
  if (expr.function !== "_+_" || accu?.kind !== "ident" || accu.name !== ACCUMULATOR || list?.kind !== "list") {
    return undefined;
  }
  const [element] = list.elements;
  const found = compiler.scope.findLast((each) => each.name === ACCUMULATOR);
  if (element === undefined || found === undefined) return undefined;
  const { slot } = found;
  const value = compiler.compile(element);
  const step: Step = (frame) => {
    const growing = listAt(frame, slot);
    return append(frame, growing, value(frame));
  };
  if (value.turns !== undefined) {
    step.turns = function* (frame) {
      const growing = listAt(frame, slot);
      return append(frame, growing, yield* inTurns(value, frame));
    };
  }
  return step;
}

function listAt(frame: Frame, slot: number): GrowingList {
  const growing = frame.locals[slot];
  if (growing instanceof CelError) throw growing;
  return growing as GrowingList;
}

function append(frame: Frame, list: GrowingList, value: Value): GrowingList {
  frame.charge(APPEND_COST);
  list.push(value);
  return list;
}

function initial(compiler: Compiler, expr: ComprehensionExpr): Step {
  const { accuInit, accuVar } = expr;
  if (accuVar !== ACCUMULATOR) return compiler.compile(accuInit);
  if (accuInit.kind === "list" && accuInit.elements.length === 0) {
    return (frame) => {
      frame.charge(10);
      return new GrowingList();
    };
  }
  if (accuInit.kind === "map" && accuInit.entries.length === 0) {
    return (frame) => {
      frame.charge(30);
      return ValueMap.empty();
    };
  }
  return compiler.compile(accuInit);
}

export function compileComprehension(compiler: Compiler, expr: ComprehensionExpr): Step {
  const { scope } = compiler;
  const range = compiler.compile(expr.range);
  const init = initial(compiler, expr);
  const accu = scope.length;
  scope.push({ name: expr.accuVar, slot: accu, accumulator: true });
  const first = accu + 1;
  const second = accu + 2;
  scope.push({ name: expr.iterVar, slot: first, accumulator: false });
  // Keeps its slot even when there is no second variable, so that slots follow from the depth alone.
  scope.push({ name: expr.iterVar2 ?? "", slot: second, accumulator: false });
  const condition = compiler.compile(expr.condition);
  const step = compiler.compile(expr.step);
  scope.length = first;
  const result = compiler.compile(expr.result);
  scope.length = accu;
  const two = expr.iterVar2 !== undefined;
  // Macros whose condition is a constant have no use for errors met on the way.
  const keepsErrors = expr.condition.kind !== "literal";

  const setItem = (frame: Frame, list: CelList, i: number): void => {
    frame.locals[first] = two ? BigInt(i) : list.at(i);
    if (two) frame.locals[second] = list.at(i);
  };
  const setKey = (frame: Frame, map: CelMap, key: Value): void => {
    frame.locals[first] = key;
    if (two) frame.locals[second] = map.get(key) ?? null;
  };
  const keep = (frame: Frame, error: unknown): void => {
    if (!keepsErrors || !(error instanceof CelError)) throw error;
    frame.locals[accu] = error;
  };
  /** False ends the loop. */
  const turn = (frame: Frame): boolean => {
    if (condition(frame) !== true) return false;
    try {
      frame.locals[accu] = step(frame);
    } catch (error) {
      keep(frame, error);
    }
    return true;
  };
  function* turnInTurns(frame: Frame): Generator<undefined, boolean> {
    if ((yield* inTurns(condition, frame)) !== true) return false;
    try {
      frame.locals[accu] = yield* inTurns(step, frame);
    } catch (error) {
      keep(frame, error);
    }
    return true;
  }
  const nested = condition.turns !== undefined || step.turns !== undefined;

  const fold: Step = (frame) => {
    const items = range(frame);
    frame.locals[accu] = init(frame);
    if (items instanceof CelList) {
      for (let i = 0; i < items.size; i++) {
        setItem(frame, items, i);
        if (!turn(frame)) break;
      }
    } else if (items instanceof CelMap) {
      for (const key of items.keys()) {
        setKey(frame, items, key);
        if (!turn(frame)) break;
      }
    } else throw new CelError("no such overload");
    return result(frame);
  };
  fold.turns = function* (frame) {
    const items = yield* inTurns(range, frame);
    frame.locals[accu] = yield* inTurns(init, frame);
    if (items instanceof CelList) {
      for (let i = 0; i < items.size; i++) {
        setItem(frame, items, i);
        if (!(nested ? yield* turnInTurns(frame) : turn(frame))) break;
        if (frame.turnIsOver) yield;
      }
    } else if (items instanceof CelMap) {
      for (const key of items.keys()) {
        setKey(frame, items, key);
        if (!(nested ? yield* turnInTurns(frame) : turn(frame))) break;
        if (frame.turnIsOver) yield;
      }
    } else throw new CelError("no such overload");
    return yield* inTurns(result, frame);
  };
  return fold;
}
