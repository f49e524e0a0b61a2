import { nullLogger } from "@knots/machinery";
import type { Database, RootDatabase } from "lmdb";
import { expect, it } from "vitest";
import type { Frame } from "./journal-frame.ts";
import type { Journal } from "./journal.ts";
import { LmdbLog } from "./lmdb-log.ts";
import { Places } from "./record.ts";
import type { RecordKey } from "./record.ts";

const entry = (revision: number) => ({
  revision,
  changes: [
    {
      key: "/a",
      version: { revision, createRevision: 2, version: revision, deleted: false },
      value: Buffer.from(String(revision)),
    },
  ],
});

it("takes nothing more, and can still be read, when LMDB does not take what the journal has", async () => {
  const written: Frame[] = [];
  const journal = {
    ready: () => true,
    write: (frame: Frame) => Promise.resolve(void written.push(frame)),
    settle: () => expect.unreachable("nothing was settled"),
    close: () => undefined,
  } as unknown as Journal;
  const root = {
    batch: () => Promise.reject(new Error("MDB_MAP_FULL")),
    flushed: Promise.resolve(),
    close: () => Promise.resolve(),
  } as unknown as RootDatabase<Buffer, RecordKey>;
  const meta = {} as Database<number, string>;
  const log = new LmdbLog({ root, meta, journal, places: new Places(), logger: nullLogger });
  await log.append(entry(2));
  await log.append(entry(3));
  expect(written).toHaveLength(2);
  // A flush of everything is the way to see the failure; closing does one.
  await log.close();
  await expect(log.append(entry(4))).rejects.toThrow("the store's file cannot be written");
  expect(written).toHaveLength(2);
  expect(String(log.read("/a", 3))).toBe("3");
});
