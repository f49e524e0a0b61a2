import type { KeyValue } from "@knots/store";
import { expect, test } from "vitest";
import { missedEvents } from "./missed-events.ts";
import { ResourceCache } from "./resource-cache.ts";
import { encodeStored } from "./stored-form.ts";

const PREFIX = "/registry/configmaps/";

function kv(name: string, createRevision: number, modRevision: number): KeyValue {
  const value = encodeStored({ kind: "ConfigMap", apiVersion: "v1", metadata: { name } });
  return { key: PREFIX + name, value, createRevision, modRevision, version: 1 };
}

test("leads from what a cache holds to what the store holds", () => {
  const cache = new ResourceCache(PREFIX);
  cache.load([], 1);
  for (const { key, createRevision, modRevision, value } of [
    kv("same", 2, 2),
    kv("changed", 3, 3),
    kv("gone", 4, 4),
    kv("anew", 5, 5),
  ]) {
    cache.put(key, modRevision, createRevision, value);
  }
  const found = [kv("same", 2, 2), kv("changed", 3, 9), kv("anew", 12, 14), kv("new", 10, 10)];
  const missed = missedEvents([cache], new Map(found.map((each) => [each.key, each])), 20);
  expect(
    missed.flatMap(({ revision, events }) =>
      events.map((event) => `${revision} ${event.type} ${event.kv.key.slice(PREFIX.length)}@${event.kv.modRevision}`),
    ),
  ).toEqual(["9 put changed@9", "10 put new@10", "11 delete anew@11", "14 put anew@14", "20 delete gone@20"]);
});
