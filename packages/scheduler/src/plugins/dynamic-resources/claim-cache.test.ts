import type { ResourceClaim } from "@knots/api/resource/v1";
import { expect, it } from "vitest";
import { DRIVER, allocated } from "./allocator.testing.ts";
import { ClaimCache } from "./claim-cache.ts";

const A = `${DRIVER}/pool/a`;

function claim(resourceVersion: string, device?: string, uid = "u"): ResourceClaim {
  return {
    metadata: { namespace: "ns", name: "c", uid, resourceVersion },
    spec: {},
    ...(device === undefined ? {} : { status: { allocation: allocated(device) } }),
  };
}

it("counts a device from its choice on, and until the claim gives it back", () => {
  const cache = new ClaimCache();
  cache.observe(claim("1"));
  cache.reserve(claim("1", "a"));
  expect([cache.inUse.has(A), cache.isPending(claim("1"))]).toEqual([true, true]);
  cache.observe(claim("2"));
  expect(cache.inUse.has(A)).toBe(true);
  cache.confirm(claim("3", "a"));
  expect([cache.inUse.has(A), cache.isPending(claim("3"))]).toEqual([true, false]);
  // The informer still has the version before the write.
  expect(cache.get("ns", "c")?.metadata?.resourceVersion).toBe("3");
  cache.observe(claim("3", "a"));
  cache.observe(claim("4"));
  expect(cache.inUse.has(A)).toBe(false);
  expect(cache.get("ns", "c")?.metadata?.resourceVersion).toBe("4");
});

it("waits for nothing once the informer shows the allocation, though the API server has not answered yet", () => {
  const cache = new ClaimCache();
  cache.observe(claim("1"));
  cache.reserve(claim("1", "a"));
  cache.observe(claim("3", "a"));
  expect(cache.isPending(claim("3"))).toBe(false);
  cache.confirm(claim("3", "a"));
  cache.observe(claim("4"));
  expect(cache.inUse.has(A)).toBe(false);
});

it("frees what was not written", () => {
  const cache = new ClaimCache();
  cache.observe(claim("1"));
  cache.reserve(claim("1", "a"));
  cache.release(claim("1"));
  expect([cache.inUse.has(A), cache.isPending(claim("1"))]).toEqual([false, false]);
});

it("frees the devices of a claim that is gone, or was replaced", () => {
  const cache = new ClaimCache();
  cache.observe(claim("1", "a"));
  cache.forget(claim("1", "a"));
  expect([cache.inUse.has(A), cache.get("ns", "c")]).toEqual([false, undefined]);
  cache.observe(claim("2"));
  cache.reserve(claim("2", "a"));
  cache.observe(claim("5", undefined, "another"));
  expect(cache.inUse.has(A)).toBe(false);
});

it("does not take a late word of the API server for newer than the informer's", () => {
  const cache = new ClaimCache();
  cache.observe(claim("1"));
  cache.reserve(claim("1", "a"));
  cache.observe(claim("5"));
  cache.confirm(claim("3", "a"));
  expect(cache.inUse.has(A)).toBe(false);
});

/** A claim of pod "p"'s extended resources. */
function extended(resourceVersion: string, device?: string): ResourceClaim {
  const made = claim(resourceVersion, device);
  return {
    ...made,
    metadata: {
      ...made.metadata,
      annotations: { "resource.kubernetes.io/extended-resource-claim": "true" },
      ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "p", uid: "p-uid", controller: true }],
    },
  };
}

it("counts the device of a claim that is yet to be made, once", () => {
  const cache = new ClaimCache();
  cache.promise("p-uid", extended("", "a"));
  expect([cache.inUse.has(A), cache.ofPod("p-uid")]).toEqual([true, undefined]);
  cache.observe(extended("1"));
  expect([cache.inUse.has(A), cache.ofPod("p-uid")?.metadata?.resourceVersion]).toEqual([true, "1"]);
  cache.confirm(extended("2", "a"));
  cache.observe(extended("2", "a"));
  // The promise is kept: what is left is the claim itself.
  cache.breakPromise("p-uid");
  expect(cache.inUse.has(A)).toBe(true);
  cache.forget(extended("3", "a"));
  expect([cache.inUse.has(A), cache.ofPod("p-uid")]).toEqual([false, undefined]);
});

it("keeps the promise of a written claim until the informer has it", () => {
  const cache = new ClaimCache();
  cache.promise("p-uid", extended("", "a"));
  cache.confirm(extended("2", "a"));
  expect(cache.inUse.has(A)).toBe(true);
  cache.observe(extended("2", "a"));
  cache.observe(extended("3"));
  expect(cache.inUse.has(A)).toBe(false);
});

it("frees the device of a claim that is never made", () => {
  const cache = new ClaimCache();
  cache.promise("p-uid", extended("", "a"));
  cache.breakPromise("p-uid");
  cache.breakPromise("p-uid");
  expect(cache.inUse.has(A)).toBe(false);
});
