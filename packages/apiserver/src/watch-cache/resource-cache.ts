import type { KubeObject } from "@knots/machinery";
import { Entry } from "./entry.ts";
import { OrderedKeys } from "./ordered-keys.ts";

/** One change of one object, as kept in the history and handed to watchers. */
export interface CacheEvent {
  readonly revision: number;
  readonly key: string;
  /** State after the change; on deletion the last state with the deletion's revision. */
  readonly entry: Entry;
  readonly previous: Entry | undefined;
  readonly deleted: boolean;
  /** Encoded watch frames, shared by all watchers of the same form. */
  readonly frames: Map<string, Uint8Array>;
}

/**
 * Decoded objects that writers left behind, per resource: the newest are likely to be asked for soon; all of them would
 * take more memory than the bytes do.
 */
const KEPT_DECODED = 1024;

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
  /** The newest writes, oldest first; from these on objects are kept decoded. */
  #written: Entry[] = [];
  #history: CacheEvent[] = [];
  /** Events with a revision at or below this one are gone from the history. */
  #historyStart = 0;
  #changes = 0;
  /** Subscribers by trigger: "" gets everything, others only events that bear the trigger. */
  readonly #subscribers = new Map<string, Set<CacheSubscriber>>();
  readonly #triggers: (object: KubeObject) => string[];

  /** `triggers` names what subscribers of this resource may register for beyond namespace and name, e.g. "node:n1". */
  constructor(prefix: string, triggers: (object: KubeObject) => string[] = () => []) {
    this.prefix = prefix;
    this.#triggers = triggers;
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
    this.#written.push(entry);
    if (this.#written.length > 2 * KEPT_DECODED) {
      for (const old of this.#written.splice(0, KEPT_DECODED)) old.forget();
    }
    this.#publish({ revision, key, entry, previous, deleted: false, frames: new Map() });
  }

  delete(key: string, revision: number): void {
    const previous = this.#entries.get(key);
    if (previous === undefined || previous.revision >= revision) return;
    this.#entries.delete(key);
    this.#keys.remove(key);
    this.#publish({ revision, key, entry: previous.deletedAt(revision), previous, deleted: true, frames: new Map() });
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
    this.#written = this.#written.filter((entry) => this.#entries.get(entry.key) === entry);
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
    if (this.#subscribers.size === 0) return;
    this.#deliver("", event);
    if (this.#subscribers.size === 1 && this.#subscribers.has("")) return;
    for (const trigger of this.#triggersOf(event)) this.#deliver(trigger, event);
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
