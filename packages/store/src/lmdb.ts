// The embedded default: versions in an LMDB file, behind a journal that makes them durable at once.
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { nullLogger, RealClock, type Clock, type Logger } from "@knots/machinery";
import { open } from "lmdb";
import { EmbeddedStore, leaseExpires, leaseId } from "./embedded-store.ts";
import { renameFormer } from "./former-records.ts";
import { Journal } from "./journal.ts";
import { LmdbLog, META_COMPACTED, putTogether } from "./lmdb-log.ts";
import { MvccIndex } from "./mvcc.ts";
import { keyIn, Places, versionIn } from "./record.ts";
import type { RecordKey } from "./record.ts";
import type { Store } from "./store.ts";

/** Written by older versions: the revision is in the keys, and no lower than the compaction's. */
const META_REVISION = "revision";

/** A batch starts the writer itself, not at the end of a turn. lmdb's declarations do not know all of these options. */
const WRITER = { eventTurnBatching: false, txnStartThreshold: 2, separateFlushed: true };

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
  renameFormer(root);
  const compactRevision = meta.get(META_COMPACTED) ?? 0;
  const found = new Found(Math.max(1, compactRevision, meta.get(META_REVISION) ?? 0));
  for (const { key, value } of root.getRange()) {
    const [revision, place] = Array.isArray(key) ? key : [key, 0];
    // The names of databases are here, too.
    if (typeof revision === "number") found.add(revision, place, value);
  }
  const journal = await Journal.open(options.dir, found.revision, async (records) => {
    // What the last process made durable and did not come to put here.
    await putTogether(root, records);
    for (const { revision, place, record } of records) found.add(revision, place, record);
  });
  const { index, places, leases } = found;
  const log = new LmdbLog({ root, meta, journal, places, logger });
  if (compactRevision > 0) await log.drop(index.compact(compactRevision), compactRevision);
  logger.info({ revision: found.revision, versions: found.versions }, "store opened");
  return new EmbeddedStore(
    log,
    {
      index,
      revision: found.revision,
      compactRevision,
      leases: [...leases].map(([id, expires]) => ({ id, expires })),
    },
    options.clock ?? new RealClock(),
  );
}

/** What a store holds when it is opened. */
class Found {
  readonly index = new MvccIndex();
  readonly places = new Places();
  /** When each lease that a key bears ends. */
  readonly leases = new Map<number, number>();
  versions = 0;
  revision: number;

  constructor(revision: number) {
    this.revision = revision;
  }

  /** In the order of revisions, as far as those of one key go. */
  add(revision: number, place: number, record: Buffer): void {
    const key = keyIn(record);
    const version = versionIn(record, revision);
    this.places.set(key, revision, place);
    this.index.add(key, version);
    this.versions++;
    this.revision = Math.max(this.revision, revision);
    if (version.lease !== undefined) this.leases.set(leaseId(version.lease), leaseExpires(version.lease));
  }
}
