// Watchers of an embedded engine. Each has a queue of its own and is served in a later turn: a slow or failing one never holds a write.
import type { StoreEvent, WatchOptions } from "./store.ts";

interface Batch {
  readonly revision: number;
  readonly events: StoreEvent[];
}

class Watcher {
  readonly prefix: string;
  readonly #options: WatchOptions;
  readonly #queue: Batch[] = [];
  #scheduled = false;
  #closed = false;

  constructor(prefix: string, options: WatchOptions) {
    this.prefix = prefix;
    this.#options = options;
  }

  get wantsPrevious(): boolean {
    return this.#options.previous === true;
  }

  push(batch: Batch): void {
    this.#queue.push(batch);
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    queueMicrotask(() => this.#drain());
  }

  fail(error: Error): void {
    queueMicrotask(() => {
      if (!this.#closed) this.#options.onError(error);
    });
  }

  #drain(): void {
    this.#scheduled = false;
    for (let batch = this.#queue.shift(); batch !== undefined && !this.#closed; batch = this.#queue.shift()) {
      try {
        if (batch.events.length > 0) this.#options.onEvents(batch.events, batch.revision);
        else this.#options.onProgress?.(batch.revision);
      } catch (error) {
        this.close();
        this.#options.onError(error instanceof Error ? error : new Error(String(error)));
      }
    }
  }

  close(): void {
    this.#closed = true;
    this.#queue.length = 0;
  }
}

export class WatchHub {
  readonly #watchers = new Set<Watcher>();

  /** Whether anybody wants events with the state before them. */
  get wantsPrevious(): boolean {
    for (const watcher of this.#watchers) if (watcher.wantsPrevious) return true;
    return false;
  }

  /** `past` are the batches from the start revision to now; `error` ends the watch at once. */
  add(prefix: string, options: WatchOptions, past: readonly Batch[], error?: Error): Disposable {
    const watcher = new Watcher(prefix, options);
    const close = (): void => {
      watcher.close();
      this.#watchers.delete(watcher);
    };
    if (options.signal?.aborted === true) return { [Symbol.dispose]: close };
    options.signal?.addEventListener("abort", close, { once: true });
    if (error !== undefined) {
      watcher.fail(error);
      return { [Symbol.dispose]: close };
    }
    this.#watchers.add(watcher);
    for (const batch of past) watcher.push(batch);
    return { [Symbol.dispose]: close };
  }

  /** Tells every watcher of a new revision: its events, or that it passed. */
  publish(revision: number, events: readonly StoreEvent[]): void {
    for (const watcher of this.#watchers) {
      const own = events.filter((event) => event.kv.key.startsWith(watcher.prefix));
      watcher.push({ revision, events: own });
    }
  }

  close(): void {
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers.clear();
  }
}
