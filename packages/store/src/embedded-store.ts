// The embedded engines: decisions are synchronous on the index, where bytes are kept is a `ValueLog`'s business.
import type { Clock, Timer } from "@knots/machinery";
import { MvccIndex, type Version } from "./mvcc.ts";
import {
  CompactedError,
  FutureRevisionError,
  type KeyValue,
  type RangeOptions,
  type RangeResult,
  type Store,
  type StoreEvent,
  type Submitted,
  type Txn,
  type TxnResult,
  type WatchOptions,
} from "./store.ts";
import { WatchHub } from "./watch-hub.ts";

/** What one transaction writes. */
export interface LogEntry {
  readonly revision: number;
  readonly changes: readonly { key: string; version: Version; value: Uint8Array | undefined }[];
}

/** Keeps the bytes of every version. */
export interface ValueLog {
  /** Resolves when the entry is durable. */
  append(entry: LogEntry): Promise<void>;
  read(key: string, revision: number): Uint8Array | undefined;
  /** Forgets versions; `revision` is the new compaction revision. */
  drop(versions: readonly { key: string; revision: number }[], revision: number): Promise<void>;
  close(): Promise<void>;
}

export interface EmbeddedState {
  readonly index: MvccIndex;
  readonly revision: number;
  readonly compactRevision: number;
  /** Leases that keys still bear, with their end in milliseconds since the epoch. */
  readonly leases: readonly { id: number; expires: number }[];
}

const LEASE_CHECK_MS = 10_000;
/** Of what changes nothing. */
const DURABLE = Promise.resolve();
const NO_VALUE = new Uint8Array(0);

interface Change {
  readonly revision: number;
  readonly events: StoreEvent[];
}

/** Recent changes kept for watches that begin in the past; older ones are read from the log, where they take no memory. */
const RECENT = 64;

export class EmbeddedStore implements Store {
  readonly shared = false;
  readonly #log: ValueLog;
  readonly #index: MvccIndex;
  readonly #clock: Clock;
  readonly #hub = new WatchHub();
  #revision: number;
  /** The last revision that watchers were told of: changes after it are not durable yet. */
  #published: number;
  #compacted: number;
  /** The last change under way. */
  #tail: Promise<void> = DURABLE;
  #recent: Change[] = [];
  readonly #leases = new Map<number, { expires: number; keys: Set<string> }>();
  #nextLease: number;
  readonly #leaseTimer: Timer;
  #closed = false;
  #failure: Error | undefined;

  constructor(log: ValueLog, state: EmbeddedState, clock: Clock) {
    this.#log = log;
    this.#index = state.index;
    this.#revision = state.revision;
    this.#published = state.revision;
    this.#compacted = state.compactRevision;
    this.#clock = clock;
    for (const lease of state.leases) this.#leases.set(lease.id, { expires: lease.expires, keys: new Set() });
    for (const [key, history] of state.index.entries()) {
      const lease = history.at(-1)?.lease;
      if (lease !== undefined) this.#leases.get(leaseId(lease))?.keys.add(key);
    }
    this.#nextLease = Math.max(0, ...state.leases.map((lease) => lease.id)) + 1;
    this.#leaseTimer = clock.setInterval(() => void this.#expireLeases(), LEASE_CHECK_MS);
  }

  /** After a write that failed nothing is taken until the store is opened again. */
  health(): string | undefined {
    return this.#failure?.message;
  }

  // oxlint-disable-next-line typescript/require-await -- the interface is asynchronous for engines that ask a server
  async revision(): Promise<number> {
    return this.#revision;
  }

  // oxlint-disable-next-line typescript/require-await -- as above
  async get(key: string, options: { revision?: number } = {}): Promise<KeyValue | undefined> {
    const revision = this.#readable(options.revision);
    const version = this.#index.at(key, revision);
    return version === undefined ? undefined : this.#load(key, version);
  }

