import type { Clock, Logger, Timer } from "@knots/machinery";
import { CompactedError } from "@knots/store";
import type { Store } from "@knots/store";

/** The key under which API servers on one store agree on who compacts; upstream's, so that its servers take part. */
const COMPACT_REV_KEY = "compact_rev_key";

/** The part of the watch cache that is compacted along with the store. */
export interface CompactedCache {
  readonly revision: number;
  compact(revision: number): void;
}

export interface CompactorOptions {
  readonly store: Store;
  readonly cacher: CompactedCache;
  readonly clock: Clock;
  readonly logger: Logger;
  /** 0: never. */
  readonly intervalMs: number;
}

/** At every interval (upstream: five minutes) gives up the history older than that, in the store and in the watch cache. */
export class Compactor {
  readonly #options: CompactorOptions;
  #timer: Timer | undefined;
  /** What the watch cache reflected at the last interval. */
  #next = 0;
  /** When this server last saw COMPACT_REV_KEY change, as its modRevision. */
  #turn = 0;

  constructor(options: CompactorOptions) {
    this.#options = options;
  }

  start(): void {
    const { cacher, clock, intervalMs } = this.#options;
    if (intervalMs === 0) return;
    this.#next = cacher.revision;
    this.#timer = clock.setInterval(() => void this.#compact(), intervalMs);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  async #compact(): Promise<void> {
    const { store, cacher, logger } = this.#options;
    const revision = this.#next;
    this.#next = cacher.revision;
    if (revision === 0) return;
    cacher.compact(revision);
    try {
      if (!store.shared || (await this.#takeTurn(revision))) await store.compact(revision);
    } catch (error) {
      // Nothing was written since the last time, or another has compacted further.
      if (error instanceof CompactedError) return;
      logger.warn({ err: error, revision }, "compaction failed; it is tried again at the next interval");
    }
  }

  /**
   * True for one server in each interval: who changes the key from the state in which all saw it last. The others learn
   * its new state, and with it that this interval's compaction is done.
   */
  async #takeTurn(revision: number): Promise<boolean> {
    const result = await this.#options.store.txn({
      compare: [{ key: COMPACT_REV_KEY, modRevision: this.#turn }],
      then: [{ op: "put", key: COMPACT_REV_KEY, value: new TextEncoder().encode(String(revision)) }],
    });
    this.#turn = result.succeeded ? result.revision : (result.kvs[0]?.modRevision ?? 0);
    return result.succeeded;
  }
}
