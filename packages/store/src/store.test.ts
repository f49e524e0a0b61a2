import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeClock } from "@knots/machinery";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openEtcdStore } from "./etcd/etcd-store.ts";
import { ETCD_INSTALLED, TestEtcd } from "./etcd/test-etcd.testing.ts";
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

const engines = ["memory", "lmdb", "etcd"] as const;

if (!ETCD_INSTALLED) {
  // oxlint-disable-next-line no-console -- nobody should believe that this engine was tested
  console.warn("etcd is not on this machine: the store's tests run without it (Debian: apt-get install etcd-server)");
}

describe.each(engines.filter((engine) => engine !== "etcd" || ETCD_INSTALLED))("store %s", (engine) => {
  let dir: string;
  let clock: FakeClock;
  let store: Store;
  let etcd: TestEtcd | undefined;
  const reopen = async (): Promise<Store> => {
    if (etcd !== undefined) return openEtcdStore({ endpoints: [etcd.endpoint] });
    return engine === "memory" ? openMemoryStore({ clock }) : await openLmdbStore({ dir, clock });
  };
  /** A lease that is over when `pass` has resolved: etcd counts in real seconds, from its own least one on. */
  const leases = {
    grant: () => store.grantLease(engine === "etcd" ? 1 : 60),
    pass: () => (engine === "etcd" ? Promise.resolve() : clock.advance(90_000)),
  };

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), "knots-store-"));
    clock = new FakeClock();
    etcd = engine === "etcd" ? await TestEtcd.start() : undefined;
    store = await reopen();
  });
  afterEach(async () => {
    await store[Symbol.asyncDispose]();
    await etcd?.[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true, force: true });
  });

  test("counts one revision for the whole store", async () => {
    const first = await put(store, "/a", "1");
    const second = await put(store, "/b", "1");
    expect(second).toBe(first + 1);
    expect(await store.revision()).toBe(second);
    expect(await store.get("/a")).toMatchObject({ key: "/a", createRevision: first, modRevision: first, version: 1 });
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
    const winner = results.findIndex((result) => result.succeeded);
    expect(text((await store.get("/lock"))?.value)).toBe(String(winner));
    for (const result of results) if (!result.succeeded) expect(text(result.kvs[0]?.value)).toBe(String(winner));
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
    const startRevision = (await store.revision()) + 1;
    const failed = new Promise<Error>((resolve) => {
      store.watch("/", {
        startRevision,
        onEvents: () => {
          throw new Error("watcher broke");
        },
        onError: resolve,
      });
    });
    const good = collect(store, "/", (await store.revision()) + 1);
    await put(store, "/a", "3");
    await good.until(1);
    expect(good.events).toHaveLength(1);
    expect((await failed).message).toBe("watcher broke");
  });

  test("deletes what a lease held when its time is over, and nothing written again since", async () => {
    const lease = await leases.grant();
    await put(store, "/leased", "1", 0, lease);
    const kept = await put(store, "/kept", "1", 0, lease);
    await put(store, "/kept", "2", kept);
    expect(await store.get("/leased")).toBeDefined();
    const watch = collect(store, "/leased", (await store.revision()) + 1);
    await leases.pass();
    await watch.until(1);
    expect(await store.get("/leased")).toBeUndefined();
    expect(await store.get("/kept")).toBeDefined();
  });

  test("keeps what a lease holds until it is revoked", async () => {
    const lease = await store.grantLease(60);
    const put1 = await put(store, "/leased", "1", 0, lease);
    const watch = collect(store, "/leased", put1 + 1);
    await clock.advance(30_000);
    expect(await store.get("/leased")).toBeDefined();
    await store.revokeLease(lease);
    await watch.until(1);
    expect(watch.events[0]).toContain("delete /leased");
  });

  test("tells of the state before, where it is asked to", async () => {
    const first = await put(store, "/a", "1");
    const before: (string | undefined)[] = [];
    const done = new Promise<void>((resolve, reject) => {
      store.watch("/a", {
        startRevision: first,
        previous: true,
        onEvents: (batch) => {
          for (const { prev } of batch) before.push(prev === undefined ? undefined : text(prev.value));
          if (before.length === 3) resolve();
        },
        onError: reject,
      });
    });
    await put(store, "/a", "2");
    await store.txn({ compare: [], then: [{ op: "delete", key: "/a" }] });
    await done;
    expect(before).toEqual([undefined, "1", "2"]);
  });

  test("says of revisions without own events that they passed", async () => {
    const start = await store.revision();
    const passed: number[] = [];
    let other = Number.POSITIVE_INFINITY;
    const done = new Promise<void>((resolve, reject) => {
      store.watch("/own/", {
        startRevision: start + 1,
        onEvents: () => reject(new Error("nothing was written under /own/")),
        onProgress: (revision) => {
          passed.push(revision);
          if (revision >= other) resolve();
        },
        onError: reject,
      });
    });
    await put(store, "/other/a", "1");
    other = start + 2;
    await put(store, "/other/b", "1");
    await done;
    expect(passed).toEqual([start + 1, start + 2]);
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
