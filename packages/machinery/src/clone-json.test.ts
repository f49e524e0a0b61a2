import fc from "fast-check";
import { expect, test } from "vitest";
import { cloneJson } from "./clone-json.ts";

test("copies any JSON value", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const value = JSON.parse(text) as unknown;
      const copy = cloneJson(value);
      expect(copy).toEqual(value);
      expect(JSON.stringify(copy)).toBe(JSON.stringify(value));
    }),
  );
});

test("shares nothing with the original", () => {
  const value = { list: [{ a: 1 }], map: { b: { c: "x" } }, none: null };
  const copy = cloneJson(value);
  (copy.list[0] as { a: number }).a = 2;
  copy.map.b.c = "y";
  expect(value).toEqual({ list: [{ a: 1 }], map: { b: { c: "x" } }, none: null });
});

test("keeps a field that is called __proto__", () => {
  const value = JSON.parse('{"data":{"__proto__":"text"}}') as { data: object };
  expect(JSON.stringify(cloneJson(value))).toBe('{"data":{"__proto__":"text"}}');
  expect(Object.getPrototypeOf(cloneJson(value).data)).toBe(Object.prototype);
});
