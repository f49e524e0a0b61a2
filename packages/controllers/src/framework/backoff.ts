import type { Clock } from "@knots/machinery";

interface Entry {
  readonly delay: number;
  readonly last: number;
}

/** Doubling delays by id; an id left alone for twice the longest delay starts anew. Times in ms. */
export class Backoff {
  readonly #clock: Clock;
  readonly #base: number;
  readonly #max: number;
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock, { base, max }: { base: number; max: number }) {
    this.#clock = clock;
    this.#base = base;
    this.#max = max;
  }

  /** Notes another failure. */
  next(id: string): void {
    const now = this.#clock.now();
    for (const [other, entry] of this.#entries) if (now - entry.last > 2 * this.#max) this.#entries.delete(other);
    const previous = this.#entries.get(id);
    const delay = previous === undefined ? this.#base : Math.min(this.#max, previous.delay * 2);
    this.#entries.set(id, { delay, last: now });
  }

  /** Ms for which the id is to be left alone; 0 when it may be tried. */
  remaining(id: string): number {
    const entry = this.#entries.get(id);
    return entry === undefined ? 0 : Math.max(0, entry.last + entry.delay - this.#clock.now());
  }
}
