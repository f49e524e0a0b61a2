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

class LmdbLog implements ValueLog {
  readonly #root: RootDatabase<Buffer, VersionKey>;
  readonly #meta: Database<number, string>;
  /** Values on their way to disk: reads see them before LMDB does. */
  readonly #pending = new Map<string, Uint8Array>();
  #slab: Buffer = Buffer.alloc(0);
  /** What was appended in this turn, until it is flushed. */
  #batch: Promise<void> | undefined;
  #turn: { key: string; revision: number }[] = [];
  #committed: Promise<unknown> = Promise.resolve();

  constructor(root: RootDatabase<Buffer, VersionKey>, meta: Database<number, string>) {
    this.#root = root;
    this.#meta = meta;
  }

  append(entry: LogEntry): Promise<void> {
    // Before the first put, so that it comes before the end of LMDB's own batch: its puts are one transaction.
    const batch = (this.#batch ??= this.#endOfTurn());
    for (const { key, version, value } of entry.changes) {
      if (value !== undefined) {
        this.#pending.set(`${version.revision}\0${key}`, value);
        this.#turn.push({ key, revision: version.revision });
      }
      const room = this.#room(HEAD + (value?.length ?? 0));
      this.#committed = this.#root.put([key, version.revision], encode(room, version, value));
    }
    return batch;
  }

  /** The writes of one turn of the event loop wait for one flush together. */
  async #endOfTurn(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    const written = this.#turn;
    this.#batch = undefined;
    this.#turn = [];
    const flushed = this.#root.flushed;
    // Puts of one turn share one promise of LMDB's; a failed commit speaks through it.
    await this.#committed;
    await flushed;
    for (const { key, revision } of written) this.#pending.delete(`${revision}\0${key}`);
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
    eventTurnBatching: true,
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
