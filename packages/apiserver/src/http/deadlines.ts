import type { Clock, Timer } from "@knots/machinery";

/** How exactly deadlines are kept. */
const TICK_MS = 1000;

interface Waiting {
  readonly due: number;
  readonly expired: () => void;
}

/**
 * One time limit for many short tasks: a single timer looks after all of them, so that starting and ending one costs
 * next to nothing. All have the same limit, so they fall due in the order in which they began.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #waiting = new Set<Waiting>();
  #timer: Timer | undefined;

  constructor(clock: Clock, limitMs: number) {
    this.#clock = clock;
    this.#limitMs = limitMs;
  }

  /** Settles as `work` does, unless it takes too long: then `expired` is thrown and its result ignored. */
  async within(work: Promise<void>, expired: () => Error): Promise<void> {
    let waiting: Waiting | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        waiting = { due: this.#clock.monotonic() + this.#limitMs, expired: () => reject(expired()) };
        this.#waiting.add(waiting);
        if (this.#timer === undefined) this.#timer = this.#clock.setTimeout(() => this.#tick(), TICK_MS);
        work.then(resolve, reject);
      });
    } finally {
      if (waiting !== undefined) this.#waiting.delete(waiting);
    }
  }

  #tick(): void {
    const now = this.#clock.monotonic();
    for (const waiting of this.#waiting) {
      if (waiting.due > now) break;
      this.#waiting.delete(waiting);
      waiting.expired();
    }
    this.#timer = this.#waiting.size === 0 ? undefined : this.#clock.setTimeout(() => this.#tick(), TICK_MS);
  }
}
