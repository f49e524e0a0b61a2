import type { Logger } from "@knots/machinery";
import { CompactedError } from "@knots/store";
import type { KeyValue, Store, StoreEvent } from "@knots/store";
import { Entry, type ReadStored } from "./entry.ts";
import { ResourceCache, type ResourceCacheOptions } from "./resource-cache.ts";
import { missedEvents } from "./missed-events.ts";

/** Everything lies under this key. */
export const ROOT = "/registry/";
const LOAD_PAGE = 1000;

interface Loading {
  readonly events: StoreEvent[];
}

/**
 * The watch cache: one subscription to the store feeds a ResourceCache per resource. Reads are linearizable with an
 * embedded store, because every writer waits (`waitFor`) until its own revision is visible here before it answers; with
 * a store that others write too, a reader asks for its `latest` revision and waits for that.
 */
export class Cacher {
  readonly #store: Store;
  readonly #read: ReadStored | undefined;
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
    this.#read = store.valueAt?.bind(store);
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
  add(prefix: string, options: Omit<ResourceCacheOptions, "read"> = {}): ResourceCache {
    const cache = new ResourceCache(prefix, { ...options, read: this.#read });
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
      entries.push(entryOf(kv));
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
      const revision = await this.#readAll(cache.prefix, (kv) => entries.push(entryOf(kv)));
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

  /** The store's newest revision, when this cache may not know it by itself. */
  latest(): Promise<number> | undefined {
    return this.#store.shared ? this.#store.revision() : undefined;
  }

  /** The current state under a full key, of whichever resource. */
  entry(key: string): Entry | undefined {
    const prefix = this.#prefixOf(key);
    return prefix === undefined ? undefined : this.#caches.get(prefix)?.get(key);
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

  async #readAll(prefix: string, each: (kv: KeyValue) => void): Promise<number> {
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
        each(kv);
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
        if (error instanceof CompactedError) void this.#resume();
        else this.#fail(error);
      },
    });
  }

  #fail(error: Error): void {
    this.#failure = error;
    this.#logger.error({ err: error }, "the store's watch ended; the server cannot answer consistently any more");
  }

  /** The connection was lost for longer than the store keeps its history: compares what is here with what is there. */
  async #resume(): Promise<void> {
    this.#logger.warn(
      { revision: this.#revision },
      "the store's history since the last event is gone; reading it anew",
    );
    try {
      const found = new Map<string, KeyValue>();
      const revision = await this.#readAll(ROOT, (kv) => found.set(kv.key, kv));
      for (const { events, revision: at } of missedEvents(this.#caches.values(), found, revision)) {
        this.#onEvents(events, at);
      }
      // What happened in between is unknown: nobody may read or watch from there.
      this.compact(revision);
      this.#advance(revision);
      if (this.#watch !== undefined) this.#follow(revision + 1);
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
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

function entryOf(kv: KeyValue): Entry {
  return Entry.fromStored(kv.key, kv.modRevision, kv.createRevision, kv.value);
}

function apply(cache: ResourceCache, event: StoreEvent): void {
  const { kv } = event;
  if (event.type === "put") cache.put(kv.key, kv.modRevision, kv.createRevision, kv.value);
  else cache.delete(kv.key, kv.modRevision);
}
