import type { Clock, Logger, Timer } from "@knots/machinery";

const INTERVAL_MS = 3 * 60_000;

/** Runs a repair before anything is served, and then at upstream's interval. */
export class PeriodicRepair {
  readonly #repaired: { repair(now: number): Promise<void> };
  readonly #clock: Clock;
  readonly #logger: Logger;
  #timer: Timer | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(repaired: { repair(now: number): Promise<void> }, clock: Clock, logger: Logger) {
    this.#repaired = repaired;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Throws what the first repair throws. */
  async start(): Promise<void> {
    await this.#repaired.repair(this.#clock.now());
    this.#timer = this.#clock.setInterval(() => {
      this.#running = this.#running
        .then(() => this.#repaired.repair(this.#clock.now()))
        .catch((error: unknown) =>
          this.#logger.warn({ err: error }, "allocations could not be repaired; it is tried again in three minutes"),
        );
    }, INTERVAL_MS);
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    await this.#running;
  }
}
