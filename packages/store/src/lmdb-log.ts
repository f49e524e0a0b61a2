import type { Logger } from "@knots/machinery";
import type { Database, RootDatabase } from "lmdb";
import type { LogEntry, ValueLog } from "./embedded-store.ts";
import { frameOf } from "./journal-frame.ts";
import type { Journaled } from "./journal-frame.ts";
import type { Journal } from "./journal.ts";
import { keyIn, Places, valueIn } from "./record.ts";
import type { RecordKey } from "./record.ts";

/** The newest compaction's revision. */
export const META_COMPACTED = "compactRevision";

/** Room for many values at once: LMDB's writer asks for the address of each buffer that it has not seen. */
const SLAB = 256 * 1024;

/**
 * Writes to the journal under way at a time: while the disk works on one, the next can be handed over. More would be small
 * ones, each with its wake-ups of threads; with one alone, few writers that each wait for their last write (controllers)
 * wait longer.
 */
const FLIGHTS = 2;

/** How long changes gather before LMDB gets them. */
const GATHER_MS = 100;
/** How many LMDB gets at a time: handing over one takes some microseconds, and the event loop must not be held for long. */
const SETTLED_AT_ONCE = 256;

/** What LMDB says of a put: committed, and (a moment later) on the disk. */
type Committed = Promise<boolean> & { readonly flushed?: Promise<unknown> };

/** What goes to the journal in one write: all that was appended while others were under way. */
interface Flight {
  readonly entries: LogEntry[];
  readonly landed: PromiseWithResolvers<void>;
}

interface VersionRef {
  readonly key: string;
  readonly revision: number;
}

/** Resolves when LMDB has all of them, in one transaction, and on the disk. */
export async function putTogether(root: RootDatabase<Buffer, RecordKey>, records: readonly Journaled[]): Promise<void> {
  // One promise, of the commit, for all puts of a transaction.
  const puts = new Set<Promise<boolean>>();
  const committed = root.batch(() => {
    for (const { revision, place, record } of records) {
      puts.add(root.put(place === 0 ? revision : [revision, place], record));
    }
  }) as Committed;
  await Promise.all([committed, ...puts]);
  await (committed.flushed ?? root.flushed);
}

/** The bytes of all versions: durable once they are in the journal, in LMDB soon after. */
export class LmdbLog implements ValueLog {
  readonly #root: RootDatabase<Buffer, RecordKey>;
  readonly #meta: Database<number, string>;
  readonly #journal: Journal;
  readonly #logger: Logger;
  readonly #places: Places;
  /** What LMDB does not have yet, by revision: reads find it here. */
  readonly #pending = new Map<number, LogEntry>();
  #slab: Buffer = Buffer.alloc(0);
  /** On the way to the journal; the next ones gather meanwhile. */
  readonly #flying = new Set<Flight>();
  #boarding: Flight | undefined;
  /** On the way to LMDB, in order. */
  #unsettled: Journaled[] = [];
  #settling: Promise<void> | undefined;
  #gathering: NodeJS.Timeout | undefined;
  /** LMDB refused what the journal has: a restart tries again, until then nothing more is taken. */
  #failure: Error | undefined;

  constructor(options: {
    root: RootDatabase<Buffer, RecordKey>;
    meta: Database<number, string>;
    journal: Journal;
    places: Places;
    logger: Logger;
  }) {
    this.#root = options.root;
    this.#meta = options.meta;
    this.#journal = options.journal;
    this.#places = options.places;
    this.#logger = options.logger;
  }

