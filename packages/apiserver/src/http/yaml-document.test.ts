import { expect, it } from "vitest";
import { YamlDocument } from "./yaml-document.ts";

const read = (text: string): unknown => new YamlDocument(text, { duplicates: false }).value();

it.each<[string, unknown]>([
  ["a: 1", { a: 1 }],
  ["a: yes", { a: true }],
  ["---\na: 1\n---\na: 2\n--- [", { a: 1 }],
  ["a: &x {b: 1}\nc: *x\nd: *x", { a: { b: 1 }, c: { b: 1 }, d: { b: 1 } }],
  ["x: &x {b: 1}\nc: {<<: *x, d: 2}", { x: { b: 1 }, c: { b: 1, d: 2 } }],
  ["a: &x 1\nb: &x 2\nc: *x", { a: 1, b: 2, c: 2 }],
  ["a: '*x'", { a: "*x" }],
  ["a: 1\na: 2", { a: 2 }],
])("reads %j", (text, value) => {
  expect(read(text)).toEqual(value);
});

it.each([
  ["a: b: c", "yaml: line 1: Nested mappings are not allowed in compact mappings"],
  ["a: 1\nb: [", "yaml: line 2: "],
  ["a: *x", "yaml: unknown anchor 'x' referenced"],
  ["a: *x\nb: &x 1", "yaml: unknown anchor 'x' referenced"],
  ["a: &a [*a]", "yaml: anchor 'a' value contains itself"],
  ["&a {b: {c: *a}}", "yaml: anchor 'a' value contains itself"],
  [`a: ${"[".repeat(20_000)}`, "exceeded max depth"],
])("refuses %.30j", (text, message) => {
  expect(() => read(text)).toThrow(message);
  expect(() => read(text)).not.toThrow(/\n/);
});

it("tells which keys are there twice", () => {
  const { duplicates } = new YamlDocument("a: 1\nb: {c: 1, c: 2}\n'a': 3\n", { duplicates: true });
  expect(duplicates).toEqual([
    { key: "c", line: 2 },
    { key: "a", line: 3 },
  ]);
});

it("does not let few words become many", () => {
  const text = `a0: &a0 [x]\n${Array.from({ length: 20 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]`).join("\n")}`;
  expect(() => read(text)).toThrow(/alias/i);
});
