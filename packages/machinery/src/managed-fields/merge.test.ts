import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FieldSet, fieldPath } from "./field-set.ts";
import { merge } from "./merge.ts";
import { formatPath } from "./path-element.ts";
import { reconcileWithSchema } from "./reconcile.ts";
import { removeFields } from "./remove.ts";
import { deduced, list, number, objectValue, schema, string, struct, typing } from "./schema.testing.ts";
import { toFieldSet, withNamedFields } from "./to-field-set.ts";
import type { TypeSchema } from "../schema.ts";

const of = (type: TypeSchema) => ({ schema: struct({ list: type }), untyped: "atomic" as const });
const merged = (type: TypeSchema, live: unknown[], partial: unknown[]): unknown =>
  (merge({ list: live }, { list: partial }, of(type)) as { list: unknown }).list;

describe("merging lists", () => {
  const set = list("set", string);
  // As structured-merge-diff's merge tests have them.
  it.each([
    [["a", "b", "c"], ["d"], ["a", "b", "c", "d"]],
    [
      ["a", "b"],
      ["b", "a"],
      ["b", "a"],
    ],
    [
      ["a", "b", "c"],
      ["c", "a"],
      ["b", "c", "a"],
    ],
    [
      ["a", "b", "c"],
      ["b", "d"],
      ["a", "b", "c", "d"],
    ],
    [
      ["a", "c"],
      ["a", "b", "c"],
      ["a", "b", "c"],
    ],
    [[], ["a"], ["a"]],
    [["a"], [], ["a"]],
    [
      ["a", "b", "c", "d"],
      ["d", "e", "a"],
      ["b", "c", "d", "e", "a"],
    ],
  ])("sets: %j with %j is %j", (live, partial, result) => {
    expect(merged(set, live, partial)).toEqual(result);
  });

  it("merges items by their keys, with defaults of keys", () => {
    const ports = list(
      "map",
      struct({ port: number, protocol: { name: "protocol", type: string, default: "TCP" }, title: string }),
      "port",
      "protocol",
    );
    const live = [
      { port: 80, protocol: "TCP", title: "x" },
      { port: 80, protocol: "UDP" },
    ];
    expect(merged(ports, live, [{ port: 80, title: "y" }, { port: 81 }])).toEqual([
      { port: 80, protocol: "TCP", title: "y" },
      { port: 80, protocol: "UDP" },
      { port: 81 },
    ]);
  });

  it("keeps duplicates that live has, replaces them when one is applied", () => {
    const named = list("map", struct({ name: string, value: number }), "name");
    const live = [
      { name: "a", value: 1 },
      { name: "a", value: 2 },
    ];
    expect(merged(named, live, [{ name: "b" }])).toEqual([...live, { name: "b" }]);
    expect(merged(named, live, [{ name: "a", value: 3 }])).toEqual([{ name: "a", value: 3 }]);
  });

  it("replaces atomic ones", () => {
    expect(merged(list("atomic", string), ["a", "b"], ["c"])).toEqual(["c"]);
  });
});

describe("merge", () => {
  it("keeps what only live has, whatever else", () => {
    fc.assert(
      fc.property(objectValue, objectValue, (live, partial) => {
        for (const how of [typing, deduced]) {
          const before = structuredClone({ live, partial });
          const result = merge(live, partial, how);
          expect({ live, partial }).toEqual(before);
          const mine = toFieldSet(partial, how);
          const lost = toFieldSet(live, how)
            .recursiveDifference(mine.leaves())
            .difference(withNamedFields(toFieldSet(result, how), how));
          expect(Array.from(lost.paths(), formatPath)).toEqual([]);
          expect(merge(result, partial, how)).toEqual(result);
        }
      }),
    );
  });

  it("of a value with itself is that value", () => {
    fc.assert(
      fc.property(objectValue, (object) => {
        expect(merge(object, object, typing)).toEqual(object);
      }),
    );
  });

  it("tells null and empty from absent where nothing is there yet", () => {
    const type = { schema: struct({ spec: schema }), untyped: "atomic" as const };
    expect(merge({}, { spec: {} }, type)).toEqual({ spec: {} });
    expect(merge({ spec: {} }, { spec: null }, type)).toEqual({ spec: null });
    expect(merge({ spec: { kind: "a" } }, { spec: null }, type)).toEqual({ spec: { kind: "a" } });
  });
});

describe("removeFields", () => {
  it("of everything leaves containers alone", () => {
    fc.assert(
      fc.property(objectValue, (object) => {
        const rest = removeFields(object, toFieldSet(object, typing), typing);
        expect(Array.from(toFieldSet(rest, typing).paths(), formatPath).filter((path) => path.includes("["))).toEqual(
          [],
        );
      }),
    );
  });

  it("leaves an empty container where somebody may own it", () => {
    const fields = FieldSet.of(fieldPath("spec", "nested", "m", "k"));
    const object = { spec: { nested: { m: { k: "v" } } } };
    expect(removeFields(object, fields, typing)).toEqual({ spec: { nested: { m: {} } } });
    expect(object.spec.nested.m).toEqual({ k: "v" });
  });
});

it("merges and reconciles long lists by looking at each item a few times", () => {
  const schema = struct({ list: list("map", struct({ name: string, value: struct({ x: string }) }), "name") });
  const typing = { schema, untyped: "deduced" as const };
  let looked = 0;
  const items = Array.from({ length: 500 }, (_, i) => ({
    get name() {
      looked++;
      return `n${i}`;
    },
    value: { x: "y" },
  }));
  const backwards = items.toReversed();
  expect((merge({ list: items }, { list: backwards }, typing) as { list: unknown[] }).list).toHaveLength(500);
  const set = toFieldSet({ list: backwards }, typing);
  expect(reconcileWithSchema(set, { list: items }, typing)).toBe(set);
  expect(looked).toBeLessThan(20 * items.length);
});
