import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FieldSchema, TypeSchema } from "../schema.ts";
import { StatusError } from "../status-error.ts";
import { strategicMergePatch } from "./strategic.ts";

const string: TypeSchema = { kind: "scalar", scalar: "string" };
const struct = (name: string, ...fields: FieldSchema[]): TypeSchema => ({
  kind: "struct",
  name,
  fields: new Map(fields.map((field) => [field.name, field])),
});
const list = (element: TypeSchema): TypeSchema => ({ kind: "list", element, listType: "atomic" });
const map: TypeSchema = { kind: "map", value: string };
const item = struct(
  "Item",
  { name: "name", type: string },
  { name: "value", type: string },
  { name: "tags", type: map },
);

const SCHEMA = struct(
  "Thing",
  { name: "text", type: string },
  { name: "labels", type: map },
  { name: "items", type: list(item), patchStrategy: ["merge"], patchMergeKey: "name" },
  { name: "finalizers", type: list(string), patchStrategy: ["merge"] },
  { name: "args", type: list(string) },
  {
    name: "strategy",
    type: struct("Strategy", { name: "type", type: string }, { name: "options", type: map }),
    patchStrategy: ["retainKeys"],
  },
  { name: "replaced", type: map, patchStrategy: ["replace"] },
);
const patched = (document: object, patch: object): unknown => strategicMergePatch(document, patch, SCHEMA);

const A = { name: "a", value: "1" };
const B = { name: "b", value: "2" };
const C = { name: "c", value: "3" };

