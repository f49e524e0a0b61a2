import { expect, it } from "vitest";
import {
  duplicate,
  FieldPath,
  forbidden,
  formatFieldError,
  invalid,
  VerbatimValue,
  notFound,
  notSupported,
  required,
  tooLong,
  tooMany,
  typeInvalid,
} from "./field-path.ts";

const path = FieldPath.root("spec").child("containers").index(0).child("env").key("A").child("x", "y");

it("spells paths", () => {
  expect(path.toString()).toBe("spec.containers[0].env[A].x.y");
});

it.each([
  [required(path, ""), "Required value"],
  [required(path, "must be set"), "Required value: must be set"],
  [invalid(path, 'a"b', "no"), String.raw`Invalid value: "a\"b": no`],
  [invalid(path, 3, "no"), "Invalid value: 3: no"],
  [invalid(path, undefined, "no"), 'Invalid value: "null": no'],
  [invalid(path, { a: 1 }, "no"), 'Invalid value: {"a":1}: no'],
  [typeInvalid(path, "x", "must be a number"), 'Invalid value: "x": must be a number'],
  [notSupported(path, "c", ["a", "b"]), 'Unsupported value: "c": supported values: "a", "b"'],
  [forbidden(path, "may not"), "Forbidden: may not"],
  [duplicate(path, "a"), 'Duplicate value: "a"'],
  [notFound(path, "a"), 'Not found: "a"'],
  [tooLong(path, "aaaa", 3), "Too long: may not be more than 3 bytes"],
  [tooMany(path, 5, 1), "Too many: 5: must have at most 1 item"],
  [tooMany(path, -1, 2), "Too many: must have at most 2 items"],
])("says what is wrong: %#", (error, text) => {
  expect(formatFieldError(error)).toBe(`spec.containers[0].env[A].x.y: ${text}`);
});

it("shows a verbatim value without quotes", () => {
  expect(formatFieldError(invalid("a", new VerbatimValue("Rule{}"), "wrong"))).toBe("a: Invalid value: Rule{}: wrong");
});