  // oxlint-disable-next-line typescript/require-await -- as above
  async range(prefix: string, options: RangeOptions = {}): Promise<RangeResult> {
    const revision = this.#readable(options.revision);
    const kvs: KeyValue[] = [];
    let count = 0;
    const limit = options.limit === undefined || options.limit === 0 ? Number.POSITIVE_INFINITY : options.limit;
    for (const key of this.#index.keys(prefix, options.start)) {
      const version = this.#index.at(key, revision);
      if (version === undefined) continue;
      count++;
      if (options.countOnly !== true && kvs.length < limit) kvs.push(this.#load(key, version));
    }
    return { kvs, more: options.countOnly !== true && count > kvs.length, count, revision: this.#revision };
  }

  #readable(revision: number | undefined): number {
    if (revision === undefined || revision === 0) return this.#revision;
    if (revision > this.#revision) throw new FutureRevisionError(revision, this.#revision);
    if (revision < this.#compacted) throw new CompactedError(this.#compacted);
    return revision;
  }

  #load(key: string, version: Version): KeyValue {
    const value = this.#log.read(key, version.revision);
    if (value === undefined) throw new Error(`the store lost ${key} at revision ${version.revision}`);
    return {
      key,
      value,
      createRevision: version.createRevision,
      modRevision: version.revision,
      version: version.version,
    };
  }

  valueAt(key: string, revision: number): Uint8Array | undefined {
    return this.#log.read(key, revision);
  }

  async txn(txn: Txn): Promise<TxnResult> {
    const { result, durable } = this.submit(txn);
    await durable;
    return result;
  }

  submit(txn: Txn): Submitted {
    if (this.#closed) throw new Error("the store is closed");
    // After a failed write the memory is ahead of the disk: nothing more may be acknowledged.
    if (this.#failure !== undefined) throw this.#failure;
    if (txn.compare.some(({ key, modRevision }) => (this.#index.current(key)?.revision ?? 0) !== modRevision)) {
      const kvs = txn.compare.map(({ key }) => {
        const version = this.#index.current(key);
        return version === undefined ? undefined : this.#load(key, version);
      });
      return { result: { succeeded: false, revision: this.#revision, kvs }, durable: DURABLE };
    }
    const revision = this.#revision + 1;
    const changes: { key: string; version: Version; value: Uint8Array | undefined }[] = [];
    const events: StoreEvent[] = [];
    for (const op of txn.then) {
      const old = this.#index.current(op.key);
      if (op.op === "delete") {
        if (old === undefined) continue;
        const version: Version = { revision, createRevision: old.createRevision, version: 0, deleted: true };
        changes.push({ key: op.key, version, value: undefined });
        events.push({
          type: "delete",
          kv: { key: op.key, value: NO_VALUE, createRevision: 0, modRevision: revision, version: 0 },
        });
      } else {
        const { value } = op;
        const version: Version = {
          revision,
          createRevision: old?.createRevision ?? revision,
          version: (old?.version ?? 0) + 1,
          deleted: false,
          ...(op.lease === undefined ? {} : { lease: this.#leaseField(op.lease) }),
        };
        changes.push({ key: op.key, version, value });
        const kv = {
          key: op.key,
          value,
          createRevision: version.createRevision,
          modRevision: revision,
          version: version.version,
        };
        events.push({ type: "put", kv });
      }
    }
    if (changes.length === 0) {
      return { result: { succeeded: true, revision: this.#revision, kvs: [] }, durable: DURABLE };
    }
    this.#revision = revision;
    for (const { key, version } of changes) {
      this.#index.add(key, version);
      if (version.lease !== undefined) this.#leases.get(leaseId(version.lease))?.keys.add(key);
    }
    this.#recent.push({ revision, events });
    if (this.#recent.length > 2 * RECENT) this.#recent = this.#recent.slice(-RECENT);
    return { result: { succeeded: true, revision, kvs: [] }, durable: this.#append({ revision, changes }, events) };
  }

  #append(entry: LogEntry, events: readonly StoreEvent[]): Promise<void> {
    const done = this.#finish(entry, events, this.#log.append(entry), this.#tail);
    this.#tail = done;
    return done;
  }

  /** `appended` may come before that of an earlier change (a disk does several at a time); what is told keeps the order. */
  async #finish(
    entry: LogEntry,
    events: readonly StoreEvent[],
    appended: Promise<void>,
    before: Promise<void>,
  ): Promise<void> {
    try {
      await appended;
      await before;
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
      throw this.#failure;
    }
    // Watchers hear of revisions in order, and of none that could still be lost.
    this.#published = entry.revision;
    this.#hub.publish(entry.revision, this.#hub.wantsPrevious ? this.#withPrevious(events) : events);
  }

  /** Reading what was before takes longer than all the rest of a write: it is done for those who want to know. */
  #withPrevious(events: readonly StoreEvent[]): StoreEvent[] {
    return events.map((event) => {
      const { key, modRevision } = event.kv;
      const before = this.#index.at(key, modRevision - 1);
      return before === undefined ? event : { ...event, prev: this.#load(key, before) };
    });
  }

  watch(prefix: string, options: WatchOptions): Disposable {
    if (options.startRevision < this.#compacted)
      return this.#hub.add(prefix, options, [], new CompactedError(this.#compacted));
    const past = this.#since(options.startRevision)
      .map(({ revision, events }) => ({ revision, events: events.filter((event) => event.kv.key.startsWith(prefix)) }))
      .filter(({ events }) => events.length > 0)
      .map(({ revision, events }) => ({
        revision,
        events: options.previous === true ? this.#withPrevious(events) : events,
      }));
    return this.#hub.add(prefix, options, past);
  }

  /** Changes from a revision to the last published one. */
  #since(start: number): Change[] {
    const published = this.#published;
    const first = this.#recent[0]?.revision ?? this.#revision + 1;
    const recent = this.#recent.filter(({ revision }) => revision >= start && revision <= published);
    if (start >= first || start > published) return recent;
    return [...this.#history(start, Math.min(first - 1, published)), ...recent];
  }

  /** Changes that only the log remembers, put together from the index. */
  #history(start: number, end: number): Change[] {
    const byRevision = new Map<number, StoreEvent[]>();
    for (const [key, history] of this.#index.entries()) {
      for (const version of history) {
        if (version.revision < start || version.revision > end) continue;
        const kv = version.deleted
          ? { key, value: NO_VALUE, createRevision: 0, modRevision: version.revision, version: 0 }
          : this.#load(key, version);
        const event: StoreEvent = { type: version.deleted ? "delete" : "put", kv };
        const events = byRevision.get(version.revision);
        if (events === undefined) byRevision.set(version.revision, [event]);
        else events.push(event);
      }
    }
    return [...byRevision].toSorted(([a], [b]) => a - b).map(([revision, events]) => ({ revision, events }));
  }

  async compact(revision: number): Promise<void> {
    if (revision > this.#revision) throw new FutureRevisionError(revision, this.#revision);
    if (revision <= this.#compacted) throw new CompactedError(this.#compacted);
    this.#compacted = revision;
    this.#recent = this.#recent.filter((change) => change.revision >= revision);
    await this.#log.drop(this.#index.compact(revision), revision);
  }

  // oxlint-disable-next-line typescript/require-await -- as above
  async grantLease(ttlSeconds: number): Promise<number> {
    const id = this.#nextLease++;
    this.#leases.set(id, { expires: this.#clock.now() + ttlSeconds * 1000, keys: new Set() });
    return id;
  }

  async revokeLease(id: number): Promise<void> {
    const lease = this.#leases.get(id);
    this.#leases.delete(id);
    for (const key of lease?.keys ?? []) {
      const current = this.#index.current(key);
      // The key may have been written again without the lease, or under another.
      if (current?.lease === undefined || leaseId(current.lease) !== id) continue;
      await this.txn({ compare: [{ key, modRevision: current.revision }], then: [{ op: "delete", key }] });
    }
  }

  /** What a version keeps of its lease: the id and its end, so that a reopened store goes on counting. */
  #leaseField(id: number): number {
    const lease = this.#leases.get(id);
    if (lease === undefined) throw new Error(`requested lease ${id} not found`);
    return packLease(id, lease.expires);
  }

  async #expireLeases(): Promise<void> {
    const now = this.#clock.now();
    for (const [id, lease] of this.#leases) {
      if (lease.expires > now || this.#closed) continue;
      try {
        await this.revokeLease(id);
      } catch {
        // The next check tries again; a failed disk speaks through every txn.
        return;
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#leaseTimer.cancel();
    this.#hub.close();
    await this.#log.close();
  }
}

/** A lease's end in whole seconds and its id in one exact number: 2^33 seconds and 2^20 ids at a time. */
export function packLease(id: number, expires: number): number {
  return Math.ceil(expires / 1000) * 2 ** 20 + (id % 2 ** 20);
}

export function leaseId(packed: number): number {
  return packed % 2 ** 20;
}

export function leaseExpires(packed: number): number {
  return Math.floor(packed / 2 ** 20) * 1000;
}
