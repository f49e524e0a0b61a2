import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonPatch, jsonPatchInTurns } from "./json.ts";

const refused = (code: number): unknown => expect.objectContaining({ code });
const NESTED = { q: { bar: 2 } };

describe("jsonPatch", () => {
  // RFC 6902, appendix A.
  it.each([
    [
      "A.1 adding an object member",
      { foo: "bar" },
      [{ op: "add", path: "/baz", value: "qux" }],
      { baz: "qux", foo: "bar" },
    ],
    [
      "A.2 adding an array element",
      { foo: ["bar", "baz"] },
      [{ op: "add", path: "/foo/1", value: "qux" }],
      { foo: ["bar", "qux", "baz"] },
    ],
    ["A.3 removing an object member", { baz: "qux", foo: "bar" }, [{ op: "remove", path: "/baz" }], { foo: "bar" }],
    [
      "A.4 removing an array element",
      { foo: ["bar", "qux", "baz"] },
      [{ op: "remove", path: "/foo/1" }],
      { foo: ["bar", "baz"] },
    ],
    [
      "A.5 replacing a value",
      { baz: "qux", foo: "bar" },
      [{ op: "replace", path: "/baz", value: "boo" }],
      { baz: "boo", foo: "bar" },
    ],
    [
      "A.6 moving a value",
      { foo: { bar: "baz", waldo: "fred" }, qux: { corge: "grault" } },
      [{ op: "move", from: "/foo/waldo", path: "/qux/thud" }],
      { foo: { bar: "baz" }, qux: { corge: "grault", thud: "fred" } },
    ],
    [
      "A.7 moving an array element",
      { foo: ["all", "grass", "cows", "eat"] },
      [{ op: "move", from: "/foo/1", path: "/foo/3" }],
      { foo: ["all", "cows", "eat", "grass"] },
    ],
    [
      "A.8 testing a value",
      { baz: "qux", foo: ["a", 2, "c"] },
      [
        { op: "test", path: "/baz", value: "qux" },
        { op: "test", path: "/foo/1", value: 2 },
      ],
      { baz: "qux", foo: ["a", 2, "c"] },
    ],
    [
      "A.10 adding a nested object",
      { foo: "bar" },
      [{ op: "add", path: "/child", value: { grandchild: {} } }],
      { foo: "bar", child: { grandchild: {} } },
    ],
    [
      "A.11 ignoring unrecognized elements",
      { foo: "bar" },
      [{ op: "add", path: "/baz", value: "qux", xyz: 123 }],
      { foo: "bar", baz: "qux" },
    ],
    ["A.14 escaping with ~", { "/": 9, "~1": 10 }, [{ op: "test", path: "/~01", value: 10 }], { "/": 9, "~1": 10 }],
    [
      "A.16 adding an array value",
      { foo: ["bar"] },
      [{ op: "add", path: "/foo/-", value: ["abc", "def"] }],
      { foo: ["bar", ["abc", "def"]] },
    ],
    ["the whole document", { a: 1 }, [{ op: "replace", path: "", value: [1] }], [1]],
    ["an empty name", { "": 1 }, [{ op: "replace", path: "/", value: 2 }], { "": 2 }],
    ["nothing", { a: 1 }, [], { a: 1 }],
    [
      "what is null",
      { a: null },
      [
        { op: "test", path: "/a", value: null },
        { op: "remove", path: "/a" },
      ],
      {},
    ],
    ["an index from the end", { a: [1, 2] }, [{ op: "replace", path: "/a/-1", value: 3 }], { a: [1, 3] }],
    [
      "a copy that is apart",
      NESTED,
      [
        { op: "copy", from: "/q", path: "/r" },
        { op: "add", path: "/r/bar", value: 1 },
      ],
      { q: { bar: 2 }, r: { bar: 1 } },
    ],
    [
      "constructor",
      { data: {} },
      [{ op: "add", path: "/data/constructor", value: "x" }],
      { data: { constructor: "x" } },
    ],
  ])("%s", (_what, document, operations, expected) => {
    const before = JSON.stringify(document);
    expect(jsonPatch<unknown>(document, operations)).toEqual(expected);
    expect(JSON.stringify(document)).toBe(before);
  });

  it.each<[string, object, unknown[]]>([
    ["A.9 a test that fails", { baz: "qux" }, [{ op: "test", path: "/baz", value: "bar" }]],
    ["A.12 adding to a target that does not exist", { foo: "bar" }, [{ op: "add", path: "/baz/bat", value: "qux" }]],
    ["A.15 strings and numbers", { "/": 9, "~1": 10 }, [{ op: "test", path: "/~01", value: "10" }]],
    ["removing nothing", { a: 1 }, [{ op: "remove", path: "/missing" }]],
    ["replacing nothing", { a: 1 }, [{ op: "replace", path: "/missing", value: 1 }]],
    ["copying nothing", { a: 1 }, [{ op: "copy", from: "/missing", path: "/b" }]],
    ["a position past the end", { a: [1] }, [{ op: "add", path: "/a/2", value: 1 }]],
    ["a position with a leading zero", { a: [1, 2] }, [{ op: "replace", path: "/a/01", value: 1 }]],
    ["no position", { a: [1] }, [{ op: "add", path: "/a/x", value: 1 }]],
    ["a place in a text", { a: "b" }, [{ op: "add", path: "/a/0", value: 1 }]],
    ["moving into itself", { a: { b: 1 } }, [{ op: "move", from: "/a", path: "/a/b/c" }]],
    ["an unknown operation", {}, [{ op: "jump", path: "/a" }]],
    ["no path", {}, [{ op: "add", value: 1 }]],
    ["a path that is no text", {}, [{ op: "add", path: 1, value: 1 }]],
    ["a path without a slash", {}, [{ op: "add", path: "a", value: 1 }]],
    ["what every object has", {}, [{ op: "replace", path: "/constructor", value: 1 }]],
    ["a part of what every object has", {}, [{ op: "add", path: "/__proto__/x", value: 1 }]],
  ])("answers 422 to %s", (_what, document, operations) => {
    expect(() => jsonPatch(document, operations as object[])).toThrow(
      expect.objectContaining({
        code: 422,
        reason: "Invalid",
        message: "the server rejected our request due to an error in our request",
      }),
    );
  });

  it.each([[{ op: "add", path: "/a" }], [[null]], [["add"]]])("answers 400 to what is no patch: %j", (operations) => {
    expect(() => jsonPatch({ a: 1 }, operations as unknown as object[])).toThrow(refused(400));
  });

  it("takes __proto__ for a name like any other", () => {
    const patched = jsonPatch({}, [{ op: "add", path: "/__proto__", value: { x: 1 } }]);
    expect(Object.keys(patched)).toEqual(["__proto__"]);
    expect(JSON.stringify(patched)).toBe('{"__proto__":{"x":1}}');
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
  });

  it("does not let copies double a document for ever", () => {
    const double = Array.from({ length: 60 }, (_each, i) => ({ op: "copy", from: "/a", path: `/a/${i}` }));
    expect(() => jsonPatch({ a: { x: "y".repeat(100) } }, double)).toThrow(refused(422));
  });

  const json = fc.jsonValue({ maxDepth: 3 });
  const pointer = fc
    .array(fc.constantFrom("a", "b", "0", "1", "-", "~0", "~1", "__proto__", "constructor", ""), { maxLength: 3 })
    .map((tokens) => tokens.map((token) => `/${token}`).join(""));
  const operation = fc.record(
    {
      op: fc.constantFrom("add", "remove", "replace", "move", "copy", "test"),
      path: pointer,
      from: pointer,
      value: json,
    },
    { requiredKeys: ["op", "path"] },
  );

  it("applies, or says what is wrong, and never changes its input", () => {
    fc.assert(
      fc.property(json, fc.array(operation, { maxLength: 4 }), (document, operations) => {
        const before = JSON.stringify([document, operations]);
        try {
          const patched = jsonPatch(document, operations);
          // Nothing but JSON comes out, and none of it is shared.
          expect(JSON.stringify(patched)).toBe(JSON.stringify(structuredClone(patched)));
        } catch (error) {
          expect(error).toMatchObject({ code: 422 });
        }
        expect(JSON.stringify([document, operations])).toBe(before);
        expect(Object.keys(Object.prototype)).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });

  it("undoes an addition by a removal, and a move by the move back", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), json), fc.string(), json, (document, name, value) => {
        fc.pre(!Object.hasOwn(document, name));
        const path = `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
        const added = jsonPatch(document, [{ op: "add", path, value }]);
        expect(
          jsonPatch(added, [
            { op: "test", path, value },
            { op: "remove", path },
          ]),
        ).toEqual(document);
      }),
    );
  });
});

it("can be left after every operation", () => {
  const operations = Array.from({ length: 50 }, (_, i) => ({ op: "add", path: "/list/0", value: i }));
  const work = jsonPatchInTurns({ list: [] }, operations);
  let pauses = 0;
  let next = work.next();
  for (; next.done !== true; next = work.next()) pauses++;
  expect(pauses).toBe(50);
  expect(next.value).toEqual(jsonPatch({ list: [] }, operations));
});
