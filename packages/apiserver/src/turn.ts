/** A share of the event loop's time. */
export interface Turn {
  /** Whether it is time to let others go on. */
  readonly isOver: boolean;
  /** Settled when it is one's turn again. */
  next(): Promise<void>;
}

/** Long work may hold a turn of the event loop for so long, all of it together. */
const TURN_MS = 8;

class LoopTurn implements Turn {
  /** When long work was first seen in this turn of the loop. */
  #since: number | undefined;
  readonly #waiting: (() => void)[] = [];

  get isOver(): boolean {
    const now = performance.now();
    if (this.#since === undefined) {
      this.#since = now;
      setImmediate(() => (this.#since = undefined));
    }
    return now - this.#since >= TURN_MS;
  }

  /** One after the other, each in a turn of its own. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length === 1) setImmediate(() => this.#resume());
    });
  }

  #resume(): void {
    this.#since = undefined;
    this.#waiting[0]?.();
    // Taken away when it has had its turn, so that whoever comes meanwhile only joins the queue.
    setImmediate(() => {
      this.#waiting.shift();
      if (this.#waiting.length > 0) this.#resume();
    });
  }
}

/** The turn of the event loop: one for the process, so that many who take their time do not take it together. */
export const LOOP: Turn = new LoopTurn();

/** Runs what yields where it can be left; gives what it returns. */
export async function inTurns<T>(work: Generator<undefined, T>, turn: Turn): Promise<T> {
  if (turn.isOver) await turn.next();
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
    if (turn.isOver) await turn.next();
  }
}
