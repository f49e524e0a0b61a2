// The embedded default: versions in an LMDB file. Writes of one turn go to disk together, and a txn resolves only after they are flushed.
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { open, type Database, type RootDatabase } from "lmdb";
import { nullLogger, RealClock, type Clock, type Logger } from "@knots/machinery";
import { EmbeddedStore, leaseExpires, leaseId, type LogEntry, type ValueLog } from "./embedded-store.ts";
import { compareKeys, MvccIndex, type Version } from "./mvcc.ts";
import type { Store } from "./store.ts";

type VersionKey = [key: string, revision: number];

/** The head of a stored version: create revision, version, deleted, lease; four doubles, then the value's bytes. */
const HEAD = 32;
const META_COMPACTED = "compactRevision";
/** Written by older versions: the revision is in the keys, and no lower than the compaction's. */
const META_REVISION = "revision";

/** Room for many values at once: LMDB's writer asks for the address of each buffer that it has not seen. */
const SLAB = 256 * 1024;

/**
 * A few puts start the writer, which commits what it finds and then what has come meanwhile: so the disk works while the
 * next requests are handled, instead of after a whole turn of them. lmdb's declarations do not know all of these options.
 */
const WRITER = { eventTurnBatching: false, txnStartThreshold: 2, separateFlushed: true };

function encode(bytes: Buffer, version: Version, value: Uint8Array | undefined): Buffer {
  bytes.writeDoubleLE(version.createRevision, 0);
  bytes.writeDoubleLE(version.version, 8);
  bytes.writeDoubleLE(version.deleted ? 1 : 0, 16);
  bytes.writeDoubleLE(version.lease ?? 0, 24);
  if (value !== undefined) bytes.set(value, HEAD);
  return bytes;
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

/** What LMDB says of a put: committed, and (a moment later) on the disk. */
type Committed = Promise<boolean> & { readonly flushed?: Promise<unknown> };

/** One transaction, and the pending values that it writes. */
interface Batch {
  readonly committed: Committed;
  readonly written: string[];
  done: Promise<void>;
}

class LmdbLog implements ValueLog {
  readonly #root: RootDatabase<Buffer, VersionKey>;
  readonly #meta: Database<number, string>;
  /** Values on their way to disk: reads see them before LMDB does. */
  readonly #pending = new Map<string, Uint8Array>();
  #slab: Buffer = Buffer.alloc(0);
  /** The transaction that LMDB's writer was filling when something was last appended. */
  #batch: Batch | undefined;

  constructor(root: RootDatabase<Buffer, VersionKey>, meta: Database<number, string>) {
    this.#root = root;
    this.#meta = meta;
  }

  append({ changes }: LogEntry): Promise<void> {
    // LMDB's writer takes single puts into a transaction of its own choice; what belongs together must say so.
    let committed: Committed | undefined;
    if (changes.length === 1) committed = this.#put(changes[0]);
    else committed = this.#root.batch(() => void changes.map((change) => this.#put(change))) as Committed;
    if (committed === undefined) return Promise.resolve();
    // Puts of one transaction share one promise, through which a failed commit speaks.
    if (this.#batch?.committed !== committed) {
      const batch: Batch = { committed, written: [], done: Promise.resolve() };
      batch.done = this.#flushed(batch, committed.flushed ?? this.#root.flushed);
      this.#batch = batch;
    }
    for (const { key, version, value } of changes) {
      if (value !== undefined) this.#batch.written.push(`${version.revision}\0${key}`);
    }
    return this.#batch.done;
  }

  #put(change: LogEntry["changes"][number] | undefined): Committed | undefined {
    if (change === undefined) return undefined;
    const { key, version, value } = change;
    if (value !== undefined) this.#pending.set(`${version.revision}\0${key}`, value);
    const room = this.#room(HEAD + (value?.length ?? 0));
    return this.#root.put([key, version.revision], encode(room, version, value)) as Committed;
  }

  async #flushed(batch: Batch, flushed: Promise<unknown>): Promise<void> {
    await batch.committed;
    await flushed;
    for (const key of batch.written) this.#pending.delete(key);
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
    const bytes = this.#root.getBinary([key, revision]);
    return bytes?.subarray(HEAD);
  }

  async drop(versions: readonly VersionRef[], revision: number): Promise<void> {
    // First the mark, then the versions: killed between, the reopened store compacts again.
    // Every later revision is in the key of a version that stays.
    await this.#meta.put(META_COMPACTED, revision);
    // In slices, so that a large compaction does not hold the writer.
    for (let i = 0; i < versions.length; i += 500) {
      await Promise.all(
        versions.slice(i, i + 500).map((version) => this.#root.remove([version.key, version.revision])),
      );
    }
  }

  async close(): Promise<void> {
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
  const root = open<Buffer, VersionKey>({
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
  const found: { key: string; version: Version }[] = [];
  for (const { key: stored, value } of root.getRange()) {
    if (!Array.isArray(stored)) continue;
    const [key, at] = stored;
    const version = decodeHead(value, at);
    found.push({ key, version });
    revision = Math.max(revision, at);
    if (version.lease !== undefined) leases.set(leaseId(version.lease), leaseExpires(version.lease));
  }
  found.sort((a, b) => compareKeys(a.key, b.key) || a.version.revision - b.version.revision);
  for (const { key, version } of found) index.add(key, version);
  const log = new LmdbLog(root, meta);
  if (compactRevision > 0) await log.drop(index.compact(compactRevision), compactRevision);
  logger.info({ revision, versions: found.length }, "store opened");
  return new EmbeddedStore(
    log,
    { index, revision, compactRevision, leases: [...leases].map(([id, expires]) => ({ id, expires })) },
    options.clock ?? new RealClock(),
  );
}
