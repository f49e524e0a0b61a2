import type { JSONSchemaProps } from "@knots/api/apiextensions/v1";
import { FieldPath, formatFieldError } from "@knots/machinery";
import type { FieldError } from "@knots/machinery";
import { describe, expect, it } from "vitest";
import { MAX_ERRORS, validateValue } from "./validate.ts";

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

describe("many values", () => {
  it("are looked up in enumerations, whatever these hold", () => {
    const schema: JSONSchemaProps = { enum: ["a", 1, true, { x: [1] }, [2]] };
    for (const value of ["a", 1, true, { x: [1] }, [2]]) expect(problems(value, schema)).toEqual([]);
    for (const value of ["1", 2, false, { x: [2] }, [], "b"]) {
      expect(problems(value, schema)).toEqual([
        `spec: Unsupported value: ${JSON.stringify(value)}: supported values: "a", "1", "true", "{\\"x\\":[1]}", "[2]"`,
      ]);
    }
  });

  it("are not compared with each value of an enumeration", () => {
    let looked = 0;
    const allowed = new Proxy(
      Array.from({ length: 1000 }, (_, i) => `e${i}`),
      {
        get(target, key, receiver) {
          looked++;
          return Reflect.get(target, key, receiver) as unknown;
        },
      },
    );
    const items = Array.from({ length: 2000 }, () => "e999");
    expect(problems(items, { type: "array", items: { type: "string", enum: allowed } })).toEqual([]);
    expect(looked).toBeLessThan(10_000);
  });

  it("are not looked at without an end when all of them are wrong", () => {
    const schema: JSONSchemaProps = { type: "array", items: { type: "string" } };
    expect(
      problems(
        Array.from({ length: 100_000 }, (_, i) => i),
        schema,
      ),
    ).toHaveLength(MAX_ERRORS);
  });
});
