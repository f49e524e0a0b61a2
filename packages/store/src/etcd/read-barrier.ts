// Many concurrent readers, few questions to the cluster.

/**
 * Shares the answer to "which revision is it now" among those who ask. A question counts only for those who came
 * before it was sent: who comes while one is under way shares the next.
 */
export class ReadBarrier {
  readonly #ask: () => Promise<number>;
  #running: Promise<number> | undefined;
  #next: Promise<number> | undefined;

  constructor(ask: () => Promise<number>) {
    this.#ask = ask;
  }

  revision(): Promise<number> {
    if (this.#running === undefined) return this.#start();
    this.#next ??= this.#afterwards(this.#running);
    return this.#next;
  }

  async #afterwards(running: Promise<number>): Promise<number> {
    try {
      // A question that failed was repeated for long already: nobody waits for as long again.
      await running;
    } finally {
      this.#next = undefined;
    }
    return this.#start();
  }

  #start(): Promise<number> {
    const running = this.#ask().finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }
}
