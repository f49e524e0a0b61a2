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
    const kept = written.filter((object, i) => cache.get(`${PREFIX}a/n${i}`)?.object === object);
    expect(kept).toEqual(written.slice(-kept.length));
    expect(kept.length).toBeGreaterThan(500);
    expect(kept.length).toBeLessThan(2_500);
    expect(cache.get(`${PREFIX}a/n0`)?.object).toEqual(written[0]);
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
