import type { Clock } from "@knots/machinery";

/** Turns are a courtesy: whoever has waited this long goes ahead (its predecessor may be waiting for it, by way of a webhook). */
const PATIENCE_MS = 1000;

/**
 * Writers of the same key one after the other. Without it all but one of those who start from the same state would do
 * their work in vain; that each starts from the newest state is still checked by the store.
 */
export class Turns {
  readonly #clock: Clock;
  readonly #last = new Map<string, Promise<void>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `work` may pass its turn on before it has ended. */
  async take<T>(key: string, work: (passOn: () => void) => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    let done = (): void => undefined;
    const mine = new Promise<void>((resolve) => (done = resolve));
    this.#last.set(key, mine);
    try {
      if (before !== undefined) await this.#patiently(before);
      return await work(done);
    } finally {
      done();
      if (this.#last.get(key) === mine) this.#last.delete(key);
    }
  }

  #patiently(before: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.setTimeout(resolve, PATIENCE_MS);
      void before.then(() => {
        timer.cancel();
        resolve();
      });
    });
  }
}
