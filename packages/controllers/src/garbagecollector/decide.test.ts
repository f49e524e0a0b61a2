import { expect, test } from "vitest";
import { decide, type OwnerState } from "./decide.ts";
import { graphNode, isMeant } from "./graph.ts";

const plain = { finalizers: [], hasDependents: false, dependentsWait: false };
const owners = (...states: OwnerState[]): Parameters<typeof decide>[0] =>
  states.map((state, i) => ({ reference: { apiVersion: "v1", kind: "Pod", name: `o${i}`, uid: `u${i}` }, state }));

test.each<[OwnerState[], object, object]>([
  [[], {}, { action: "keep" }],
  [["solid", "solid"], {}, { action: "keep" }],
  [["absent"], {}, { action: "delete", policy: "Background" }],
  [["absent", "absent"], { finalizers: ["orphan"] }, { action: "delete", policy: "Orphan" }],
  [["absent"], { finalizers: ["foregroundDeletion"] }, { action: "delete", policy: "Foreground" }],
  [["waiting"], {}, { action: "delete", policy: "Background" }],
  [["waiting", "absent"], { hasDependents: true }, { action: "delete", policy: "Foreground" }],
  [
    ["waiting"],
    { hasDependents: true, dependentsWait: true },
    { action: "delete", policy: "Foreground", unblock: true },
  ],
])("owners %j of %j", (states, object, expected) => {
  expect(decide(owners(...states), { ...plain, ...object })).toEqual(expected);
});

test("an owner that stays keeps the object; the others are taken off", () => {
  const decision = decide(owners("solid", "absent", "waiting"), plain);
  expect(decision).toMatchObject({ action: "release", owners: [{ uid: "u1" }, { uid: "u2" }] });
});

test.each<[string, Partial<Record<"name" | "kind" | "apiVersion", string>>, string, boolean]>([
  ["in the same namespace", {}, "ns", true],
  ["from another namespace", {}, "other", false],
  ["of the whole cluster", {}, "", false],
  ["under another name", { name: "p" }, "ns", false],
  ["of another kind", { kind: "StatefulSet" }, "ns", false],
  ["of another group", { apiVersion: "example.com/v1" }, "ns", false],
  ["of another version", { apiVersion: "apps/v1beta2" }, "ns", true],
])("a reference %s", (_name, more, namespace, expected) => {
  const type = {
    group: "apps",
    version: "v1",
    resource: "replicasets",
    kind: "ReplicaSet",
    namespaced: true,
    verbs: [],
  };
  const found = graphNode(type, { metadata: { name: "o", namespace: "ns", uid: "u" } });
  const owner = { apiVersion: "apps/v1", kind: "ReplicaSet", name: "o", uid: "u", ...more };
  expect(isMeant(owner, namespace, found)).toBe(expected);
});

test("an owner of the whole cluster is meant from everywhere", () => {
  const type = { group: "", version: "v1", resource: "nodes", kind: "Node", namespaced: false, verbs: [] };
  const found = graphNode(type, { metadata: { name: "n", uid: "u" } });
  expect(isMeant({ apiVersion: "v1", kind: "Node", name: "n", uid: "u" }, "ns", found)).toBe(true);
});
