/** More at a time would hold the event loop for longer than it takes others to notice. */
const MOST = 32;

/**
 * Lets those who come in one turn of the event loop go on together in the next: each does its first step, then each its
 * second, because that is the order in which promises go on.
 *
 * A write passes more machine code, and more of the server's tables, than fit a processor's caches. Alone it fetches all
 * of it from memory again, which takes longer than running it; sixteen side by side fetch each step's once. They also
 * reach the store together, which makes one transaction of them.
 */
export class Cohort {
  readonly #most: number;
  #waiting: (() => void)[] = [];

  constructor(most = MOST) {
    this.#most = most;
  }

  /** Settled in the next turn of the loop, with the others'; in a later one for those of whom there are too many. */
  join(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length === 1) setImmediate(() => this.#depart());
    });
  }

  #depart(): void {
    const departing = this.#waiting.splice(0, this.#most);
    if (this.#waiting.length > 0) setImmediate(() => this.#depart());
    for (const resolve of departing) resolve();
  }
}
