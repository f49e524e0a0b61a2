import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeClock } from "@knots/machinery";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  CompactedError,
  FutureRevisionError,
  openLmdbStore,
  openMemoryStore,
  type Store,
  type StoreEvent,
} from "./index.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined): string => new TextDecoder().decode(value);

async function put(store: Store, key: string, value: string, modRevision?: number, lease?: number): Promise<number> {
  const result = await store.txn({
    compare: modRevision === undefined ? [] : [{ key, modRevision }],
    then: [{ op: "put", key, value: bytes(value), ...(lease === undefined ? {} : { lease }) }],
  });
  expect(result.succeeded).toBe(true);
  return result.revision;
}

/** Collects what a watcher is told; `until` resolves once it has heard of `n` events. */
function collect(
  store: Store,
  prefix: string,
  startRevision: number,
): { events: string[]; errors: Error[]; until(n: number): Promise<void>; stop(): void } {
  const events: string[] = [];
  const errors: Error[] = [];
  const waiters: { n: number; resolve: () => void }[] = [];
  const watch = store.watch(prefix, {
    startRevision,
    onEvents: (batch: StoreEvent[]) => {
      for (const event of batch)
        events.push(`${event.type} ${event.kv.key}=${text(event.kv.value)}@${event.kv.modRevision}`);
      for (const waiter of waiters) if (events.length >= waiter.n) waiter.resolve();
    },
    onError: (error) => {
      errors.push(error);
      for (const waiter of waiters) waiter.resolve();
    },
  });
  return {
    events,
    errors,
    until: (n) => (events.length >= n ? Promise.resolve() : new Promise((resolve) => waiters.push({ n, resolve }))),
    stop: () => watch[Symbol.dispose](),
  };
}

const engines = ["memory", "lmdb"] as const;

