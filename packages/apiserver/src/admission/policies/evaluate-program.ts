import type { Activation, Evaluation, Program } from "@knots/cel";
import { LOOP, inTurns } from "../../turn.ts";
import type { Turn } from "../../turn.ts";
import { AuthorizationPending } from "./authorization.ts";

/** Cost that one expression may have. */
export const PER_CALL_LIMIT = 1_000_000;

/** A variable takes longer than a turn: evaluate again when it is there. */
export class VariablePending extends Error {
  override readonly name = "VariablePending";
  /** Goes on with it; what it finds is kept where it is looked up. */
  readonly finish: (turn: Turn) => Promise<void>;
  constructor(finish: (turn: Turn) => Promise<void>) {
    super("waiting for a variable");
    this.finish = finish;
  }
}

/** Evaluates without keeping others waiting, and again as often as something had to be asked for elsewhere. */
export async function evaluateProgram(
  program: Program,
  activation: Activation,
  turn: Turn = LOOP,
): Promise<Evaluation> {
  for (;;) {
    try {
      return await inTurns(
        program.evaluateInTurns(activation, PER_CALL_LIMIT, () => turn.isOver),
        turn,
      );
    } catch (error) {
      await settle(error, turn);
    }
  }
}

/** Waits for what an evaluation was left for; throws what is something else. */
async function settle(error: unknown, turn: Turn): Promise<void> {
  if (error instanceof AuthorizationPending) return error.settled;
  if (!(error instanceof VariablePending)) throw error;
  try {
    await error.finish(turn);
  } catch (inner) {
    await settle(inner, turn);
  }
}
