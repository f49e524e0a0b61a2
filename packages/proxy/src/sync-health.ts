// Whether the rules follow what is asked of them: what /healthz says, as upstream counts it.
import type { Clock } from "@knots/machinery";

/** A change that waits longer than this for its rules makes the proxy unhealthy; twice upstream's sync period. */
const TIMEOUT_MS = 60_000;

export class SyncHealth {
  readonly #clock: Clock;
  #oldestWaiting: number | undefined;
  #lastUpdated: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lastUpdated = clock.now();
  }

  /** Something changed. */
  queued(): void {
    this.#oldestWaiting ??= this.#clock.now();
  }

  /** The rules say what was queued when the sync began. */
  updated(): void {
    this.#oldestWaiting = undefined;
    this.#lastUpdated = this.#clock.now();
  }

  /** Milliseconds since the epoch. */
  get lastUpdated(): number {
    return this.#lastUpdated;
  }

  get healthy(): boolean {
    return this.#oldestWaiting === undefined || this.#clock.now() - this.#oldestWaiting < TIMEOUT_MS;
  }
}
