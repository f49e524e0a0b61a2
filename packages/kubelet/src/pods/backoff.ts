/** Exponential back-off per key, as crash loops and image pulls use it. */

interface Entry {
  delayMs: number;
  updatedAt: number;
}

export interface BackoffOptions {
  readonly baseMs: number;
  readonly maxMs: number;
  readonly now: () => number;
}

export class Backoff {
  readonly #entries = new Map<string, Entry>();
  readonly #options: BackoffOptions;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** The current delay; 0 for a key without one. */
  get(key: string): number {
    return this.#entries.get(key)?.delayMs ?? 0;
  }

  /** Doubles the delay, or starts over when the last event lies more than twice the maximum back. */
  next(key: string, eventTime: number): void {
    const entry = this.#entries.get(key);
    const { baseMs, maxMs } = this.#options;
    const delayMs =
      entry === undefined || this.#expired(entry, eventTime) ? baseMs : Math.min(entry.delayMs * 2, maxMs);
    this.#entries.set(key, { delayMs, updatedAt: this.#options.now() });
  }

  /** Milliseconds still to wait, counted from `eventTime`; 0 when it may go on. */
  remaining(key: string, eventTime: number): number {
    const entry = this.#entries.get(key);
    if (entry === undefined || this.#expired(entry, eventTime)) return 0;
    return Math.max(0, eventTime + entry.delayMs - this.#options.now());
  }

  /** As `remaining`, counted from the last `next`. */
  remainingSinceUpdate(key: string): number {
    const entry = this.#entries.get(key);
    if (entry === undefined) return 0;
    return this.remaining(key, entry.updatedAt);
  }

  reset(key: string): void {
    this.#entries.delete(key);
  }

  /** Forgets keys that have been quiet for longer than matters. */
  collect(): void {
    const now = this.#options.now();
    for (const [key, entry] of this.#entries) if (this.#expired(entry, now)) this.#entries.delete(key);
  }

  #expired(entry: Entry, eventTime: number): boolean {
    return eventTime - entry.updatedAt > this.#options.maxMs * 2;
  }
}
