import { describe, expect, it } from "vitest";
import { Entry } from "./entry.ts";
import { ResourceCache } from "./resource-cache.ts";
import { encodeStored } from "./stored-form.ts";
import { Watcher } from "./watcher.ts";

const PREFIX = "/registry/configmaps/";

function bytes(name: string, revision: number, labels: Record<string, string> = {}): Uint8Array {
  return encodeStored({
    kind: "ConfigMap",
    apiVersion: "v1",
    metadata: { name, resourceVersion: String(revision), labels },
  });
}

function fill(): ResourceCache {
  const cache = new ResourceCache(PREFIX);
  cache.load([], 1);
  cache.put(`${PREFIX}b/x`, 2, 2, bytes("x", 2));
  cache.put(`${PREFIX}a/y`, 3, 3, bytes("y", 3));
  cache.put(`${PREFIX}a/x`, 4, 4, bytes("x", 4));
  return cache;
}

const names = (entries: Iterable<Entry>): string[] =>
  Array.from(entries, (entry) => `${entry.key.slice(PREFIX.length)}@${entry.revision}`);

describe("ResourceCache", () => {
  it("lists in key order, by prefix and from a key on", () => {
    const cache = fill();
    expect(names(cache.scan(PREFIX))).toEqual(["a/x@4", "a/y@3", "b/x@2"]);
    expect(names(cache.scan(`${PREFIX}a/`))).toEqual(["a/x@4", "a/y@3"]);
    expect(names(cache.scan(PREFIX, `${PREFIX}a/x`))).toEqual(["a/y@3", "b/x@2"]);
  });

  it("keeps decoded only what was written last", () => {
    const cache = new ResourceCache(PREFIX);
    cache.load([], 1);
    const written = Array.from({ length: 5_000 }, (_, i) => {
      const object = { kind: "ConfigMap", apiVersion: "v1", metadata: { name: `n${i}` } };
      const encoded = encodeStored(object);
      Entry.written(`${PREFIX}a/n${i}`, i + 2, i + 2, encoded, object);
      cache.put(`${PREFIX}a/n${i}`, i + 2, i + 2, encoded);
      return object;
    });
    const decoded = (i: number): boolean => cache.get(`${PREFIX}a/n${i}`)?.object === written[i];
    for (let i = written.length - 1; i >= written.length - 1_000; i--) expect(decoded(i)).toBe(true);
    expect(decoded(0)).toBe(false);
    expect(cache.get(`${PREFIX}a/n0`)?.object).toEqual(written[0]);
  });

  describe("with a store that has values at hand", () => {
    const stored = new Map<string, Uint8Array>();
    let reads = 0;
    const read = (key: string, revision: number): Uint8Array | undefined => {
      reads++;
      return stored.get(`${key}@${revision}`);
    };
    const x = `${PREFIX}a/x`;
    function write(cache: ResourceCache, key: string, revision: number, labels = {}): void {
      const value = bytes(key.slice(PREFIX.length), revision, labels);
      stored.set(`${key}@${revision}`, value);
      cache.put(key, revision, 2, value);
    }
    const told = (cache: ResourceCache, revision: number): string[] => {
      const seen: string[] = [];
      const filter = { trigger: `key:${x.slice(PREFIX.length)}`, matches: ({ key }: Entry) => key === x };
      const send = (type: string, { object, bytes: raw }: Entry): void => {
        expect(JSON.parse(Buffer.from(raw).toString())).toEqual(object);
        seen.push(`${type} ${object.metadata?.labels?.["n"]} @${object.metadata?.resourceVersion}`);
      };
      new Watcher(cache, filter, { send }, revision)[Symbol.dispose]();
      return seen;
    };

    it("leaves states that ended to the store, and still lists and watches from them", () => {
      stored.clear();
      const cache = new ResourceCache(PREFIX, { read });
      cache.load([], 1);
      for (let i = 2; i < 10; i++) write(cache, x, i, { n: `v${i}` });
      cache.delete(x, 10);
      for (let i = 11; i < 1000; i++) write(cache, `${PREFIX}b/y`, i);
      reads = 0;
      expect(told(cache, 6)).toEqual([7, 8, 9].map((i) => `MODIFIED v${i} @${i}`).concat("DELETED v9 @10"));
      expect(reads).toBeGreaterThan(3);
      const [then] = cache.scanAt(8, PREFIX);
      expect(then?.object).toMatchObject({ metadata: { resourceVersion: "8", labels: { n: "v8" } } });
      reads = 0;
      expect(cache.get(`${PREFIX}b/y`)?.object.metadata?.resourceVersion).toBe("999");
      expect(told(cache, 990)).toEqual([]);
      expect(reads).toBe(0);
    });

    it("says that a state is too old when the store has dropped it meanwhile", () => {
      stored.clear();
      const cache = new ResourceCache(PREFIX, { read });
      cache.load([], 1);
      write(cache, x, 2);
      const [first] = cache.scan(PREFIX);
      for (let i = 3; i < 1000; i++) write(cache, x, i);
      stored.delete(`${x}@2`);
      expect(() => first?.bytes).toThrow(expect.objectContaining({ status: expect.objectContaining({ code: 410 }) }));
    });

    it("leaves current states to it where they are seldom read", () => {
      stored.clear();
      const cache = new ResourceCache(PREFIX, { read, seldomRead: true });
      cache.load([], 1);
      write(cache, x, 2, { n: "first" });
      for (let i = 3; i < 1000; i++) write(cache, `${PREFIX}b/${i}`, i);
      reads = 0;
      expect(cache.get(x)?.labels).toEqual({ n: "first" });
      expect(cache.get(x)?.bytes).toEqual(cache.get(x)?.bytes);
      expect(reads).toBe(3);
      cache.delete(x, 1000);
      expect(told(cache, 999)).toEqual(["DELETED first @1000"]);
    });
  });

  it("reconstructs an older state", () => {
    const cache = fill();
    cache.delete(`${PREFIX}a/y`, 5);
    cache.put(`${PREFIX}b/x`, 6, 2, bytes("x", 6));
    cache.put(`${PREFIX}c/z`, 7, 7, bytes("z", 7));
    cache.delete(`${PREFIX}a/x`, 8);
    expect(names(cache.scanAt(4, PREFIX))).toEqual(["a/x@4", "a/y@3", "b/x@2"]);
    expect(names(cache.scanAt(6, PREFIX))).toEqual(["a/x@4", "b/x@6"]);
    expect(names(cache.scanAt(4, PREFIX, `${PREFIX}a/x`))).toEqual(["a/y@3", "b/x@2"]);
    expect(names(cache.scan(PREFIX))).toEqual(["b/x@6", "c/z@7"]);
  });

  it("forgets history on compaction and says so", () => {
    const cache = fill();
    cache.compact(3);
    expect(cache.historyStart).toBe(3);
    expect(cache.eventsSince(3).map(({ revision }) => revision)).toEqual([4]);
  });

  it("ignores what it has seen already", () => {
    const cache = fill();
    cache.put(`${PREFIX}a/x`, 4, 4, bytes("x", 4));
    cache.delete(`${PREFIX}a/x`, 3);
    expect(cache.eventsSince(0)).toHaveLength(3);
  });
});

