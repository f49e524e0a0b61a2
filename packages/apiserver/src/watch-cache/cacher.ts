import type { KubeObject, Logger } from "@knots/machinery";
import type { Store, StoreEvent } from "@knots/store";
import { Entry } from "./entry.ts";
import { ResourceCache } from "./resource-cache.ts";

/** Everything lies under this key. */
export const ROOT = "/registry/";
const LOAD_PAGE = 1000;

interface Loading {
  readonly events: StoreEvent[];
}

/**
 * The watch cache: one subscription to the store feeds a ResourceCache per resource. Reads are linearizable with an
 * embedded store, because every writer waits (`waitFor`) until its own revision is visible here before it answers.
 */
export class Cacher {
  readonly #store: Store;
  readonly #logger: Logger;
  readonly #caches = new Map<string, ResourceCache>();
  readonly #loading = new Map<string, Loading>();
  #revision = 0;
  #compacted = 0;
  #watch: Disposable | undefined;
  #waiters: { revision: number; resolve: () => void }[] = [];
  readonly #progressListeners = new Set<() => void>();
  #failure: Error | undefined;

  constructor(store: Store, logger: Logger) {
    this.#store = store;
    this.#logger = logger;
  }

  /** The newest revision that reads here reflect. */
  get revision(): number {
    return this.#revision;
  }

  /** Revisions at or below this one can no longer be read or watched from. */
  get compactedRevision(): number {
    return this.#compacted;
  }

  /** Set when the store's watch broke: the server is not ready any more. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Makes a cache; before start() it is filled by start(), afterwards by `load`. */
  add(prefix: string, triggers?: (object: KubeObject) => string[]): ResourceCache {
    const cache = new ResourceCache(prefix, triggers);
    this.#caches.set(prefix, cache);
    return cache;
  }

  remove(prefix: string): void {
    this.#caches.delete(prefix);
  }

  /** Reads the whole store, then follows it. */
  async start(): Promise<void> {
    const byPrefix = new Map<string, Entry[]>();
    const revision = await this.#readAll(ROOT, (kv) => {
      const prefix = this.#prefixOf(kv.key);
      if (prefix === undefined) return;
      let entries = byPrefix.get(prefix);
      if (entries === undefined) {
        entries = [];
        byPrefix.set(prefix, entries);
      }
      entries.push(kv);
    });
    for (const [prefix, cache] of this.#caches) cache.load(byPrefix.get(prefix) ?? [], revision);
    this.#revision = revision;
    this.#compacted = revision;
    this.#follow(revision + 1);
  }

  /** Fills a cache that was added after start(): a custom resource that has just been defined. */
  async load(cache: ResourceCache): Promise<void> {
    const loading: Loading = { events: [] };
    this.#loading.set(cache.prefix, loading);
    try {
      const entries: Entry[] = [];
      const revision = await this.#readAll(cache.prefix, (entry) => entries.push(entry));
      cache.load(entries, revision);
      for (const event of loading.events) if (event.kv.modRevision > revision) apply(cache, event);
    } finally {
      this.#loading.delete(cache.prefix);
    }
  }

  /** Resolves when reads here reflect `revision`. */
  waitFor(revision: number): Promise<void> | undefined {
    if (revision <= this.#revision) return undefined;
    return new Promise((resolve) => this.#waiters.push({ revision, resolve }));
  }

  /** Called after each batch of events has been applied. */
  onProgress(fn: () => void): Disposable {
    this.#progressListeners.add(fn);
    return { [Symbol.dispose]: () => void this.#progressListeners.delete(fn) };
  }

  /** Forgets history up to `revision`. */
  compact(revision: number): void {
    this.#compacted = Math.max(this.#compacted, revision);
    for (const cache of this.#caches.values()) cache.compact(revision);
  }

  [Symbol.dispose](): void {
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
  }

  async #readAll(prefix: string, each: (entry: Entry) => void): Promise<number> {
    let start: string | undefined;
    let revision: number | undefined;
    for (;;) {
      const page = await this.#store.range(prefix, {
        limit: LOAD_PAGE,
        ...(start === undefined ? {} : { start }),
        ...(revision === undefined ? {} : { revision }),
      });
      const at = revision ?? page.revision;
      revision = at;
      for (const kv of page.kvs) {
        each(new Entry(kv.key, kv.modRevision, kv.createRevision, kv.value));
        start = kv.key;
      }
      if (!page.more) return at;
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  #follow(startRevision: number): void {
    this.#watch = this.#store.watch(ROOT, {
      startRevision,
      onEvents: (batch, revision) => this.#onEvents(batch, revision),
      onProgress: (revision) => this.#advance(revision),
      onError: (error) => {
        this.#failure = error;
        this.#logger.error({ err: error }, "the store's watch ended; the server cannot answer consistently any more");
      },
    });
  }

  #onEvents(batch: readonly StoreEvent[], revision: number): void {
    for (const event of batch) {
      const prefix = this.#prefixOf(event.kv.key);
      if (prefix === undefined) continue;
      const loading = this.#loading.get(prefix);
      if (loading !== undefined) {
        loading.events.push(event);
        continue;
      }
      const cache = this.#caches.get(prefix);
      if (cache === undefined) continue;
      // Subscribers read "the current revision" while they are called.
      if (event.kv.modRevision > this.#revision) this.#revision = event.kv.modRevision;
      apply(cache, event);
    }
    this.#advance(revision);
  }

  #advance(revision: number): void {
    if (revision > this.#revision) this.#revision = revision;
    if (this.#waiters.length > 0) {
      const ready = this.#waiters.filter((waiter) => waiter.revision <= this.#revision);
      if (ready.length > 0) {
        this.#waiters = this.#waiters.filter((waiter) => waiter.revision > this.#revision);
        for (const waiter of ready) waiter.resolve();
      }
    }
    for (const fn of this.#progressListeners) fn();
  }

  /** Prefixes end with "/": the longest registered one that the key bears. */
  #prefixOf(key: string): string | undefined {
    let slash = key.indexOf("/", ROOT.length);
    let found: string | undefined;
    while (slash >= 0) {
      const prefix = key.slice(0, slash + 1);
      if (this.#caches.has(prefix)) found = prefix;
      slash = key.indexOf("/", slash + 1);
    }
    return found;
  }
}

function apply(cache: ResourceCache, event: StoreEvent): void {
  const { kv } = event;
  if (event.type === "put") cache.put(kv.key, kv.modRevision, kv.createRevision, kv.value);
  else cache.delete(kv.key, kv.modRevision);
}
