// When to synchronize: the first change at once, those that follow together, a failure again later.
import type { Clock, Logger, Timer } from "@knots/machinery";

export interface SyncRunnerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sync: () => Promise<void>;
  /** From the end of one run to the start of the next, at least, in milliseconds. */
  readonly minIntervalMs: number;
  /** At most; between the two it grows with what a run costs. */
  readonly maxIntervalMs: number;
}

/** A run may take at most about this part of the time. */
const SHARE = 10;
const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 30_000;

export class SyncRunner implements AsyncDisposable {
  readonly #options: SyncRunnerOptions;
  #wanted = false;
  #stopped = false;
  #notBefore = 0;
  #failures = 0;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;

  constructor(options: SyncRunnerOptions) {
    this.#options = options;
  }

  /** Asks for a run; many askings before it starts are one. */
  request(): void {
    this.#wanted = true;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#stopped || !this.#wanted || this.#running !== undefined || this.#timer !== undefined) return;
    const { clock } = this.#options;
    // Through the timer even when due: the changes of one watch message belong together.
    const delay = Math.max(0, this.#notBefore - clock.monotonic());
    this.#timer = clock.setTimeout(() => {
      this.#timer = undefined;
      this.#running = this.#run();
    }, delay);
  }

  async #run(): Promise<void> {
    const { clock, logger, sync, minIntervalMs, maxIntervalMs } = this.#options;
    this.#wanted = false;
    const start = clock.monotonic();
    let pause: number;
    try {
      await sync();
      this.#failures = 0;
      pause = Math.min(maxIntervalMs, Math.max(minIntervalMs, (clock.monotonic() - start) * SHARE));
    } catch (error) {
      pause = Math.min(FIRST_RETRY_MS * 2 ** this.#failures++, MAX_RETRY_MS);
      this.#wanted = true;
      logger.error(
        { error: error instanceof Error ? error.message : String(error), retryMs: pause },
        "cannot write the rules of Services",
      );
    }
    this.#notBefore = clock.monotonic() + pause;
    this.#running = undefined;
    this.#schedule();
  }

  /** Ends with the run under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#running;
  }
}
