// The embedded default: versions in an LMDB file. Writes of one turn go to disk together, and a txn resolves only after they are flushed.
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { open, type Database, type RootDatabase } from "lmdb";
import { nullLogger, RealClock, type Clock, type Logger } from "@knots/machinery";
import { EmbeddedStore, leaseExpires, leaseId, type LogEntry, type ValueLog } from "./embedded-store.ts";
import { MvccIndex, type Version } from "./mvcc.ts";
import type { Store } from "./store.ts";

/**
 * By revision, so that what is written lies together at the end of the tree: a transaction of many changes writes few
 * pages besides the values, and the process maps few. The second and later keys of one revision bear their number.
 */
type RecordKey = number | [revision: number, place: number];

/** How older versions of this file named a record. */
type FormerKey = [key: string, revision: number];

/** What comes before a record's key and value: create revision, version, deleted, lease; four doubles, then the key's length. */
const HEAD = 34;
const FORMER_HEAD = 32;
const META_COMPACTED = "compactRevision";
/** Written by older versions: the revision is in the keys, and no lower than the compaction's. */
const META_REVISION = "revision";

/** Room for many values at once: LMDB's writer asks for the address of each buffer that it has not seen. */
const SLAB = 256 * 1024;

/** A batch starts the writer itself, not at the end of a turn. lmdb's declarations do not know all of these options. */
const WRITER = { eventTurnBatching: false, txnStartThreshold: 2, separateFlushed: true };

function sizeOf(key: string, value: Uint8Array | undefined): number {
  return HEAD + Buffer.byteLength(key) + (value?.length ?? 0);
}

function encode(bytes: Buffer, key: string, version: Version, value: Uint8Array | undefined): Buffer {
  bytes.writeDoubleLE(version.createRevision, 0);
  bytes.writeDoubleLE(version.version, 8);
  bytes.writeDoubleLE(version.deleted ? 1 : 0, 16);
  bytes.writeDoubleLE(version.lease ?? 0, 24);
  const keyLength = bytes.write(key, HEAD);
  bytes.writeUInt16LE(keyLength, HEAD - 2);
  if (value !== undefined) bytes.set(value, HEAD + keyLength);
  return bytes;
}

function valueStart(record: Buffer): number {
  return HEAD + record.readUInt16LE(HEAD - 2);
}

function keyIn(record: Buffer): string {
  return record.toString("utf8", HEAD, valueStart(record));
}

function decodeHead(bytes: Buffer, revision: number): Version {
  const lease = bytes.readDoubleLE(24);
  return {
    revision,
    createRevision: bytes.readDoubleLE(0),
    version: bytes.readDoubleLE(8),
    deleted: bytes.readDoubleLE(16) === 1,
    ...(lease === 0 ? {} : { lease }),
  };
}

/**
 * Flights under way at a time: while the disk works on one, LMDB takes in the next. More would be small ones, each with
 * its wake-ups of threads; with one alone, few writers that each wait for their last write (controllers) wait longer.
 */
const FLIGHTS = 2;

/** What LMDB says of a put: committed, and (a moment later) on the disk. */
type Committed = Promise<boolean> & { readonly flushed?: Promise<unknown> };

/** What goes to the disk in one transaction: all that was appended while others were under way. */
interface Flight {
  readonly entries: LogEntry[];
  readonly landed: PromiseWithResolvers<void>;
}

/** Which place a key has among those of one revision, where that is not the first: hardly ever. */
class Places {
  readonly #places = new Map<string, number>();

  recordKey(key: string, revision: number): RecordKey {
    const place = this.#places.size === 0 ? undefined : this.#places.get(`${revision}\0${key}`);
    return place === undefined ? revision : [revision, place];
  }

  set(key: string, revision: number, place: number): void {
    if (place > 0) this.#places.set(`${revision}\0${key}`, place);
  }

  delete(key: string, revision: number): void {
    if (this.#places.size > 0) this.#places.delete(`${revision}\0${key}`);
  }
}

class LmdbLog implements ValueLog {
  readonly #root: RootDatabase<Buffer, RecordKey>;
  readonly #meta: Database<number, string>;
  /** Values on their way to disk, by record: reads see them before LMDB does. */
  readonly #pending = new Map<string, Uint8Array>();
  readonly #places: Places;
  #slab: Buffer = Buffer.alloc(0);
  /** What is being written; the next ones gather meanwhile. */
  readonly #flying = new Set<Flight>();
  #boarding: Flight | undefined;

  constructor(root: RootDatabase<Buffer, RecordKey>, meta: Database<number, string>, places: Places) {
    this.#root = root;
    this.#meta = meta;
    this.#places = places;
  }

