import * as fc from "fast-check";
import { expect, it } from "vitest";
import { findDuplicateFields } from "./duplicate-fields.ts";

it.each([
  ['{"a":1,"a":2}', ["a"]],
  ['{"a":{"b":1,"c":[{"d":1,"d":2}]}}', ["a.c[0].d"]],
  ['{"a":[{"b":1},{"b":1,"b":2}]}', ["a[1].b"]],
  ['{"a":"}{\\"a\\":1","b":1}', []],
  ['{"\\u0061":1,"a":2}', ["a"]],
  ['{"a":1,"a":2,"a":3}', ["a"]],
  ['{"a":"x","b":{"a":1}}', []],
])("finds the duplicates of %s", (json, expected) => {
  expect(findDuplicateFields(json)).toEqual(expected);
});

it("finds none in what JSON.stringify writes", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => findDuplicateFields(JSON.stringify(value)).length === 0));
});
