import { expect, it } from "vitest";
import { parseFieldSelector } from "./fields.ts";

it.each([
  ["", {}, true],
  ["metadata.name=a", { "metadata.name": "a" }, true],
  ["metadata.name==a", { "metadata.name": "b" }, false],
  ["status.phase!=Running,spec.nodeName=", { "status.phase": "Failed" }, true],
  ["status.phase!=Running", { "status.phase": "Running" }, false],
])("%j on %j: %s", (text, fields: Record<string, string>, expected) => {
  expect(parseFieldSelector(text).matches(fields)).toBe(expected);
});

it("reads and writes escapes", () => {
  const selector = parseFieldSelector(String.raw`a=1\,2\=3\\,b!=4`);
  expect(selector.requirements).toEqual([
    { field: "a", operator: "=", value: String.raw`1,2=3\ `.trim() },
    { field: "b", operator: "!=", value: "4" },
  ]);
  expect(selector.toString()).toBe(String.raw`a=1\,2\=3\\,b!=4`);
});

it("refuses a term without an operator", () => {
  expect(() => parseFieldSelector("a=1,b")).toThrow("invalid selector: 'a=1,b'; can't understand 'b'");
});
