import { expect, test } from "vitest";
import { semanticEqual } from "./equality.ts";

const cpu = (amount: string): object => ({ spec: { containers: [{ resources: { requests: { cpu: amount } } }] } });

test.each<[what: string, a: unknown, b: unknown]>([
  ["an amount in other units", cpu("1000m"), cpu("1")],
  ["an amount in another system", { hard: { memory: "1Gi" } }, { hard: { memory: "1073741824" } }],
  ["a single amount", { emptyDir: { sizeLimit: "1k" } }, { emptyDir: { sizeLimit: "1000" } }],
  ["a list of amounts", { validValues: ["1", "2"] }, { validValues: ["1000m", "2e0"] }],
  ["a target", { target: { type: "Value", value: "1" } }, { target: { type: "Value", value: "1000m" } }],
  [
    "a device's capacity",
    { capacity: { labels: { value: "1Gi", requestPolicy: { default: "1k", validRange: { min: "1" } } } } },
    { capacity: { labels: { value: "1024Mi", requestPolicy: { default: "1000", validRange: { min: "1000m" } } } } },
  ],
  ["nothing and an empty list", { args: [] }, {}],
  ["nothing and null", { args: null }, {}],
  ["nothing and an empty map", { labels: {}, limits: {} }, {}],
  ["other orders of keys", { a: 1, b: 2 }, { b: 2, a: 1 }],
])("equal: %s", (_what, a, b) => {
  expect(semanticEqual(a, b)).toBe(true);
  expect(semanticEqual(b, a)).toBe(true);
});

test.each<[what: string, a: unknown, b: unknown]>([
  ["other amounts", cpu("1"), cpu("2")],
  ["nothing and a struct that is empty", { emptyDir: {} }, {}],
  ["nothing and a map", { labels: { a: "b" } }, {}],
  ["text that reads like an amount", { env: [{ name: "A", value: "1000m" }] }, { env: [{ name: "A", value: "1" }] }],
  ["keys of a map of text", { data: { capacity: "1000m" } }, { data: { capacity: "1" } }],
  ["names in a list called as a map of amounts is", { requests: [{ name: "1" }] }, { requests: [{ name: "1000m" }] }],
  ["other capacities of a device", { capacity: { a: { value: "1" } } }, { capacity: { a: { value: "2" } } }],
  ["a device's capacity in other fields", { capacity: { a: { name: "1" } } }, { capacity: { a: { name: "1000m" } } }],
  ["what is no amount", { default: "a" }, { default: "b" }],
  ["what is no amount, and one", { min: "1x" }, { min: "1" }],
  ["a number and text", { a: 1 }, { a: "1" }],
  ["lists of other lengths", { a: [1] }, { a: [1, 2] }],
  ["a list and a map", { a: [1] }, { a: { 0: 1 } }],
  ["false and nothing", { a: false }, {}],
  ["a key that every object has", { data: { a: "b", constructor: "x" } }, { data: { a: "b" } }],
  ["a key that is every object's prototype", JSON.parse('{"a":{"__proto__":{}}}'), { a: {} }],
])("not equal: %s", (_what, a, b) => {
  expect(semanticEqual(a, b)).toBe(false);
  expect(semanticEqual(b, a)).toBe(false);
});
