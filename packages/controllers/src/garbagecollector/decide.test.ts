import { expect, test } from "vitest";
import { decide, type OwnerState } from "./decide.ts";

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
