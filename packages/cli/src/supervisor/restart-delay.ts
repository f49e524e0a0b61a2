// How long what ended waits before it is started again: longer each time, until it has run well for a while.
const FIRST_MS = 100;
const MAX_MS = 10_000;
/** What ran this long had a good start: its next restart is quick again. */
const STEADY_MS = 10_000;

export class RestartDelay {
  #next = FIRST_MS;

  /** Milliseconds to wait now, for something that ran so many milliseconds. */
  after(ranMs: number): number {
    const delay = ranMs >= STEADY_MS ? FIRST_MS : this.#next;
    this.#next = Math.min(delay * 2, MAX_MS);
    return delay;
  }
}
