import type { Clock, Logger, Timer } from "@knots/machinery";
import type { Controller } from "./types.ts";

export interface PeriodicOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ms between the end of a round and the start of the next. */
  readonly period: number;
  /** An error is logged; the next round comes all the same. */
  round(): Promise<void>;
}

/** A controller that looks at everything now and then, instead of at what changed. */
export class PeriodicController implements Controller {
  readonly name: string;
  readonly #options: PeriodicOptions;
  #timer: Timer | undefined;
  #round: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: PeriodicOptions) {
    this.name = options.name;
    this.#options = options;
  }

  start(): void {
    const { clock, logger, period } = this.#options;
    this.#round = this.#options
      .round()
      .catch((error: unknown) => logger.error({ err: error }, `a round of ${this.name} failed`))
      .finally(() => {
        if (!this.#stopped) this.#timer = clock.setTimeout(() => this.start(), period);
      });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#round;
  }
}
