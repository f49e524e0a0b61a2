import type { KubeObject } from "@knots/machinery";
import { CacheEvent } from "./cache-event.ts";
import { Entry, type ReadStored } from "./entry.ts";
import { OrderedKeys } from "./ordered-keys.ts";

/** The newest changes of a resource, which most watchers that come (back) ask for; of older ones little is kept. */
const NEWS = 256;

export interface ResourceCacheOptions {
  /** What subscribers may register for beyond namespace and name, e.g. "node:n1". */
  readonly triggers?: ((object: KubeObject) => string[]) | undefined;
  /** Where the store has values at hand: the states that ended are read from there. */
  readonly read?: ReadStored | undefined;
  /** There are many of them and they are seldom read: current states, too, are left to the store when they are no news. */
  readonly seldomRead?: boolean | undefined;
}

export interface CacheSubscriber {
  onEvent(event: CacheEvent): void;
}

/**
 * All current objects of one resource and the events of the last minutes, from which older states are
 * reconstructed (consistent list pages) and watches resumed.
 */
export class ResourceCache {
  readonly prefix: string;
  readonly #entries = new Map<string, Entry>();
  readonly #keys = new OrderedKeys();
  #history: CacheEvent[] = [];
  /** Events with a revision at or below this one are gone from the history. */
  #historyStart = 0;
  #changes = 0;
  /** Subscribers by trigger: "" gets everything, others only events that bear the trigger. */
  readonly #subscribers = new Map<string, Set<CacheSubscriber>>();
  readonly #triggers: (object: KubeObject) => string[];
  readonly #read: ReadStored | undefined;
  readonly #seldomRead: boolean;

  constructor(prefix: string, { triggers = () => [], read, seldomRead = false }: ResourceCacheOptions = {}) {
    this.prefix = prefix;
    this.#triggers = triggers;
    this.#read = read;
    this.#seldomRead = seldomRead;
  }

  /** How often anything has changed here: the same number, the same objects. */
  get changes(): number {
    return this.#changes;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Revision after which the history is complete. */
  get historyStart(): number {
    return this.#historyStart;
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  /** Fills an empty cache with the state at `revision`. */
  load(entries: Iterable<Entry>, revision: number): void {
    const keys: string[] = [];
    for (const entry of entries) {
      this.#entries.set(entry.key, entry);
      keys.push(entry.key);
      if (this.#seldomRead && this.#read !== undefined) entry.release(this.#read);
    }
    this.#keys.load(keys);
    this.#changes++;
    this.#historyStart = Math.max(this.#historyStart, revision);
  }

  /** Takes a state as it lies in the store. */
  put(key: string, revision: number, createRevision: number, stored: Uint8Array): void {
    const previous = this.#entries.get(key);
    if (previous !== undefined && previous.revision >= revision) return;
    const entry = Entry.fromStored(key, revision, createRevision, stored);
    this.#entries.set(key, entry);
    if (previous === undefined) this.#keys.add(key);
    this.#publish(new CacheEvent(revision, entry, previous, false));
  }

  delete(key: string, revision: number): void {
    const previous = this.#entries.get(key);
    if (previous === undefined || previous.revision >= revision) return;
    this.#entries.delete(key);
    this.#keys.remove(key);
    this.#publish(new CacheEvent(revision, previous.deletedAt(revision), previous, true));
  }

  /** Entries under `prefix` in key order, after the key `after` (exclusive). */
  *scan(prefix: string, after?: string): Generator<Entry> {
    for (const key of this.#keys.range(prefix, after)) {
      const entry = this.#entries.get(key);
      if (entry !== undefined) yield entry;
    }
  }

  /**
   * Like scan, but the state as it was at `revision`: changes made since are undone from the history.
   * The caller has checked that `revision >= historyStart`.
   */
  *scanAt(revision: number, prefix: string, after?: string): Generator<Entry> {
    const undo = new Map<string, Entry | undefined>();
    for (let i = this.#history.length - 1; i >= 0; i--) {
      const event = this.#history[i];
      if (event === undefined || event.revision <= revision) break;
      undo.set(event.key, event.previous);
    }
    const extra = [...undo]
      .filter(([key, entry]) => entry !== undefined && !this.#entries.has(key) && key.startsWith(prefix))
      .map(([key]) => key)
      .filter((key) => after === undefined || key > after)
      .sort();
    let next = 0;
    for (const key of this.#keys.range(prefix, after)) {
      for (let k = extra[next]; k !== undefined && k < key; k = extra[++next]) {
        const gone = undo.get(k);
        if (gone !== undefined) yield gone;
      }
      const entry = undo.has(key) ? undo.get(key) : this.#entries.get(key);
      if (entry !== undefined) yield entry;
    }
    for (; next < extra.length; next++) {
      const gone = undo.get(extra[next] ?? "");
      if (gone !== undefined) yield gone;
    }
  }

  /** Number of objects under a prefix, after the key `after` (exclusive). */
  count(prefix: string, after?: string): number {
    return this.#keys.count(prefix, after);
  }

  /** Events after `revision`, oldest first. */
  eventsSince(revision: number): readonly CacheEvent[] {
    let low = 0;
    let high = this.#history.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#history[middle]?.revision ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#history.slice(low);
  }

  /** Forgets the history up to and including `revision`. */
  compact(revision: number): void {
    if (revision <= this.#historyStart) return;
    this.#history = [...this.eventsSince(revision)];
    this.#historyStart = revision;
  }

  /** Registers for events that bear `trigger` ("" = all); later events only. */
  subscribe(trigger: string, subscriber: CacheSubscriber): Disposable {
    let set = this.#subscribers.get(trigger);
    if (set === undefined) {
      set = new Set();
      this.#subscribers.set(trigger, set);
    }
    set.add(subscriber);
    return {
      [Symbol.dispose]: () => {
        set.delete(subscriber);
        if (set.size === 0 && this.#subscribers.get(trigger) === set) this.#subscribers.delete(trigger);
      },
    };
  }

  #publish(event: CacheEvent): void {
    this.#changes++;
    this.#history.push(event);
    this.#history[this.#history.length - 1 - NEWS]?.cool(this.#read, this.#seldomRead);
    if (this.#subscribers.size > 0) {
      this.#deliver("", event);
      if (this.#subscribers.size > 1 || !this.#subscribers.has(""))
        for (const trigger of this.#triggersOf(event)) this.#deliver(trigger, event);
    }
    event.previous?.forget();
  }

  #triggersOf(event: CacheEvent): Set<string> {
    const scope = event.key.slice(this.prefix.length);
    const slash = scope.indexOf("/");
    const triggers = new Set<string>([`key:${scope}`]);
    if (slash >= 0) triggers.add(`ns:${scope.slice(0, slash)}`);
    for (const trigger of this.#triggers(event.entry.object)) triggers.add(trigger);
    if (event.previous !== undefined)
      for (const trigger of this.#triggers(event.previous.object)) triggers.add(trigger);
    return triggers;
  }

  #deliver(trigger: string, event: CacheEvent): void {
    const set = this.#subscribers.get(trigger);
    if (set === undefined) return;
    // A subscriber may leave while it is called.
    for (const subscriber of Array.from(set)) subscriber.onEvent(event);
  }
}
