// A queue of keys: each waits at most once, none is worked on twice at a time, failures come back later and later.
import type { Clock, Logger, Timer } from "@knots/machinery";

/** Is told what happens in a queue, to count and time it. */
export interface WorkQueueObserver {
  /** A key that did not wait yet was added. */
  added(): void;
  /** A worker took a key that had waited so long, ms. */
  taken(waitedMs: number): void;
  /** A worker was done with a key after so long, ms. */
  done(workedMs: number): void;
  /** A key is to come back later. */
  retried(): void;
}

export interface WorkQueueOptions {
  clock: Clock;
  name: string;
  observer?: WorkQueueObserver;
  baseDelayMs?: number;
  maxDelayMs?: number;
}

export class WorkQueue {
  readonly name: string;
  readonly #clock: Clock;
  readonly #base: number;
  readonly #max: number;
  readonly #observer: WorkQueueObserver | undefined;
  // Each key with the time, by the monotonic clock, at which it came there.
  readonly #queue = new Map<string, number>();
  readonly #processing = new Map<string, number>();
  /** Added again while being worked on. */
  readonly #again = new Map<string, number>();
  readonly #failures = new Map<string, number>();
  readonly #timers = new Map<string, { due: number; timer: Timer }>();
  readonly #getters: ((key: string | undefined) => void)[] = [];
  #down = false;

  constructor(options: WorkQueueOptions) {
    this.name = options.name;
    this.#clock = options.clock;
    this.#base = options.baseDelayMs ?? 5;
    this.#max = options.maxDelayMs ?? 1_000_000;
    this.#observer = options.observer;
  }

  get length(): number {
    return this.#queue.size;
  }

  /** How long keys have been worked on that are not done, ms. */
  get underWay(): number[] {
    const now = this.#clock.monotonic();
    return [...this.#processing.values()].map((since) => now - since);
  }

  add(key: string): void {
    if (this.#down || this.#queue.has(key) || this.#again.has(key)) return;
    this.#observer?.added();
    const now = this.#clock.monotonic();
    if (this.#processing.has(key)) this.#again.set(key, now);
    else this.#enqueue(key, now);
  }

  #enqueue(key: string, since: number): void {
    const getter = this.#getters.shift();
    if (getter === undefined) this.#queue.set(key, since);
    else {
      this.#take(key, since);
      getter(key);
    }
  }

  #take(key: string, since: number): void {
    const now = this.#clock.monotonic();
    this.#processing.set(key, now);
    this.#observer?.taken(now - since);
  }

  /** Adds the key after a while; of several such calls the earliest counts. */
  addAfter(key: string, ms: number): void {
    if (this.#down) return;
    this.#observer?.retried();
    if (ms <= 0) {
      this.add(key);
      return;
    }
    const due = this.#clock.monotonic() + ms;
    const known = this.#timers.get(key);
    if (known !== undefined) {
      if (known.due <= due) return;
      known.timer.cancel();
    }
    const timer = this.#clock.setTimeout(() => {
      this.#timers.delete(key);
      this.add(key);
    }, ms);
    this.#timers.set(key, { due, timer });
  }

  addRateLimited(key: string): void {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.addAfter(key, Math.min(this.#base * 2 ** failures, this.#max));
  }

  /** The key did well: its next failure waits the least. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  numRequeues(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** The next key; undefined once the queue is shut down and empty. */
  async get(): Promise<string | undefined> {
    const { value, done } = this.#queue.entries().next();
    if (done !== true) {
      const [key, since] = value;
      this.#queue.delete(key);
      this.#take(key, since);
      return key;
    }
    if (this.#down) return undefined;
    return await new Promise((resolve) => this.#getters.push(resolve));
  }

  done(key: string): void {
    const began = this.#processing.get(key);
    if (began !== undefined) this.#observer?.done(this.#clock.monotonic() - began);
    this.#processing.delete(key);
    const since = this.#again.get(key);
    this.#again.delete(key);
    if (since !== undefined && !this.#down) this.#enqueue(key, since);
  }

  shutDown(): void {
    this.#down = true;
    for (const { timer } of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    for (const getter of this.#getters.splice(0)) getter(undefined);
  }
}

export interface WorkerOptions {
  workers: number;
  reconcile(key: string): Promise<void | { requeueAfterMs: number }>;
  logger: Logger;
  signal?: AbortSignal;
}

/** Works the queue off until it is shut down. An error brings the key back with back-off. */
export async function runWorkers(queue: WorkQueue, options: WorkerOptions): Promise<void> {
  options.signal?.addEventListener("abort", () => queue.shutDown(), { once: true });
  if (options.signal?.aborted === true) queue.shutDown();
  await Promise.all(
    Array.from({ length: options.workers }, async () => {
      for (let key = await queue.get(); key !== undefined; key = await queue.get()) {
        try {
          const result = await options.reconcile(key);
          queue.forget(key);
          // By a timer in any case: a key that comes back at once, again and again, must not keep all else from happening.
          if (result !== undefined) queue.addAfter(key, Math.max(result.requeueAfterMs, 1));
        } catch (error) {
          options.logger.warn(
            { queue: queue.name, key, error: error instanceof Error ? error.message : String(error) },
            "reconcile failed; it is tried again",
          );
          queue.addRateLimited(key);
        } finally {
          queue.done(key);
        }
      }
    }),
  );
}
