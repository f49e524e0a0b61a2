import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "lmdb";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openLmdbStore } from "./lmdb.ts";
import type { Store } from "./store.ts";

describe("the LMDB engine", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "knots-lmdb-"));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const put = (key: string, value: string) => ({ op: "put" as const, key, value: Buffer.from(value) });
  async function values(store: Store, revision?: number): Promise<Record<string, string>> {
    const { kvs } = await store.range("/", revision === undefined ? {} : { revision });
    return Object.fromEntries(kvs.map(({ key, value, modRevision }) => [`${key}@${modRevision}`, String(value)]));
  }

  it("finds every key of a revision that wrote several, also after compactions and when opened again", async () => {
    let store = await openLmdbStore({ dir });
    await store.txn({ compare: [], then: [put("/a", "1"), put("/b", "1"), put("/ü", "1")] });
    const first = await store.revision();
    await store.txn({ compare: [], then: [put("/a", "2"), { op: "delete", key: "/b" }] });
    const [then, now] = [
      { [`/a@${first}`]: "1", [`/b@${first}`]: "1", [`/ü@${first}`]: "1" },
      { [`/a@${first + 1}`]: "2", [`/ü@${first}`]: "1" },
    ];
    for (let round = 0; round < 2; round++) {
      expect(await values(store, first)).toEqual(then);
      expect(await values(store)).toEqual(now);
      await store[Symbol.asyncDispose]();
      store = await openLmdbStore({ dir });
    }
    await store.compact(first + 1);
    expect(store.valueAt?.("/b", first)).toBeUndefined();
    for (let round = 0; round < 2; round++) {
      expect(await values(store)).toEqual(now);
      await store[Symbol.asyncDispose]();
      store = await openLmdbStore({ dir });
    }
    await store.txn({ compare: [], then: [put("/ü", "3")] });
    await store.compact(first + 2);
    expect(await values(store)).toEqual({ [`/a@${first + 1}`]: "2", [`/ü@${first + 2}`]: "3" });
    await store[Symbol.asyncDispose]();
  });

  it("keeps what is appended while it writes, in order, and lets nothing dropped come back", async () => {
    let store = await openLmdbStore({ dir });
    const done: number[] = [];
    const writes = Array.from({ length: 40 }, async (_, i) => {
      // Some in the same turn, some while others are being written.
      for (let turn = 0; turn < i % 4; turn++) await new Promise((resolve) => setImmediate(resolve));
      const { revision } = await store.txn({ compare: [], then: [put("/a", String(i)), put(`/b/${i}`, String(i))] });
      done.push(revision);
    });
    await new Promise((resolve) => setImmediate(resolve));
    const compacted = await store.revision();
    await store.compact(compacted);
    await Promise.all(writes);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    const all = await values(store);
    expect(Object.keys(all)).toHaveLength(41);
    await store[Symbol.asyncDispose]();
    const root = open<Buffer, string | number | number[]>({
      path: join(dir, "store.lmdb"),
      encoding: "binary",
      maxDbs: 2,
    });
    const records = Array.from(root.getKeys()).filter((key) => typeof key !== "string");
    await root.close();
    // Every key once, and the versions of /a that are no older than the compaction.
    expect(records).toHaveLength(40 + Math.max(...done) - compacted + 1);
    store = await openLmdbStore({ dir });
    expect(await values(store)).toEqual(all);
    await store[Symbol.asyncDispose]();
  });

  it("goes on from the journal after a compaction, with what was written, deleted and dropped", async () => {
    // LMDB gets nothing by itself: what is written after the compaction is in the journal alone.
    vi.useFakeTimers({ toFake: ["setTimeout"] });
    try {
      await using store = await openLmdbStore({ dir });
      await store.txn({ compare: [], then: [put("/a", "1"), put("/b", "1")] });
      const { revision } = await store.txn({ compare: [], then: [put("/a", "2"), { op: "delete", key: "/b" }] });
      await store.compact(revision);
      await store.txn({ compare: [], then: [put("/c", "3"), put("/b", "3")] });
      await store.txn({ compare: [], then: [{ op: "delete", key: "/a" }] });
      const [after, before] = [await values(store), await values(store, revision)];
      expect(after).toEqual({ [`/b@${revision + 1}`]: "3", [`/c@${revision + 1}`]: "3" });
      // As a crash leaves it.
      const copy = join(dir, "copy");
      mkdirSync(copy);
      for (const name of ["store.lmdb", "journal-0", "journal-1"]) cpSync(join(dir, name), join(copy, name));
      for (let round = 0; round < 2; round++) {
        await using found = await openLmdbStore({ dir: copy });
        expect(await found.revision()).toBe(revision + 2);
        expect(await values(found)).toEqual(after);
        expect(await values(found, revision)).toEqual(before);
        await expect(found.get("/a", { revision: revision - 1 })).rejects.toThrow("compacted");
        expect(await found.get("/b")).toMatchObject({ createRevision: revision + 1, version: 1 });
      }
    } finally {
      vi.useRealTimers();
    }
  });

  it("finds nothing of a key that is dropped while another of its revision stays", async () => {
    const store = await openLmdbStore({ dir });
    await store.txn({ compare: [], then: [put("/a", "1"), put("/b", "1")] });
    const first = await store.revision();
    await store.txn({ compare: [], then: [put("/b", "2")] });
    expect(String(store.valueAt?.("/b", first))).toBe("1");
    await store.compact(first + 1);
    expect(store.valueAt?.("/b", first)).toBeUndefined();
    expect(String(store.valueAt?.("/a", first))).toBe("1");
    await store[Symbol.asyncDispose]();
  });

  it("opens a file whose records an older version named by key", async () => {
    const former = open<Buffer, [string, number]>({ path: join(dir, "store.lmdb"), encoding: "binary", maxDbs: 2 });
    const record = (createRevision: number, version: number, deleted: boolean, value: string): Buffer => {
      const head = Buffer.alloc(32);
      [createRevision, version, deleted ? 1 : 0, 0].forEach((figure, i) => head.writeDoubleLE(figure, 8 * i));
      return Buffer.concat([head, Buffer.from(value)]);
    };
    await former.put(["/a", 2], record(2, 1, false, "old"));
    await former.put(["/a", 5], record(2, 2, false, "new"));
    await former.put(["/b", 3], record(3, 1, false, "b"));
    await former.put(["/b", 6], record(3, 0, true, ""));
    await former.put(["/c", 5], record(5, 1, false, "c"));
    await former.close();
    for (let round = 0; round < 2; round++) {
      const store = await openLmdbStore({ dir });
      expect(await store.revision()).toBe(6);
      expect(await values(store)).toEqual({ "/a@5": "new", "/c@5": "c" });
      expect(await values(store, 4)).toEqual({ "/a@2": "old", "/b@3": "b" });
      expect(await store.get("/a")).toMatchObject({ createRevision: 2, modRevision: 5, version: 2 });
      await store[Symbol.asyncDispose]();
    }
  });
});