describe.each(engines)("store %s", (engine) => {
  let dir: string;
  let clock: FakeClock;
  let store: Store;
  const reopen = async (): Promise<Store> =>
    engine === "memory" ? openMemoryStore({ clock }) : await openLmdbStore({ dir, clock });

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), "knots-store-"));
    clock = new FakeClock();
    store = await reopen();
  });
  afterEach(async () => {
    await store[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true, force: true });
  });

  test("counts one revision for the whole store", async () => {
    const first = await put(store, "/a", "1");
    const second = await put(store, "/b", "1");
    expect(second).toBe(first + 1);
    expect(await store.revision()).toBe(second);
    expect(await store.get("/a")).toMatchObject({ key: "/a", createRevision: first, modRevision: first, version: 1 });
  });

  test("gives the revision to a value that asks for it", async () => {
    const result = await store.txn({
      compare: [],
      then: [{ op: "put", key: "/a", value: (revision) => bytes(`r${revision}`) }],
    });
    expect(text((await store.get("/a"))?.value)).toBe(`r${result.revision}`);
  });

  test("changes a key only as it was compared", async () => {
    const first = await put(store, "/a", "1", 0);
    const refused = await store.txn({
      compare: [{ key: "/a", modRevision: 0 }],
      then: [{ op: "put", key: "/a", value: bytes("2") }],
    });
    expect(refused.succeeded).toBe(false);
    expect(refused.kvs[0]?.modRevision).toBe(first);
    expect(text(refused.kvs[0]?.value)).toBe("1");
    await put(store, "/a", "2", first);
    expect(await store.get("/a")).toMatchObject({ version: 2, createRevision: first });
  });

  test("lets only one of several at once win", async () => {
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        store.txn({
          compare: [{ key: "/lock", modRevision: 0 }],
          then: [{ op: "put", key: "/lock", value: bytes(String(i)) }],
        }),
      ),
    );
    expect(results.filter((result) => result.succeeded)).toHaveLength(1);
    expect(text((await store.get("/lock"))?.value)).toBe("0");
  });

  test("pages through a prefix in order, at one revision", async () => {
    for (const key of ["/p/c", "/p/a", "/q/x", "/p/b"]) await put(store, key, key);
    const page = await store.range("/p/", { limit: 2 });
    expect(page.kvs.map((kv) => kv.key)).toEqual(["/p/a", "/p/b"]);
    expect(page).toMatchObject({ more: true, count: 3 });
    await put(store, "/p/bb", "later");
    const next = await store.range("/p/", { start: "/p/b", revision: page.revision });
    expect(next.kvs.map((kv) => kv.key)).toEqual(["/p/c"]);
    expect(next.more).toBe(false);
    expect((await store.range("/p/", { countOnly: true })).count).toBe(4);
  });

  test("reads the past until it is compacted", async () => {
    const first = await put(store, "/a", "1");
    const second = await put(store, "/a", "2");
    await store.txn({ compare: [], then: [{ op: "delete", key: "/a" }] });
    expect(text((await store.get("/a", { revision: first }))?.value)).toBe("1");
    expect(await store.get("/a")).toBeUndefined();
    await store.compact(second);
    await expect(store.get("/a", { revision: first })).rejects.toThrow(CompactedError);
    expect(text((await store.get("/a", { revision: second }))?.value)).toBe("2");
    await expect(store.range("/", { revision: 1_000 })).rejects.toThrow(FutureRevisionError);
  });

  test("tells a watcher everything from a past revision on, once and in order", async () => {
    const first = await put(store, "/w/a", "1");
    await put(store, "/other", "x");
    const second = await put(store, "/w/a", "2");
    const watch = collect(store, "/w/", first);
    const third = (await store.txn({ compare: [], then: [{ op: "delete", key: "/w/a" }] })).revision;
    await watch.until(3);
    expect(watch.events).toEqual([`put /w/a=1@${first}`, `put /w/a=2@${second}`, `delete /w/a=@${third}`]);
    watch.stop();
    await put(store, "/w/b", "3");
    expect(watch.events).toHaveLength(3);
  });

  test("repeats nothing to a watcher that begins while a write is under way", async () => {
    const writing = put(store, "/w/a", "1");
    const watch = collect(store, "/w/", 1);
    await writing;
    await put(store, "/w/b", "2");
    await watch.until(2);
    expect(watch.events.map((event) => event.split("@")[0])).toEqual(["put /w/a=1", "put /w/b=2"]);
    watch.stop();
  });

  test("ends a watch of the compacted past with an error, and a failing watcher alone", async () => {
    await put(store, "/a", "1");
    await store.compact(await put(store, "/a", "2"));
    const late = collect(store, "/", 1);
    await late.until(1);
    expect(late.errors[0]).toBeInstanceOf(CompactedError);
    let failed: Error | undefined;
    store.watch("/", {
      startRevision: (await store.revision()) + 1,
      onEvents: () => {
        throw new Error("watcher broke");
      },
      onError: (error) => (failed = error),
    });
    const good = collect(store, "/", (await store.revision()) + 1);
    await put(store, "/a", "3");
    await good.until(1);
    expect(good.events).toHaveLength(1);
    expect(failed?.message).toBe("watcher broke");
  });

  test("deletes what a lease held when its time is over, and nothing written again since", async () => {
    const lease = await store.grantLease(60);
    await put(store, "/leased", "1", 0, lease);
    const kept = await put(store, "/kept", "1", 0, lease);
    await put(store, "/kept", "2", kept);
    await clock.advance(30_000);
    expect(await store.get("/leased")).toBeDefined();
    const watch = collect(store, "/leased", (await store.revision()) + 1);
    await clock.advance(60_000);
    await watch.until(1);
    expect(await store.get("/leased")).toBeUndefined();
    expect(await store.get("/kept")).toBeDefined();
  });

  if (engine === "lmdb") {
    test("is the same after it was closed and opened", async () => {
      const lease = await store.grantLease(60);
      await put(store, "/leased", "1", 0, lease);
      const first = await put(store, "/a", "1");
      await put(store, "/a", "2");
      await store.txn({ compare: [], then: [{ op: "delete", key: "/a" }] });
      const last = await put(store, "/b", "1");
      await store[Symbol.asyncDispose]();
      store = await reopen();
      expect(await store.revision()).toBe(last);
      expect(text((await store.get("/a", { revision: first }))?.value)).toBe("1");
      expect(await store.get("/a")).toBeUndefined();
      expect(await put(store, "/c", "1")).toBe(last + 1);
      const watch = collect(store, "/leased", (await store.revision()) + 1);
      await clock.advance(120_000);
      await watch.until(1);
      expect(await store.get("/leased")).toBeUndefined();
    });
  }
});
