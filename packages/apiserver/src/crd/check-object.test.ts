import type { JSONSchemaProps } from "@knots/api/apiextensions/v1";
import type { KubeObject } from "@knots/machinery";
import { expect, test } from "vitest";
import { checkObject, checkObjectInTurns } from "./check-object.ts";

const LONG = "ab".repeat(50_000);
const UNKIND = "^(a|b)*a(a|b){19}$";
const texts = (schema: JSONSchemaProps): JSONSchemaProps => ({
  type: "object",
  properties: { texts: { type: "array", items: { type: "string", ...schema } } },
});

test.each<[string, JSONSchemaProps, number]>([
  ["a pattern", { pattern: UNKIND }, 2],
  ["one of several patterns", { anyOf: [{ pattern: "^b" }, { pattern: "b!" }] }, 2],
  ["just one of several patterns", { oneOf: [{ pattern: UNKIND }, { pattern: "a$" }] }, 4],
  ["a pattern that must not be", { not: { pattern: "^(a|b)*ab$" } }, 1],
  ["all of several patterns", { allOf: [{ pattern: UNKIND }, { pattern: "^b" }] }, 7],
  [
    "patterns that depend on each other",
    { anyOf: [{ allOf: [{ pattern: "b!" }, { pattern: "^b" }] }, { not: {} }] },
    7,
  ],
])("long texts in turns, against %s, are what they are at once", async (_what, schema, count) => {
  const version = { schema: texts(schema), rules: () => undefined };
  const object = { apiVersion: "example.com/v1", kind: "A", texts: [LONG, `${LONG}!`, "b!"] } as KubeObject;
  const atOnce = checkObject(version, object, undefined);
  expect(atOnce.errors).toHaveLength(count);
  expect(await checkObjectInTurns(version, object, undefined)).toEqual(atOnce);
});

test("runs no rules on what has too many errors to know that it is of its type", () => {
  const many = { apiVersion: "v1", kind: "A", texts: Array.from({ length: 2000 }, () => "a") } as KubeObject;
  // Rules that cannot be run.
  const version = { schema: texts({ pattern: "^b" }), rules: () => ({}) as never };
  const { errors } = checkObject(version, many, undefined);
  expect(errors.at(-1)?.detail).toMatch(/^some validation rules were not checked/);
});
