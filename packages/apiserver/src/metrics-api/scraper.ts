import type { Clock, Logger } from "@knots/machinery";
import type { MetricsStore } from "./metrics-store.ts";
import { parseResourceMetrics } from "./parse-resource-metrics.ts";

/** metrics-server's --metric-resolution in its manifests. */
const RESOLUTION_MS = 15_000;
/** Between the first two readings, when nobody has asked for a while. */
const FIRST_WINDOW_MS = 1500;
/** Without a question for so long the reading stops. */
const IDLE_MS = 120_000;
const PARALLEL = 16;

export interface ScraperOptions {
  readonly store: MetricsStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly nodes: () => readonly string[];
  /** /metrics/resource of a node's kubelet; rejects when it cannot be had in time. */
  readonly read: (node: string) => Promise<string>;
}

/** Reads all kubelets again and again, but only while somebody wants to know. */
export class Scraper implements Disposable {
  readonly #options: ScraperOptions;
  #timer: { cancel(): void } | undefined;
  #first: Promise<void> | undefined;
  #scraping = false;
  #askedAt = 0;
  readonly #stop = new AbortController();

  constructor(options: ScraperOptions) {
    this.#options = options;
  }

  /** Resolves when the store holds what a question needs: at once, or after the first two readings. */
  wanted(): Promise<void> {
    this.#askedAt = this.#options.clock.monotonic();
    this.#first ??= this.#begin();
    return this.#first;
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
    this.#timer?.cancel();
  }

  async #begin(): Promise<void> {
    const { clock } = this.#options;
    await this.#scrape();
    await clock.sleep(FIRST_WINDOW_MS, this.#stop.signal).catch(() => undefined);
    if (this.#stop.signal.aborted) return;
    await this.#scrape();
    if (!this.#stop.signal.aborted) this.#timer = clock.setInterval(() => void this.#again(), RESOLUTION_MS);
  }

  async #again(): Promise<void> {
    const { clock, store } = this.#options;
    if (clock.monotonic() - this.#askedAt > IDLE_MS) {
      this.#timer?.cancel();
      this.#first = undefined;
      store.clear();
      return;
    }
    // A slow node must not make rounds overlap.
    if (!this.#scraping) await this.#scrape();
  }

  async #scrape(): Promise<void> {
    const { store, clock, nodes } = this.#options;
    this.#scraping = true;
    const names = nodes();
    const left = names.values();
    const work = async (): Promise<void> => {
      for (const name of left) await this.#scrapeNode(name);
    };
    await Promise.all(Array.from({ length: Math.min(PARALLEL, names.length) }, work));
    store.sweep(new Set(names), clock.now());
    this.#scraping = false;
  }

  async #scrapeNode(name: string): Promise<void> {
    const { read, store, clock, logger } = this.#options;
    try {
      store.store(name, parseResourceMetrics(await read(name)), clock.now());
    } catch (error) {
      logger.debug({ err: error, node: name }, "the node's metrics could not be read");
    }
  }
}
