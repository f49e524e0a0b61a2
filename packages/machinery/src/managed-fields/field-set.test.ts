import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EMPTY_SET, FieldSet, fieldPath } from "./field-set.ts";
import { decodeFields, encodeFields } from "./fields-v1.ts";
import {
  comparePathElements,
  fieldElement,
  formatPath,
  keyElement,
  parsePathElement,
  valueElement,
} from "./path-element.ts";
import type { Path } from "./path-element.ts";

const element = fc.oneof(
  fc.constantFrom("a", "b", "c").map(fieldElement),
  fc.constantFrom("x", "y").map((name) => keyElement({ name })),
  fc
    .tuple(fc.constantFrom(80, 81), fc.constantFrom("TCP", "UDP"))
    .map(([port, protocol]) => keyElement({ port, protocol })),
  fc.oneof(fc.string(), fc.integer(), fc.boolean()).map(valueElement),
);
const path: fc.Arbitrary<Path> = fc.array(element, { minLength: 1, maxLength: 3 });
const paths = fc.array(path, { maxLength: 8 });

/** A set as what it is: the texts of its paths. */
const model = (set: FieldSet): Set<string> => new Set(Array.from(set.paths(), formatPath));
const textsOf = (of: readonly Path[]): Set<string> => new Set(of.map(formatPath));

describe("FieldSet", () => {
  it("holds its paths and no others", () => {
    fc.assert(
      fc.property(paths, path, (members, other) => {
        const set = FieldSet.of(...members);
        expect(model(set)).toEqual(textsOf(members));
        expect(set.size).toBe(textsOf(members).size);
        expect(set.has(other)).toBe(textsOf(members).has(formatPath(other)));
      }),
    );
  });

  it("does what sets do", () => {
    fc.assert(
      fc.property(paths, paths, (left, right) => {
        const a = FieldSet.of(...left);
        const b = FieldSet.of(...right);
        expect(model(a.union(b))).toEqual(model(a).union(model(b)));
        expect(model(a.intersection(b))).toEqual(model(a).intersection(model(b)));
        expect(model(a.difference(b))).toEqual(model(a).difference(model(b)));
        expect(a.union(b).equals(b.union(a))).toBe(true);
        expect(a.difference(b).union(a.intersection(b)).equals(a)).toBe(true);
        expect(a.difference(a).isEmpty).toBe(true);
        expect(model(a)).toEqual(textsOf(left));
      }),
    );
  });

  it("takes away what lies below, too, when asked", () => {
    fc.assert(
      fc.property(paths, paths, (left, right) => {
        const kept = left.filter((each) => !right.some((prefix) => prefix.every((step, i) => each[i] === step)));
        expect(model(FieldSet.of(...left).recursiveDifference(FieldSet.of(...right)))).toEqual(textsOf(kept));
      }),
    );
  });

  it("knows its leaves", () => {
    const set = FieldSet.of(fieldPath("a"), fieldPath("a", "b"), fieldPath("c"));
    expect([...model(set.leaves())]).toEqual([".c", ".a.b"]);
  });

  it("has no empty branches", () => {
    const set = FieldSet.of(fieldPath("a", "b", "c"));
    expect(set.difference(set).equals(EMPTY_SET)).toBe(true);
    expect(set.difference(set).children.size).toBe(0);
  });
});

describe("FieldsV1", () => {
  it("goes both ways", () => {
    fc.assert(
      fc.property(paths, (members) => {
        const set = FieldSet.of(...members);
        const text = JSON.stringify(encodeFields(set));
        const back = decodeFields(JSON.parse(text));
        expect(back.equals(set)).toBe(true);
        expect(JSON.stringify(encodeFields(back))).toBe(text);
      }),
    );
  });

  it("is written as upstream writes it", () => {
    const set = FieldSet.of(
      ["f:list", valueElement("a")],
      ["f:list", valueElement(1)],
      ["f:list", valueElement(true)],
      ["f:containers", keyElement({ name: "b" })],
      ["f:containers", keyElement({ name: "a" })],
      ["f:containers", keyElement({ name: "a" }), "f:image"],
      ["f:ports", keyElement({ protocol: "TCP", containerPort: 80 })],
      ["f:ports", keyElement({ protocol: "TCP", containerPort: 9 })],
      ["f:b"],
      ["f:a"],
    );
    expect(JSON.stringify(encodeFields(set))).toBe(
      '{"f:a":{},"f:b":{},"f:containers":{"k:{\\"name\\":\\"a\\"}":{".":{},"f:image":{}},"k:{\\"name\\":\\"b\\"}":{}},' +
        '"f:list":{"v:1":{},"v:\\"a\\"":{},"v:true":{}},' +
        '"f:ports":{"k:{\\"containerPort\\":9,\\"protocol\\":\\"TCP\\"}":{},"k:{\\"containerPort\\":80,\\"protocol\\":\\"TCP\\"}":{}}}',
    );
  });

  it("reads keys in any order and skips steps it does not know", () => {
    const set = decodeFields({ 'k:{"protocol":"TCP","port":80}': {}, "q:new": { "f:a": {} } });
    expect(Array.from(set.paths(), formatPath)).toEqual(['[port=80,protocol="TCP"]']);
  });

  it.each([
    ["", "key must be 2 characters long"],
    ["fa:", "missing colon"],
    ["k:[]", "not a set of keys"],
    ["k:{", "JSON"],
    ["v:x", "JSON"],
    ["i:x", "not an index"],
  ])("refuses the step %j", (step, message) => {
    expect(() => parsePathElement(step)).toThrow(message);
    expect(() => decodeFields({ [step]: {} })).toThrow(message);
  });
});

describe("the order of steps", () => {
  it("is total", () => {
    fc.assert(
      fc.property(element, element, element, (a, b, c) => {
        expect(Math.sign(comparePathElements(a, b))).toBe(-Math.sign(comparePathElements(b, a)) || 0);
        if (comparePathElements(a, b) <= 0 && comparePathElements(b, c) <= 0) {
          expect(comparePathElements(a, c)).toBeLessThanOrEqual(0);
        }
      }),
    );
  });

  it("is the names' own for lists by name, whatever stands in them", () => {
    const key = (name: string) => keyElement({ name });
    const names = ["a", "a!", "a-b", "b", 'a"b', "a\\b", "é", ""];
    expect(names.map(key).sort(comparePathElements)).toEqual(names.toSorted().map(key));
  });
});