describe("Watcher", () => {
  const watch = (cache: ResourceCache, trigger: string, matches: (entry: Entry) => boolean, from: number): string[] => {
    const seen: string[] = [];
    new Watcher(
      cache,
      { trigger, matches },
      {
        send: (type, entry) =>
          seen.push(`${type} ${entry.object.metadata?.name ?? ""}@${entry.object.metadata?.resourceVersion ?? ""}`),
      },
      from,
    );
    return seen;
  };

  it("turns selector transitions into ADDED and DELETED", () => {
    const cache = fill();
    const seen = watch(cache, "", (entry) => entry.object.metadata?.labels?.app === "web", 4);
    cache.put(`${PREFIX}a/x`, 5, 4, bytes("x", 5, { app: "web" }));
    cache.put(`${PREFIX}a/x`, 6, 4, bytes("x", 6, { app: "web", more: "" }));
    cache.put(`${PREFIX}a/x`, 7, 4, bytes("x", 7));
    cache.put(`${PREFIX}a/x`, 8, 4, bytes("x", 8));
    expect(seen).toEqual(["ADDED x@5", "MODIFIED x@6", "DELETED x@7"]);
  });

  it("replays from a revision and gives deletions their own revision", () => {
    const cache = fill();
    cache.delete(`${PREFIX}a/y`, 5);
    expect(watch(cache, "", () => true, 3)).toEqual(["ADDED x@4", "DELETED y@5"]);
  });

  it("sees only its own namespace or key", () => {
    const cache = fill();
    const inB = watch(cache, "ns:b", (entry) => entry.key.startsWith(`${PREFIX}b/`), 4);
    const one = watch(cache, "key:a/x", (entry) => entry.key === `${PREFIX}a/x`, 4);
    cache.put(`${PREFIX}b/x`, 5, 2, bytes("x", 5));
    cache.put(`${PREFIX}a/x`, 6, 4, bytes("x", 6));
    expect(inB).toEqual(["MODIFIED x@5"]);
    expect(one).toEqual(["MODIFIED x@6"]);
  });
});
