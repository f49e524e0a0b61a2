// Steps that can be left and taken up again: what an evaluation that takes long is made of.
import { CelError } from "./errors.ts";
import type { Frame, Step } from "./frame.ts";
import type { Value } from "./values.ts";

/** An evaluation; what it yields are places where others may have their turn. */
export type Turns = Generator<undefined, Value>;

/** A step on the value of another one. */
export function unary(operand: Step, combine: (frame: Frame, value: Value) => Value): Step {
  const step: Step = (frame) => combine(frame, operand(frame));
  const { turns } = operand;
  if (turns !== undefined) {
    step.turns = function* (frame) {
      return combine(frame, yield* turns(frame));
    };
  }
  return step;
}

/** A step on the values of several, from first to last. */
export function nary(operands: readonly Step[], combine: (frame: Frame, values: Value[]) => Value): Step {
  const step: Step = (frame) => {
    const values: Value[] = [];
    for (const operand of operands) values.push(operand(frame));
    return combine(frame, values);
  };
  if (operands.some(({ turns }) => turns !== undefined)) {
    step.turns = function* (frame) {
      const values: Value[] = [];
      for (const operand of operands) values.push(yield* inTurns(operand, frame));
      return combine(frame, values);
    };
  }
  return step;
}

/** Runs a step with the pauses that it has. */
export function* inTurns(step: Step, frame: Frame): Turns {
  return step.turns === undefined ? step(frame) : yield* step.turns(frame);
}

/** The value, or the error that it is. */
export function attempt(step: Step, frame: Frame): Value | CelError {
  try {
    return step(frame);
  } catch (error) {
    if (error instanceof CelError) return error;
    throw error;
  }
}

export function* attemptInTurns(step: Step, frame: Frame): Generator<undefined, Value | CelError> {
  try {
    return yield* inTurns(step, frame);
  } catch (error) {
    if (error instanceof CelError) return error;
    throw error;
  }
}

/** Without the pauses. */
export function finish<T>(work: Generator<undefined, T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}
