import { expect, it, vi } from "vitest";
import { Composer } from "yaml";
import { readYamlText } from "./yaml-document.ts";

const read = (text: string): unknown => readYamlText(text).value;

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
  const { duplicates } = readYamlText("a: 1\nb: {c: 1, c: 2}\n'a': 3\n");
  expect(duplicates).toEqual([
    { key: "c", line: 2 },
    { key: "a", line: 3 },
  ]);
});

it("does not let few words become many", () => {
  const text = `a0: &a0 [x]\n${Array.from({ length: 20 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]`).join("\n")}`;
  expect(() => read(text)).toThrow(/alias/i);
});

it.each<[string, (i: number) => string]>([
  ["keys that differ", (i) => `k${i}: v\n`],
  ["the same key", () => "k: v\n"],
])("does not compare each key of a map with each: %s", (_name, line) => {
  // The parser would do it so.
  const some = vi.spyOn(Array.prototype, "some");
  const { value, duplicates } = readYamlText(Array.from({ length: 1000 }, (_, i) => line(i)).join(""));
  const looked = some.mock.contexts.filter((each) => Array.isArray(each) && each.length > 100);
  some.mockRestore();
  expect(Object.keys(value as object).length + duplicates.length).toBe(1000);
  expect(looked).toHaveLength(0);
});

it("stops at the first error", () => {
  const end = vi.spyOn(Composer.prototype, "end");
  expect(() => readYamlText(`x:\n${"- [}\n".repeat(1000)}`)).toThrow("yaml: line 2: Flow sequence in block collection");
  expect(end).not.toHaveBeenCalled();
  end.mockRestore();
});
