import { expect, test } from "vitest";
import { extrasOf, linesOf } from "./header-lines.ts";

test("every line is one value, under its name in lower case; empty ones are none", () => {
  const lines = linesOf(["X-Group", "a, b", "x-group", "c", "X-Empty", "", "X-Odd"]);
  expect([...lines]).toEqual([["x-group", ["a, b", "c"]]]);
});

test("extra keys are unescaped, and all that is said of one is kept", () => {
  const raw = ["X-Extra-a%2Fb", "1", "X-Extra-A/B", "2", "Other-Extra-a/b", "3", "X-Extra-100%", "4", "X-Extra-", "5"];
  const extra = extrasOf(linesOf(raw), ["X-Extra-", "Other-Extra-"]);
  expect(extra).toEqual({ "a/b": ["1", "2", "3"], "100%": ["4"] });
});

test("keys named like what every object has are keys", () => {
  const raw = ["X-Extra-__proto__", "a", "X-Extra-constructor", "b"];
  const extra = extrasOf(linesOf(raw), ["x-extra-"]);
  expect(Object.entries(extra)).toEqual([
    ["__proto__", ["a"]],
    ["constructor", ["b"]],
  ]);
});
