// The small modules that read and write parts of objects.
import { describe, expect, it } from "vitest";
import { getCondition, setCondition } from "./conditions.ts";
import { canonicalJson, fnv32a, podTemplateHash, safeEncode } from "./hash.ts";
import { isPercentage, scaledValue } from "./int-or-string.ts";
import { namespacedName, splitKey } from "./object.ts";
import { getControllerOf, isControlledBy, newControllerRef } from "./owner-refs.ts";
import * as machinery from "./index.ts";

describe("keys", () => {
  it("go both ways", () => {
    for (const key of ["default/web", "node-1"]) {
      const { namespace, name } = splitKey(key);
      expect(namespacedName({ metadata: { namespace, name } })).toBe(key);
    }
  });
});

describe("conditions", () => {
  const old = { type: "Ready", status: "True", lastTransitionTime: "then", reason: "A" };

  it("keep their time while their status stays", () => {
    const next = setCondition([old], { type: "Ready", status: "True", reason: "B", lastTransitionTime: "x" }, "now");
    expect(next).toEqual([{ type: "Ready", status: "True", reason: "B", lastTransitionTime: "then" }]);
    expect(old.reason).toBe("A");
  });

  it("take the new time when it changes, and when they are new", () => {
    expect(setCondition([old], { type: "Ready", status: "False" } as typeof old, "now")[0]?.lastTransitionTime).toBe(
      "now",
    );
    const made = setCondition<typeof old>(undefined, { ...old, type: "Other" }, "now");
    expect(getCondition(made, "Other")?.lastTransitionTime).toBe("now");
    expect(getCondition(made, "Ready")).toBeUndefined();
  });
});

describe("owner references", () => {
  const owner = { metadata: { name: "web", uid: "u1" } };
  const reference = newControllerRef(owner, { group: "apps", version: "v1", kind: "ReplicaSet" });
  const plain = { apiVersion: "v1", kind: "ConfigMap", name: "x", uid: "u0" };

  it("tell the controller from other owners", () => {
    expect(reference).toEqual({
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      name: "web",
      uid: "u1",
      controller: true,
      blockOwnerDeletion: true,
    });
    const pod = { metadata: { ownerReferences: [plain, reference] } };
    expect(getControllerOf(pod)).toBe(reference);
    expect(isControlledBy(pod, owner)).toBe(true);
    expect(isControlledBy(pod, { metadata: { uid: "u2" } })).toBe(false);
    expect(getControllerOf({ metadata: { ownerReferences: [plain] } })).toBeUndefined();
    expect(isControlledBy({}, {})).toBe(false);
  });
});

describe("hashes", () => {
  it("are FNV-1a's", () => {
    expect(fnv32a("")).toBe(0x811c9dc5);
    expect(fnv32a("a")).toBe(0xe40c292c);
    expect(fnv32a("foobar")).toBe(0xbf9cf968);
  });

  it("are written without vowels", () => {
    expect(safeEncode("0123456789")).toBe("456789bcdf");
    expect(safeEncode("3244498891")).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]{10}$/);
  });

  it("depend on values, not on the order of keys or on undefined", () => {
    expect(canonicalJson({ b: 1, a: [{ d: null, c: "x" }], e: undefined })).toBe('{"a":[{"c":"x","d":null}],"b":1}');
    expect(podTemplateHash({ a: 1, b: 2 })).toBe(podTemplateHash({ b: 2, a: 1, c: undefined }));
    expect(podTemplateHash({ a: 1 })).not.toBe(podTemplateHash({ a: 2 }));
    expect(podTemplateHash({ a: 1 }, 1)).not.toBe(podTemplateHash({ a: 1 }));
    expect(podTemplateHash({ a: 1 }, 1)).not.toBe(podTemplateHash({ a: 1 }, 2));
  });
});

describe("numbers or percentages", () => {
  it("round as told", () => {
    expect(scaledValue(3, 10, true)).toBe(3);
    expect(scaledValue("25%", 10, true)).toBe(3);
    expect(scaledValue("25%", 10, false)).toBe(2);
    expect(isPercentage("25%")).toBe(true);
    expect(isPercentage("25")).toBe(false);
    expect(() => scaledValue("x", 10, true)).toThrow(RangeError);
  });
});

it("the root loads no certificates", () => {
  expect(machinery).not.toHaveProperty("newCA");
  expect(machinery).toHaveProperty("strategicMergePatch");
});
