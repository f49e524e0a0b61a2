import type { JSONSchemaProps } from "@knots/api/apiextensions/v1";
import { FieldPath, formatFieldError } from "@knots/machinery";
import type { FieldError } from "@knots/machinery";
import { describe, expect, it } from "vitest";
import { validateValue } from "./validate.ts";

const text: JSONSchemaProps = { type: "string" };
const either: JSONSchemaProps = { properties: { a: text, b: text }, type: "object" };

function problems(value: unknown, schema: JSONSchemaProps): string[] {
  const errors: FieldError[] = [];
  validateValue(value, schema, FieldPath.root("spec"), errors);
  return errors.map(formatFieldError);
}
const ABOUT = '<nil>: Invalid value: "": "spec" ';

describe("combined schemas", () => {
  it.each<[string, unknown, JSONSchemaProps, string[]]>([
    [
      "oneOf of which none fits",
      {},
      { ...either, oneOf: [{ required: ["a"] }, { required: ["b"] }] },
      [`${ABOUT}must validate one and only one schema (oneOf). Found none valid`, "spec.a: Required value"],
    ],
    [
      "oneOf of which several fit",
      { a: "1", b: "2" },
      { ...either, oneOf: [{ required: ["a"] }, { required: ["b"] }] },
      [`${ABOUT}must validate one and only one schema (oneOf). Found 2 valid alternatives`],
    ],
    ["oneOf of which one fits", { b: "2" }, { ...either, oneOf: [{ required: ["a"] }, { required: ["b"] }] }, []],
    [
      "anyOf of which none fits",
      {},
      { ...either, anyOf: [{ required: ["a"] }, { required: ["b"] }] },
      [`${ABOUT}must validate at least one schema (anyOf)`, "spec.a: Required value"],
    ],
    [
      "anyOf of which two fit",
      { a: "1", b: "2" },
      { ...either, anyOf: [{ required: ["a"] }, { required: ["b"] }] },
      [],
    ],
    [
      "allOf of which one fits",
      { a: "1" },
      { ...either, allOf: [{ required: ["a"] }, { required: ["b"] }] },
      ["spec.b: Required value", `${ABOUT}must validate all the schemas (allOf)`],
    ],
    [
      "allOf of which none fits",
      {},
      { ...either, allOf: [{ required: ["b"] }] },
      ["spec.b: Required value", `${ABOUT}must validate all the schemas (allOf). None validated`],
    ],
    [
      "not, which fits",
      { a: "1" },
      { ...either, not: { required: ["a"] } },
      [`${ABOUT}must not validate the schema (not)`],
    ],
  ])("%s", (_name, value, schema, expected) => {
    expect(problems(value, schema)).toEqual(expected);
  });
});

describe("the format duration", () => {
  it.each(["1h30m", "-1.5s", " 1h ", "0", "2 days", "3weeks 4 hr", "1 fortnight 2 secs", "9h".repeat(100_000), "2wk"])(
    "accepts %.20s",
    (value) => {
      expect(problems(value, { type: "string", format: "duration" })).toEqual([]);
    },
  );
  it.each(["", "1", "1.5 days", "days", "1 fortnight", "-1 day", "9223372036854775808 days", "1s".repeat(9) + "!"])(
    "refuses %j",
    (value) => {
      expect(problems(value, { type: "string", format: "duration" })).toEqual([
        `spec: Invalid value: ${JSON.stringify(value)}: spec in body must be of type duration: ${JSON.stringify(value)}`,
      ]);
    },
  );
});
