import { describe, expect, test } from "vitest";
import { semanticEqual } from "./equality.ts";
import { OwnWrites } from "./own-writes.ts";
import { decideClaim } from "./ref-manager.ts";
import { slowStartBatch } from "./slow-start.ts";

describe("semanticEqual", () => {
  test.each([
    [{ a: 1, b: 2 }, { b: 2, a: 1 }, true],
    [{ args: [] }, {}, true],
    [{ labels: {} }, {}, true],
    [{ emptyDir: {} }, {}, false],
    [{ emptyDir: {} }, { emptyDir: { medium: "Memory" } }, false],
    [{ a: [1, 2] }, { a: [2, 1] }, false],
    [{ a: 0 }, {}, false],
  ])("%j and %j: %s", (a, b, want) => {
    expect(semanticEqual(a, b)).toBe(want);
    expect(semanticEqual(b, a)).toBe(want);
  });
});

describe("slowStartBatch", () => {
  test("doubles its batches", async () => {
    const batches: number[] = [];
    let running = 0;
    await slowStartBatch(10, async () => {
      running++;
      await Promise.resolve();
      if (running > 0) batches.push(running);
      running = 0;
    });
    expect(batches).toEqual([1, 2, 4, 3]);
  });

  test("stops after the batch in which a call failed", async () => {
    const called: number[] = [];
    const result = await slowStartBatch(100, async (i) => {
      called.push(i);
      if (i === 1) throw new Error("quota");
    });
    expect(called).toEqual([0, 1, 2]);
    expect(result).toEqual({ successes: 2, error: new Error("quota") });
  });
});

describe("decideClaim", () => {
  const owner = { metadata: { name: "rs", namespace: "ns", uid: "me" } };
  const ref = (uid: string) => ({
    ownerReferences: [{ apiVersion: "apps/v1", kind: "ReplicaSet", name: "rs", uid, controller: true }],
  });
  const object = (meta: object) => ({ metadata: { name: "p", namespace: "ns", ...meta } });
  const going = { deletionTimestamp: "2026-11-24T10:00:00Z" };
  const dying = { metadata: { ...owner.metadata, ...going } };

  test.each([
    ["its own, selected", object(ref("me")), owner, true, "keep"],
    ["its own, no longer selected", object(ref("me")), owner, false, "release"],
    ["another's", object(ref("other")), owner, true, "ignore"],
    ["an orphan, selected", object({}), owner, true, "adopt"],
    ["an orphan, not selected", object({}), owner, false, "ignore"],
    ["an orphan on its way out", object(going), owner, true, "ignore"],
    ["an orphan of another namespace", object({ namespace: "else" }), owner, true, "ignore"],
    ["an orphan, for a dying owner", object({}), dying, true, "ignore"],
    ["its own, for a dying owner that selects it no more", object(ref("me")), dying, false, "ignore"],
  ] as const)("%s", (_what, candidate, by, matches, want) => {
    expect(decideClaim(candidate, by, matches)).toBe(want);
  });
});

test("OwnWrites: stale until the cache has our version", () => {
  const writes = new OwnWrites();
  const at = (resourceVersion: string) => ({ metadata: { uid: "u", resourceVersion } });
  expect(writes.isStale(at("9"))).toBe(false);
  writes.note(at("10"));
  expect(writes.isStale(at("9"))).toBe(true);
  expect(writes.isStale(at("10"))).toBe(false);
  writes.note(at("20"));
  expect(writes.isStale(at("100"))).toBe(false);
});
