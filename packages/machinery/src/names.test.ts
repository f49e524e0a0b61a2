import fc from "fast-check";
import { expect, it } from "vitest";
import {
  generateName,
  isDNS1035Label,
  isDNS1123Label,
  isDNS1123Subdomain,
  isQualifiedName,
  isValidLabelValue,
} from "./names.ts";

const RULES = { isDNS1035Label, isDNS1123Label, isDNS1123Subdomain, isQualifiedName, isValidLabelValue };

it.each([
  ["isDNS1123Label", ["a", "1", "a-1", "a".repeat(63)], ["", "A", "-a", "a-", "a.b", "a_b", "a".repeat(64)]],
  ["isDNS1123Subdomain", ["a", "a.b-c.1"], ["", "a..b", ".a", "A.b", `${"a.".repeat(127)}a`]],
  ["isDNS1035Label", ["a", "a-1"], ["", "1a", "a-", "a.b", "a".repeat(64)]],
  [
    "isQualifiedName",
    ["a", "A_b.c", "example.com/a"],
    ["", "/a", "a/", "A.com/a", "a/b/c", "-a", `a/${"b".repeat(64)}`],
  ],
  ["isValidLabelValue", ["", "a", "A_b.c-1"], ["-", "a/b", "a b", "a".repeat(64)]],
] as const)("%s", (rule, good, bad) => {
  for (const value of good) expect(RULES[rule](value), value).toEqual([]);
  for (const value of bad) expect(RULES[rule](value), value).not.toEqual([]);
});

it("speaks as upstream does", () => {
  expect(isDNS1123Label("A".repeat(64))).toEqual([
    "must be no more than 63 bytes",
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
  ]);
  expect(isQualifiedName("/a")).toEqual(["prefix part must be non-empty"]);
});

it("generates names that are labels when their base begins one", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z][a-z-]{0,80}$/), (base) => {
      const name = generateName(base);
      expect(isDNS1123Label(name)).toEqual([]);
      expect(name.startsWith(base.slice(0, 58))).toBe(true);
      expect(name.slice(-5)).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    }),
  );
});
