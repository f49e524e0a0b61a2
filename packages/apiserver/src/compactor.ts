import type { Clock, Logger } from "@knots/machinery";
import type { Store } from "@knots/store";
import type { Cacher } from "./watch-cache/cacher.ts";

const INTERVAL_MS = 5 * 60_000;

/** Every five minutes gives up the history older than five minutes, in the store and in the watch cache. */
export class Compactor {
  readonly #store: Store;
  readonly #cacher: Cacher;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #timer: { cancel(): void } | undefined;
  #next = 0;

  constructor(store: Store, cacher: Cacher, clock: Clock, logger: Logger) {
    this.#store = store;
    this.#cacher = cacher;
    this.#clock = clock;
    this.#logger = logger;
  }

  start(): void {
    this.#next = this.#cacher.revision;
    this.#timer = this.#clock.setInterval(() => void this.#compact(), INTERVAL_MS);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  async #compact(): Promise<void> {
    const revision = this.#next;
    this.#next = this.#cacher.revision;
    if (revision === 0) return;
    try {
      await this.#store.compact(revision);
      this.#cacher.compact(revision);
    } catch (error) {
      this.#logger.warn({ err: error, revision }, "compaction failed; it is tried again in five minutes");
    }
  }
}
