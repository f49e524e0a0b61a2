import type { Clock } from "@knots/machinery";

/** No event waits longer than this for others to be written with. Milliseconds. */
const LONGEST_WAIT_MS = 40;
/** Writing that took less than this is no load. Milliseconds. */
const NO_LOAD_MS = 1;

/**
 * When watchers' frames are written: at once while that is quick. Writing to many watchers takes time by the number of
 * writes rather than of bytes, so after a round that took long the next waits as long again: it then carries what has
 * happened meanwhile in one piece per watcher, and at least half of the time is left for requests.
 */
export class FanOut {
  readonly #clock: Clock;
  #waiting: (() => void)[] = [];
  #scheduled = false;
  #notBefore = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `flush` is called once, in this turn of the event loop or after a wait of at most LONGEST_WAIT_MS; it must not throw. */
  schedule(flush: () => void): void {
    this.#waiting.push(flush);
    if (this.#scheduled) return;
    this.#scheduled = true;
    const wait = this.#notBefore === 0 ? 0 : this.#notBefore - this.#clock.monotonic();
    if (wait <= 0) queueMicrotask(() => this.#round());
    else this.#clock.setTimeout(() => this.#round(), Math.ceil(wait));
  }

  #round(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#scheduled = false;
    const began = this.#clock.monotonic();
    for (const flush of waiting) flush();
    const ended = this.#clock.monotonic();
    const took = ended - began;
    this.#notBefore = took < NO_LOAD_MS ? 0 : ended + Math.min(took, LONGEST_WAIT_MS);
  }
}
