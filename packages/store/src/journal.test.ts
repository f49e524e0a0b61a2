import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { frameOf } from "./journal-frame.ts";
import type { Frame, Journaled } from "./journal-frame.ts";
import { Journal } from "./journal.ts";
import { openLmdbStore } from "./lmdb.ts";
import { keyIn, valueIn } from "./record.ts";

function frame(revisions: readonly number[], value = "v"): Frame {
  const entries = revisions.map((revision) => ({
    revision,
    changes: [
      {
        key: `/k/${revision}`,
        version: { revision, createRevision: revision, version: 1, deleted: false },
        value: Buffer.from(value),
      },
    ],
  }));
  return frameOf(entries, (size) => Buffer.alloc(size));
}

describe("the store's journal", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "knots-journal-"));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  /** Opens it as after a crash: what it had open is simply forgotten. */
  async function open(settled: number, lap?: number): Promise<{ journal: Journal; replayed: string[] }> {
    const replayed: string[] = [];
    const replay = (records: readonly Journaled[]): Promise<void> => {
      for (const { revision, record } of records) {
        replayed.push(`${revision} ${keyIn(record)}=${valueIn(record).toString()}`);
      }
      return Promise.resolve();
    };
    const journal = await Journal.open(dir, settled, replay, lap === undefined ? {} : { lap });
    return { journal, replayed };
  }

  async function write(journal: Journal, written: Frame): Promise<void> {
    expect(journal.ready()).toBe(true);
    await journal.write(written);
  }

  it("gives what was written and not settled, in order, once", async () => {
    const { journal } = await open(1);
    await write(journal, frame([2, 3]));
    await write(journal, frame([4]));
    const second = await open(2);
    expect(second.replayed).toEqual(["3 /k/3=v", "4 /k/4=v"]);
    expect((await open(4)).replayed).toEqual([]);
    expect((await open(2)).replayed).toEqual([]);
  });

  it("is readable by its owner alone", async () => {
    await open(1);
    for (const name of ["journal-0", "journal-1"]) expect(statSync(join(dir, name)).mode & 0o777).toBe(0o600);
  });

  it("stops before a revision that did not arrive, and does not find later ones again", async () => {
    const { journal } = await open(1);
    await write(journal, frame([2]));
    await write(journal, frame([4], "lost"));
    const second = await open(1);
    expect(second.replayed).toEqual(["2 /k/2=v"]);
    await write(second.journal, frame([3, 4], "new"));
    expect((await open(2)).replayed).toEqual(["3 /k/3=new", "4 /k/4=new"]);
  });

  it("writes over a file only when all in it is settled", async () => {
    const { journal } = await open(1, 100);
    for (const revision of [2, 3]) await write(journal, frame([revision], "x".repeat(100)));
    expect(journal.ready()).toBe(false);
    expect((await open(1, 100)).replayed.map((record) => record.slice(0, 6))).toEqual(["2 /k/2", "3 /k/3"]);
  });

  it("takes the files in turns for as long as it is settled", async () => {
    const { journal } = await open(1, 200);
    for (let revision = 2; revision < 40; revision++) {
      await write(journal, frame([revision], "y".repeat(revision)));
      journal.settle(revision - 1);
    }
    expect(statSync(join(dir, "journal-0")).size).toBeLessThan(500);
    expect((await open(38, 200)).replayed).toEqual([`39 /k/39=${"y".repeat(39)}`]);
  });

  it("finds what lies in both files", async () => {
    const { journal } = await open(1, 100);
    await write(journal, frame([2], "z".repeat(100)));
    journal.settle(2);
    await write(journal, frame([3], "z".repeat(100)));
    await write(journal, frame([4], "short"));
    expect((await open(2, 100)).replayed.map((record) => record.slice(0, 6))).toEqual(["3 /k/3", "4 /k/4"]);
  });

  it("gives back the room that one large change took", async () => {
    const { journal } = await open(1, 1000);
    await write(journal, frame([2], "z".repeat(100_000)));
    journal.settle(2);
    await write(journal, frame([3], "z".repeat(1000)));
    journal.settle(3);
    await write(journal, frame([4], "z".repeat(1000)));
    expect(statSync(join(dir, "journal-0")).size).toBeLessThan(2000);
  });

  it("is not read again when it was closed in order", async () => {
    const { journal } = await open(1);
    await write(journal, frame([2]));
    journal.settle(2);
    journal.close();
    expect(readFileSync(join(dir, "journal-0")).subarray(0, 16)).toEqual(Buffer.alloc(16));
    expect((await open(1)).replayed).toEqual([]);
  });

  it("keeps what could not be settled, also when it is closed in order", async () => {
    const { journal } = await open(1);
    await write(journal, frame([2]));
    journal.close();
    expect((await open(1)).replayed).toEqual(["2 /k/2=v"]);
  });

  it("is what a store that was killed goes on from", async () => {
    const { journal } = await open(1);
    await write(journal, frame([2, 3]));
    for (let round = 0; round < 2; round++) {
      const store = await openLmdbStore({ dir });
      expect(await store.revision()).toBe(3);
      const { kvs } = await store.range("/");
      expect(kvs.map(({ key, value, modRevision }) => `${key}@${modRevision}=${String(value)}`)).toEqual([
        "/k/2@2=v",
        "/k/3@3=v",
      ]);
      await store[Symbol.asyncDispose]();
    }
  });

  it("is empty when its files hold anything else", async () => {
    writeFileSync(join(dir, "journal-0"), Buffer.alloc(5000, 0xff));
    writeFileSync(join(dir, "journal-1"), "short");
    const { journal, replayed } = await open(1);
    expect(replayed).toEqual([]);
    await write(journal, frame([2]));
    expect((await open(1)).replayed).toEqual(["2 /k/2=v"]);
  });
});