describe("strategicMergePatch", () => {
  it.each<[string, object, object, object]>([
    [
      "sets and takes away",
      { text: "x", labels: { a: "1", b: "2" } },
      { text: null, labels: { a: null, c: "3" } },
      { labels: { b: "2", c: "3" } },
    ],
    ["replaces lists without a strategy", { args: ["a"] }, { args: ["b", "c"] }, { args: ["b", "c"] }],
    [
      "merges items by their key",
      { items: [A, B] },
      { items: [{ name: "b", value: "9" }, C] },
      { items: [A, { name: "b", value: "9" }, C] },
    ],
    ["deletes an item", { items: [A, B] }, { items: [{ name: "a", $patch: "delete" }] }, { items: [B] }],
    [
      "deletes all items of a key, and merges into the first",
      { items: [A, B, A, B] },
      {
        items: [
          { name: "a", $patch: "delete" },
          { name: "a", value: "5" },
          { name: "b", value: "6" },
          { name: "a", tags: {} },
        ],
      },
      { items: [{ name: "b", value: "6" }, B, { name: "a", value: "5", tags: {} }] },
    ],
    ["replaces a list", { items: [A, B] }, { items: [C, { $patch: "replace" }] }, { items: [C] }],
    ["replaces an object", { labels: { a: "1" } }, { labels: { b: "2", $patch: "replace" } }, { labels: { b: "2" } }],
    ["empties an object", { labels: { a: "1" } }, { labels: { $patch: "delete" } }, { labels: {} }],
    [
      "adds to a list of texts",
      { finalizers: ["a", "b"] },
      { finalizers: ["b", "c"] },
      { finalizers: ["a", "b", "c"] },
    ],
    [
      "takes from a list of texts",
      { finalizers: ["a", "b"] },
      { "$deleteFromPrimitiveList/finalizers": ["a"] },
      { finalizers: ["b"] },
    ],
    [
      "retains keys",
      { strategy: { type: "a", options: { x: "1" } } },
      { strategy: { type: "b", $retainKeys: ["type"] } },
      { strategy: { type: "b" } },
    ],
    [
      "orders items",
      { items: [A, B, C] },
      { "$setElementOrder/items": [{ name: "c" }, { name: "a" }, { name: "b" }] },
      { items: [C, A, B] },
    ],
    [
      "orders what it merges",
      { items: [A, C] },
      { "$setElementOrder/items": [{ name: "b" }, { name: "a" }, { name: "c" }], items: [B] },
      { items: [B, A, C] },
    ],
    ["replaces by strategy", { replaced: { a: "1" } }, { replaced: { b: "2" } }, { replaced: { b: "2" } }],
    [
      "keeps __proto__ a key",
      {},
      JSON.parse('{"labels":{"__proto__":"x"}}') as object,
      JSON.parse('{"labels":{"__proto__":"x"}}') as object,
    ],
  ])("%s", (_what, document, patch, expected) => {
    const before = JSON.stringify([document, patch]);
    expect(JSON.stringify(patched(document, patch))).toBe(JSON.stringify(expected));
    expect(JSON.stringify([document, patch])).toBe(before);
  });

  it.each<[object, number, string]>([
    [{ items: [{ value: "1" }] }, 500, "map: map[value:1] does not contain declared merge key: name"],
    [{ items: ["a"] }, 400, "items of the list items must be objects with the key name"],
    [{ labels: { $patch: "unknown" } }, 500, "unknown patch type: unknown in map: map[$patch:unknown]"],
    [{ labels: { $patch: "merge" } }, 500, "unknown patch type: merge in map: map[$patch:merge]"],
    [{ items: [{ $patch: "merge" }] }, 500, "merging lists cannot yet be specified in the patch"],
    [{ items: [{ $patch: "x", name: "a" }] }, 500, "unknown patch type: x in map: map[$patch:x name:a]"],
    [{ strategy: { type: "b", $retainKeys: "type" } }, 400, "invalid patch format of retainKeys"],
    [{ strategy: { type: "b", $retainKeys: ["options"] } }, 400, "invalid patch format of retainKeys"],
    [{ "$setElementOrder/items": "a" }, 500, "expected a []interface {}, but received a string"],
    [
      { "$setElementOrder/items": [{ value: "1" }], items: [B] },
      500,
      "map: map[value:1] does not contain declared merge key: name",
    ],
    [
      { "$setElementOrder/items": [{ name: "a" }, { name: "b" }], items: [{ name: "b" }, { name: "a" }] },
      500,
      "The order in patch list:\n[map[name:b] map[name:a]]\n doesn't match $setElementOrder list:\n[map[name:a] map[name:b]]\n",
    ],
    [
      { "$setElementOrder/items": [{ name: "a" }], items: [{ name: "c" }] },
      500,
      "The order in patch list:\n[map[name:c]]\n doesn't match $setElementOrder list:\n[map[name:a]]\n",
    ],
    [
      { "$setElementOrder/finalizers": ["a", "b"], finalizers: ["b", "a"] },
      500,
      "The order in patch list:\n[b a]\n doesn't match $setElementOrder list:\n[a b]\n",
    ],
  ])("refuses %j", (patch, code, message) => {
    expect(() => patched({ items: [A], labels: {}, finalizers: ["a"] }, patch)).toThrow(
      expect.objectContaining({ code, message }),
    );
  });

  it.each<object>([
    { "$deleteFromPrimitiveList/finalizers": "a" },
    { "$setElementOrder/items": [], items: [A] },
    { "$setElementOrder/items": [{ name: "a" }], items: [{ name: "z", $patch: "delete" }, A] },
  ])("takes %j", (patch) => {
    const before = { items: [A], finalizers: ["a"] };
    expect(patched(before, patch)).toEqual(before);
  });

  const name = fc.constantFrom("a", "b", "c");
  const text = fc.constantFrom("1", "2");
  const labels = fc.dictionary(name, text);
  const items = fc.uniqueArray(fc.record({ name, value: text, tags: labels }, { requiredKeys: ["name"] }), {
    selector: (each) => each.name,
    maxLength: 3,
  });
  const finalizers = fc.uniqueArray(name, { maxLength: 3 });
  const thing = fc.record(
    { text, labels, items, finalizers, args: fc.array(name, { maxLength: 3 }) },
    { requiredKeys: [] },
  );

  it("once is as good as twice", () => {
    fc.assert(
      fc.property(thing, thing, (document, patch) => {
        const once = patched(document, patch) as object;
        expect(patched(once, patch)).toEqual(once);
      }),
    );
  });

  it("of a document on itself changes nothing, and of nothing neither", () => {
    fc.assert(
      fc.property(thing, (document) => {
        expect(patched(document, document)).toEqual(document);
        expect(patched(document, {})).toEqual(document);
      }),
    );
  });

  it("holds what the patch says, and what it does not speak of", () => {
    fc.assert(
      fc.property(thing, thing, (document, patch) => {
        const result = patched(document, patch) as typeof document;
        if (patch.text !== undefined) expect(result.text).toBe(patch.text);
        if (patch.args !== undefined) expect(result.args).toEqual(patch.args);
        expect(result.labels ?? {}).toEqual({ ...document.labels, ...patch.labels });
        for (const each of patch.items ?? [])
          expect(result.items?.find((found) => found.name === each.name)).toMatchObject(each);
        for (const each of [...(document.finalizers ?? []), ...(patch.finalizers ?? [])])
          expect(result.finalizers).toContain(each);
        for (const each of document.items ?? [])
          expect(result.items?.some((found) => found.name === each.name)).toBe(true);
      }),
    );
  });

  it("makes one document of another by a patch with the order and directives", () => {
    fc.assert(
      fc.property(items, items, (before, after) => {
        const gone = before.filter((each) => !after.some((other) => other.name === each.name));
        const patch = {
          "$setElementOrder/items": after.map((each) => ({ name: each.name })),
          items: [...after, ...gone.map((each) => ({ name: each.name, $patch: "delete" }))],
        };
        const result = patched({ items: before }, patch) as { items: { name: string }[] };
        expect(result.items.map((each) => each.name)).toEqual(after.map((each) => each.name));
      }),
    );
  });

  it("survives any patch", () => {
    const key = fc.oneof(
      fc.constantFrom(
        "items",
        "labels",
        "finalizers",
        "strategy",
        "$patch",
        "$retainKeys",
        "$setElementOrder/items",
        "$deleteFromPrimitiveList/finalizers",
        "__proto__",
        "name",
      ),
      fc.string(),
    );
    const any = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: "small" },
        fc.constantFrom<unknown>(null, 1, "a", "delete", "replace", "merge"),
        fc.array(tie("value"), { maxLength: 3 }),
        fc.dictionary(key, tie("value"), { maxKeys: 3 }),
      ),
    })).value;
    fc.assert(
      fc.property(thing, fc.dictionary(key, any, { maxKeys: 3 }), (document, patch) => {
        try {
          patched(document, patch);
        } catch (error) {
          if (!(error instanceof StatusError) || ![400, 500].includes(error.code)) throw error;
        }
        expect(Object.keys(Object.prototype)).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });
});