  append(entry: LogEntry): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    entry.changes.forEach(({ key }, place) => this.#places.set(key, entry.revision, place));
    this.#pending.set(entry.revision, entry);
    const flight = (this.#boarding ??= { entries: [], landed: Promise.withResolvers() });
    flight.entries.push(entry);
    if (this.#flying.size < FLIGHTS && flight.entries.length === 1) setImmediate(() => this.#depart());
    return flight.landed.promise;
  }

  #depart(): void {
    const flight = this.#boarding;
    if (flight === undefined || this.#flying.size >= FLIGHTS) return;
    if (this.#failure !== undefined) {
      this.#boarding = undefined;
      flight.landed.reject(this.#failure);
      return;
    }
    if (!this.#journal.ready()) {
      // Departs when LMDB has what the journal is full of.
      void this.#settle();
      return;
    }
    this.#boarding = undefined;
    this.#flying.add(flight);
    const frame = frameOf(flight.entries, (size) => this.#room(size));
    for (const record of frame.records) this.#unsettled.push(record);
    this.#gathering ??= setTimeout(() => void this.#settle(), GATHER_MS);
    void this.#journal
      .write(frame)
      .finally(() => {
        this.#flying.delete(flight);
        this.#depart();
      })
      .then(flight.landed.resolve, flight.landed.reject);
  }

  /** Hands to LMDB what has gathered. One transaction at a time: LMDB then has no revision without all before it. */
  #settle(): Promise<void> {
    return (this.#settling ??= this.#settleOnce().finally(() => {
      this.#settling = undefined;
      this.#gathering = undefined;
      if (this.#unsettled.length > 0 && this.#failure === undefined) {
        const wait = this.#unsettled.length < SETTLED_AT_ONCE ? GATHER_MS : 0;
        this.#gathering = setTimeout(() => void this.#settle(), wait);
      }
      this.#depart();
    }));
  }

  async #settleOnce(): Promise<void> {
    clearTimeout(this.#gathering);
    const records = this.#unsettled.slice(0, SETTLED_AT_ONCE);
    const last = records.at(-1);
    if (last === undefined) return;
    // A revision's records come together.
    for (let i = records.length; this.#unsettled[i]?.revision === last.revision; i++) {
      records.push(this.#unsettled[i] as Journaled);
    }
    try {
      await putTogether(this.#root, records);
    } catch (cause) {
      this.#failure = new Error("the store's file cannot be written", { cause });
      this.#logger.error({ err: cause }, "what the journal holds could not be put into the store's file");
      return;
    }
    this.#unsettled.splice(0, records.length);
    for (const { revision } of records) this.#pending.delete(revision);
    this.#journal.settle(last.revision);
  }

  /** When LMDB has what was appended so far; a failure is told to those who append. */
  async #settled(): Promise<void> {
    const flights = [...this.#flying, ...(this.#boarding === undefined ? [] : [this.#boarding])];
    await Promise.allSettled(flights.map(({ landed }) => landed.promise));
    const last = this.#unsettled.at(-1)?.revision ?? 0;
    while ((this.#unsettled[0]?.revision ?? Infinity) <= last && this.#failure === undefined) await this.#settle();
  }

  #room(size: number): Buffer {
    if (size > SLAB / 8) return Buffer.allocUnsafeSlow(size);
    if (this.#slab.length < size) this.#slab = Buffer.allocUnsafeSlow(SLAB);
    const room = this.#slab.subarray(0, size);
    this.#slab = this.#slab.subarray(size);
    return room;
  }

  read(key: string, revision: number): Uint8Array | undefined {
    const pending = this.#pending.get(revision);
    if (pending !== undefined) return pending.changes.find((change) => change.key === key)?.value;
    const record = this.#root.getBinary(this.#places.recordKey(key, revision));
    // Of a revision that wrote several keys another one may be left where this one was dropped.
    if (record === undefined || keyIn(record) !== key) return undefined;
    return valueIn(record);
  }

  async drop(versions: readonly VersionRef[], revision: number): Promise<void> {
    // What is dropped may still be waiting to be written, and would come back.
    await this.#settled();
    // First the mark, then the versions: killed between, the reopened store compacts again.
    // Every later revision is in the key of a version that stays.
    await this.#meta.put(META_COMPACTED, revision);
    // In slices, so that a large compaction does not hold the writer.
    for (let i = 0; i < versions.length; i += 500) {
      await Promise.all(
        versions
          .slice(i, i + 500)
          .map((version) => this.#root.remove(this.#places.recordKey(version.key, version.revision))),
      );
    }
    for (const version of versions) this.#places.delete(version.key, version.revision);
  }

  async close(): Promise<void> {
    await this.#settled();
    await this.#root.flushed;
    this.#journal.close();
    await this.#root.close();
  }
}
