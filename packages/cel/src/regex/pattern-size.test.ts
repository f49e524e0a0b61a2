import { expect, it } from "vitest";
import { compileRegex } from "../regex.ts";
import { isTooLarge } from "./pattern-size.ts";

it.each([
  ["a long pattern", "x".repeat(30_001)],
  ["repetitions", "(a{1000})".repeat(31)],
  ["repetitions of a group", `(?:${"ab".repeat(20)}){1000}`],
  ["repetitions of repetitions", "(?:(?:[a-z{}()]{10}){100}\\d){0,1000}"],
  ["repetitions of repetitions that have no end", "(?:(?:a{10,}){100}){1000}"],
  ["classes of Unicode", "[^\\pL]".repeat(300)],
  ["classes that are not closed", "[[:".repeat(1000)],
])("%s may be too large", (_what, pattern) => {
  expect(isTooLarge(pattern)).toBe(true);
  expect(() => compileRegex(pattern)).toThrow("error parsing regexp: expression too large");
});

it.each([
  ["a long text", "x".repeat(30_000)],
  ["a repetition", "^[a-z]{1000}$"],
  ["names", "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?){0,9}$"],
  ["braces in classes and escapes", "[(){1000}]{10}\\{[^]{9}]\\(\\p{Greek}{3}".repeat(100)],
  ["repetitions of classes of Unicode", "^(?:[\\p{L}\\PN]{1,63}\\.){0,10}$"],
  ["named classes", "[[:alpha:][:digit:]]".repeat(1000)],
  ["braces that repeat nothing", "a{x}{,5}"],
])("%s is not", (_what, pattern) => {
  expect(isTooLarge(pattern)).toBe(false);
  expect(() => compileRegex(pattern)).not.toThrow();
});

it("leaves it to RE2 to refuse a pattern", () => {
  for (const pattern of ["[a".repeat(10_000) + "{2}", "(".repeat(20_000) + "{2}", ")".repeat(20_000) + "{2}"]) {
    expect(isTooLarge(pattern)).toBe(false);
    expect(() => compileRegex(pattern)).toThrow(/^error parsing regexp: (?!expression too large)/);
  }
});

it("keeps compiled patterns, but not without an end", () => {
  const pattern = (name: string): string => `${name}${"(a|b)".repeat(5000)}`;
  const first = compileRegex(pattern("first"));
  expect(compileRegex(pattern("first"))).toBe(first);
  for (let i = 0; i < 20; i++) compileRegex(pattern(String(i)));
  expect(compileRegex(pattern("first"))).not.toBe(first);
});
