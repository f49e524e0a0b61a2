import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonPatch } from "./json.ts";
import { mergePatch } from "./merge.ts";

describe("jsonPatch", () => {
  it("applies operations to a copy", () => {
    const document = { a: [1, 2], b: { "x/y": 1 } };
    const patched = jsonPatch(document, [
      { op: "test", path: "/a/0", value: 1 },
      { op: "add", path: "/a/-", value: 3 },
      { op: "remove", path: "/b/x~1y" },
      { op: "copy", from: "/a", path: "/c" },
    ]);
    expect(patched).toEqual({ a: [1, 2, 3], b: {}, c: [1, 2, 3] });
    expect(document).toEqual({ a: [1, 2], b: { "x/y": 1 } });
  });

  it.each([
    [[{ op: "test", path: "/a", value: 2 }]],
    [[{ op: "remove", path: "/missing" }]],
    [[{ op: "replace", path: "/missing", value: 1 }]],
    [[{ op: "add", path: "/missing/b", value: 1 }]],
  ])("answers 422 to what does not apply: %j", (operations) => {
    expect(() => jsonPatch({ a: 1 }, operations)).toThrow(
      expect.objectContaining({
        code: 422,
        reason: "Invalid",
        message: "the server rejected our request due to an error in our request",
      }),
    );
  });

  it.each([
    [{ op: "add", path: "/a" }],
    [[{ op: "jump", path: "/a" }]],
    [[null]],
    [[{ op: "add", path: 1, value: 1 }]],
  ])("answers 400 to what is no patch: %j", (operations) => {
    expect(() => jsonPatch({ a: 1 }, operations as object[])).toThrow(expect.objectContaining({ code: 400 }));
  });

  it("does not reach prototypes", () => {
    for (const path of ["/__proto__/x", "/constructor/prototype/x"])
      expect(() => jsonPatch({}, [{ op: "add", path, value: 1 }])).toThrow(expect.objectContaining({ code: 400 }));
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
  });
});

describe("mergePatch", () => {
  // The examples of RFC 7386, appendix A.
  it.each([
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [
      ["a", "b"],
      ["c", "d"],
      ["c", "d"],
    ],
    [{ a: "b" }, ["c"], ["c"]],
    [{ a: "foo" }, null, null],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: "b", c: null }, { a: "b" }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])("%j with %j is %j", (document, patch, expected) => {
    expect(mergePatch(document, patch)).toEqual(expected);
  });

  const json = fc.jsonValue({ maxDepth: 3 });

  it("changes neither side, and once is as good as twice", () => {
    fc.assert(
      fc.property(json, json, (document, patch) => {
        const before = JSON.stringify([document, patch]);
        const once = mergePatch(document, patch);
        expect(JSON.stringify([document, patch])).toBe(before);
        expect(mergePatch(once, patch)).toEqual(once);
      }),
    );
  });

  it("takes __proto__ for a key like any other", () => {
    const merged = mergePatch({}, JSON.parse('{"__proto__": {"x": 1}}')) as object;
    expect(Object.keys(merged)).toEqual(["__proto__"]);
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
  });
});
