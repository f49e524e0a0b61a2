import { FakeClock, nullLogger } from "@knots/machinery";
import { openMemoryStore } from "@knots/store";
import type { Store } from "@knots/store";
import { describe, expect, it } from "vitest";
import { Cacher } from "../watch-cache/cacher.ts";
import { Committer } from "./committer.ts";
import type { StoredObject } from "./metadata.ts";

const PREFIX = "/registry/configmaps/";
const KEY = `${PREFIX}default/a`;
const state = (value: string): StoredObject & { data: { value: string } } => ({
  kind: "ConfigMap",
  apiVersion: "v1",
  metadata: { namespace: "default", name: "a" },
  data: { value },
});

/** A committer on a store whose disk is as slow as the test wants: `flush` ends, or fails, what is under way. */
async function world() {
  const memory = openMemoryStore();
  const waiting: { resolve(): void; reject(error: Error): void }[] = [];
  const store = Object.assign(Object.create(memory) as Store, {
    watch: memory.watch.bind(memory),
    range: memory.range.bind(memory),
    submit(txn: Parameters<Store["txn"]>[0]) {
      const { result, durable } = memory.submit?.(txn) ?? expect.fail("the memory store decides by itself");
      if (!result.succeeded) return { result, durable };
      const flushed = new Promise<void>((resolve, reject) => waiting.push({ resolve, reject }));
      return { result, durable: flushed.then(() => durable) };
    },
  });
  const cacher = new Cacher(store, nullLogger);
  const cache = cacher.add(PREFIX);
  await cacher.start();
  const flush = (error?: Error): void => {
    for (const write of waiting.splice(0)) {
      if (error === undefined) write.resolve();
      else write.reject(error);
    }
  };
  return { committer: new Committer(store, cacher, new FakeClock()), cache, flush };
}

describe("Committer", () => {
  it("lets the next writer start from what is decided, and answers when it is durable", async () => {
    const { committer, flush } = await world();
    const log: string[] = [];
    const first = committer
      .put(KEY, state("1"), { modRevision: 0 }, { decided: () => log.push("decided 1") })
      .then((entry) => (log.push("answered 1"), entry));
    const ahead = committer.current(KEY);
    expect(ahead?.object).toMatchObject({ data: { value: "1" } });
    expect(ahead?.object.metadata?.resourceVersion).toBe(String(ahead?.revision));
    const second = committer
      .put(KEY, state("2"), { modRevision: ahead?.revision ?? -1, createRevision: ahead?.createRevision ?? -1 })
      .then((entry) => (log.push("answered 2"), entry));
    const seen = committer.seen(KEY, committer.current(KEY) ?? expect.fail("nothing is ahead")).then(() => {
      log.push("seen 2");
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(log).toEqual(["decided 1"]);
    flush();
    const [one, two] = await Promise.all([first, second, seen]);
    expect(log.toSorted()).toEqual(["answered 1", "answered 2", "decided 1", "seen 2"]);
    expect(one?.object).toMatchObject({ data: { value: "1" } });
    expect(two?.createRevision).toBe(one?.revision);
    expect(committer.current(KEY)).toBeUndefined();
  });

  it("gives readers the very entry that was answered", async () => {
    const { committer, cache, flush } = await world();
    const put = committer.put(KEY, state("1"), { modRevision: 0 });
    flush();
    const answered = await put;
    expect(cache.get(KEY)).toBe(answered);
    expect(JSON.parse(Buffer.from(cache.get(KEY)?.bytes ?? []).toString())).toEqual(cache.get(KEY)?.object);
  });

  it("says no to who starts from an older state", async () => {
    const { committer, flush } = await world();
    const first = committer.put(KEY, state("1"), { modRevision: 0 });
    const late = committer.put(KEY, state("late"), { modRevision: 0 });
    flush();
    expect(await first).toBeDefined();
    expect(await late).toBeUndefined();
  });

  it("answers no writer whose state, or whose basis, was lost", async () => {
    const { committer, flush } = await world();
    const first = committer.put(KEY, state("1"), { modRevision: 0 });
    const ahead = committer.current(KEY);
    const second = committer.put(KEY, state("2"), { modRevision: ahead?.revision ?? -1 });
    const both = Promise.allSettled([first, second]);
    flush(new Error("the disk is full"));
    expect((await both).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(committer.current(KEY)).toBeUndefined();
  });
});
