import { FakeClock } from "@knots/machinery";
import { describe, expect, it } from "vitest";
import { EmbeddedStore, type ValueLog } from "./embedded-store.ts";
import { MvccIndex } from "./mvcc.ts";

/** A log whose disk answers when, and in the order in which, the test says. */
class SlowLog implements ValueLog {
  readonly #values = new Map<string, Uint8Array>();
  readonly appends: { resolve(): void; reject(error: Error): void }[] = [];

  append({ changes }: Parameters<ValueLog["append"]>[0]): Promise<void> {
    for (const { key, version, value } of changes) {
      if (value !== undefined) this.#values.set(`${key}@${version.revision}`, value);
    }
    return new Promise((resolve, reject) => this.appends.push({ resolve, reject }));
  }

  read(key: string, revision: number): Uint8Array | undefined {
    return this.#values.get(`${key}@${revision}`);
  }

  drop(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function open() {
  const log = new SlowLog();
  const state = { index: new MvccIndex(), revision: 1, compactRevision: 0, leases: [] };
  const store = new EmbeddedStore(log, state, new FakeClock());
  const seen: number[] = [];
  store.watch("", { startRevision: 2, onEvents: (_events, revision) => seen.push(revision), onError: () => undefined });
  const put = (key: string) =>
    // oxlint-disable-next-line unicorn/no-thenable -- the store's word
    store.submit({ compare: [], then: [{ op: "put", key, value: Buffer.from(key) }] });
  return { log, store, seen, put };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("EmbeddedStore", () => {
  it("tells of changes in their order, in whichever the disk is done with them", async () => {
    const { log, seen, put } = open();
    const answered: string[] = [];
    const writes = ["a", "b", "c"].map((key) => put(key).durable.then(() => answered.push(key)));
    log.appends[2]?.resolve();
    await turn();
    log.appends[1]?.resolve();
    await turn();
    expect(seen).toEqual([]);
    expect(answered).toEqual([]);
    log.appends[0]?.resolve();
    await Promise.all(writes);
    await turn();
    expect(seen).toEqual([2, 3, 4]);
    expect(answered).toEqual(["a", "b", "c"]);
  });

  it("decides at once, on what is not durable yet", async () => {
    const { log, store, put } = open();
    const first = put("a");
    expect(first.result).toMatchObject({ succeeded: true, revision: 2 });
    const value = Buffer.from("next");
    const second = store.submit({
      compare: [{ key: "a", modRevision: 2 }],
      // oxlint-disable-next-line unicorn/no-thenable -- the store's word
      then: [{ op: "put", key: "a", value }],
    });
    expect(second.result).toMatchObject({ succeeded: true, revision: 3 });
    for (const append of log.appends) append.resolve();
    await Promise.all([first.durable, second.durable]);
  });

  it("acknowledges nothing after a write that failed", async () => {
    const { log, store, seen, put } = open();
    expect(store.health()).toBeUndefined();
    const writes = ["a", "b"].map((key) => put(key).durable);
    const settled = Promise.allSettled(writes);
    log.appends[1]?.resolve();
    log.appends[0]?.reject(new Error("the disk is full"));
    expect((await settled).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(seen).toEqual([]);
    expect(() => put("c")).toThrow("the disk is full");
    expect(store.health()).toBe("the disk is full");
  });
});