  append(entry: LogEntry): Promise<void> {
    const { revision, changes } = entry;
    changes.forEach(({ key, version, value }, place) => {
      this.#places.set(key, revision, place);
      if (value !== undefined) this.#pending.set(`${version.revision}\0${key}`, value);
    });
    const flight = (this.#boarding ??= { entries: [], landed: Promise.withResolvers() });
    flight.entries.push(entry);
    if (this.#flying.size < FLIGHTS && flight.entries.length === 1) setImmediate(() => this.#depart());
    return flight.landed.promise;
  }

  #depart(): void {
    const flight = this.#boarding;
    if (flight === undefined || this.#flying.size >= FLIGHTS) return;
    this.#boarding = undefined;
    this.#flying.add(flight);
    void this.#fly(flight).then(flight.landed.resolve, flight.landed.reject);
  }

  async #fly(flight: Flight): Promise<void> {
    try {
      // LMDB's writer takes single puts into a transaction of its own choice; what belongs together must say so.
      const puts = new Set<Promise<boolean>>();
      const committed = this.#root.batch(() => {
        for (const { changes } of flight.entries) for (const change of changes) puts.add(this.#put(change));
      }) as Committed;
      await Promise.all([committed, ...puts]);
      await (committed.flushed ?? this.#root.flushed);
      for (const { changes } of flight.entries)
        for (const { key, version } of changes) this.#pending.delete(`${version.revision}\0${key}`);
    } finally {
      this.#flying.delete(flight);
      this.#depart();
    }
  }

  /** Resolves to the commit, one promise for all of a transaction. */
  #put({ key, version, value }: LogEntry["changes"][number]): Promise<boolean> {
    const record = encode(this.#room(sizeOf(key, value)), key, version, value);
    return this.#root.put(this.#places.recordKey(key, version.revision), record);
  }

  /** When what was appended so far has been written; a failure is told to those who appended. */
  async #settled(): Promise<void> {
    const flights = [...this.#flying, ...(this.#boarding === undefined ? [] : [this.#boarding])];
    await Promise.allSettled(flights.map(({ landed }) => landed.promise));
  }

  #room(size: number): Buffer {
    if (size > SLAB / 8) return Buffer.allocUnsafeSlow(size);
    if (this.#slab.length < size) this.#slab = Buffer.allocUnsafeSlow(SLAB);
    const room = this.#slab.subarray(0, size);
    this.#slab = this.#slab.subarray(size);
    return room;
  }

  read(key: string, revision: number): Uint8Array | undefined {
    const pending = this.#pending.get(`${revision}\0${key}`);
    if (pending !== undefined) return pending;
    const record = this.#root.getBinary(this.#places.recordKey(key, revision));
    // Of a revision that wrote several keys another one may be left where this one was dropped.
    if (record === undefined || keyIn(record) !== key) return undefined;
    return record.subarray(valueStart(record));
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
    await this.#root.close();
  }
}

interface VersionRef {
  readonly key: string;
  readonly revision: number;
}

/** Opens (or makes) the store in `dir`, which only its owner may enter. */
export async function openLmdbStore(options: { dir: string; clock?: Clock; logger?: Logger }): Promise<Store> {
  const logger = options.logger ?? nullLogger;
  mkdirSync(options.dir, { recursive: true, mode: 0o700 });
  chmodSync(options.dir, 0o700);
  const root = open<Buffer, RecordKey>({
    path: join(options.dir, "store.lmdb"),
    encoding: "binary",
    maxDbs: 2,
    // Commits are synced before they count as flushed.
    noSync: false,
    overlappingSync: true,
    ...WRITER,
  });
  const meta = root.openDB<number, string>({ name: "meta", encoding: "json" });
  const index = new MvccIndex();
  const compactRevision = meta.get(META_COMPACTED) ?? 0;
  let revision = Math.max(1, compactRevision, meta.get(META_REVISION) ?? 0);
  const leases = new Map<number, number>();
  const places = new Places();
  renameFormer(root);
  let versions = 0;
  for (const { key: stored, value: record } of root.getRange()) {
    const [at, place] = Array.isArray(stored) ? stored : [stored, 0];
    // The names of databases are here, too.
    if (typeof at !== "number") continue;
    const key = keyIn(record);
    const version = decodeHead(record, at);
    places.set(key, at, place);
    index.add(key, version);
    versions++;
    revision = Math.max(revision, at);
    if (version.lease !== undefined) leases.set(leaseId(version.lease), leaseExpires(version.lease));
  }
  const log = new LmdbLog(root, meta, places);
  if (compactRevision > 0) await log.drop(index.compact(compactRevision), compactRevision);
  logger.info({ revision, versions }, "store opened");
  return new EmbeddedStore(
    log,
    { index, revision, compactRevision, leases: [...leases].map(([id, expires]) => ({ id, expires })) },
    options.clock ?? new RealClock(),
  );
}

/** Gives the records of a file that an older version made their names of today, all or none. */
function renameFormer(root: RootDatabase<Buffer, RecordKey>): void {
  const former = root as unknown as RootDatabase<Buffer, FormerKey>;
  const names = Array.from(former.getKeys()).filter((name) => Array.isArray(name) && typeof name[0] === "string");
  if (names.length === 0) return;
  const places = new Map<number, number>();
  root.transactionSync(() => {
    for (const name of names) {
      const [key, revision] = name;
      const old = former.getBinary(name);
      if (old === undefined) continue;
      const value = old.subarray(FORMER_HEAD);
      const version = decodeHead(old, revision);
      const record = encode(Buffer.allocUnsafeSlow(sizeOf(key, value)), key, version, value);
      const place = places.get(revision) ?? 0;
      places.set(revision, place + 1);
      root.putSync(place === 0 ? revision : [revision, place], record);
      former.removeSync(name);
    }
  });
}
