import type { PersistentVolumeClaim, Pod } from "@knots/api/core/v1";
import { expect, test } from "vitest";
import { CLAIM_FINALIZER, claimsOf, protection, usesClaim } from "./use.ts";

const claim = (name: string, more: object = {}): PersistentVolumeClaim => ({
  metadata: { name, namespace: "ns", uid: name, ...more },
});
const pod = (nodeName?: string): Pod => ({
  metadata: { name: "p", namespace: "ns", uid: "pod" },
  spec: {
    containers: [],
    ...(nodeName === undefined ? {} : { nodeName }),
    volumes: [
      { name: "a", persistentVolumeClaim: { claimName: "data" } },
      { name: "b", ephemeral: { volumeClaimTemplate: { spec: {} } } },
      { name: "c", emptyDir: {} },
    ],
  },
});
const owner = { apiVersion: "v1", kind: "Pod", name: "p", uid: "pod", controller: true };

test("the claims a pod names", () => expect(claimsOf(pod())).toEqual(["ns/data", "ns/p-b"]));

test.each<[string, Pod, PersistentVolumeClaim, boolean]>([
  ["by name", pod("n"), claim("data"), true],
  ["without a node", pod(), claim("data"), false],
  ["an ephemeral volume's own", pod("n"), claim("p-b", { ownerReferences: [owner] }), true],
  ["one that only has the name of it", pod("n"), claim("p-b"), false],
  ["another", pod("n"), claim("other"), false],
])("uses %s", (_what, user, of, want) => expect(usesClaim(user, of)).toBe(want));

test.each<[string, PersistentVolumeClaim, boolean, string]>([
  ["unprotected", claim("a"), true, "add"],
  ["protected", claim("a", { finalizers: [CLAIM_FINALIZER] }), true, "keep"],
  ["going and used", claim("a", { finalizers: [CLAIM_FINALIZER], deletionTimestamp: "x" }), true, "keep"],
  ["going and unused", claim("a", { finalizers: [CLAIM_FINALIZER], deletionTimestamp: "x" }), false, "remove"],
  ["going, held by others only", claim("a", { finalizers: ["x/y"], deletionTimestamp: "x" }), false, "keep"],
])("%s", (_what, of, inUse, want) => expect(protection(of, CLAIM_FINALIZER, () => inUse)).toBe(want));
