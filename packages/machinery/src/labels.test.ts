import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  everything,
  formatLabelSelector,
  nothing,
  parseSelector,
  selectorFromLabelSelector,
  selectorFromSet,
} from "./labels.ts";

describe("parseSelector", () => {
  it.each([
    ["", {}, true],
    ["a", { a: "" }, true],
    ["a", {}, false],
    ["!a", {}, true],
    ["!a", { a: "1" }, false],
    ["a=1", { a: "1" }, true],
    ["a==1", { a: "2" }, false],
    ["a=", { a: "" }, true],
    ["a!=1", {}, true],
    ["a!=1", { a: "1" }, false],
    ["a in (1, 2)", { a: "2" }, true],
    ["a in (1,2)", {}, false],
    ["a in (,1)", { a: "" }, true],
    ["a notin (1,2)", {}, true],
    ["a notin (1,2)", { a: "1" }, false],
    ["a>1", { a: "2" }, true],
    ["a<1", { a: "2" }, false],
    ["a>1", { a: "x" }, false],
    ["a = 1 , example.com/b", { a: "1", "example.com/b": "x" }, true],
    ["toString", {}, false],
  ])("%j on %j: %s", (text, labels: Record<string, string>, expected) => {
    expect(parseSelector(text).matches(labels)).toBe(expected);
  });

  it.each(["a,", ",a", "a b", "a in 1", "a in (1", "a in (1 2)", "=1", "a=/", "a>x", "-a", "a=b=c", "!", "a#b"])(
    "refuses %j",
    (text) => {
      expect(() => parseSelector(text)).toThrow(SyntaxError);
    },
  );

  it("sorts by key and writes what it reads", () => {
    expect(parseSelector("b in (y,x),a!=1,!c,d").toString()).toBe("a!=1,b in (x,y),!c,d");
  });

  const key = fc.constantFrom("a", "b", "example.com/c");
  const value = fc.constantFrom("", "1", "x.y", "Z-9");
  const term = fc.oneof(
    key,
    key.map((name) => `!${name}`),
    fc.tuple(key, fc.constantFrom("=", "==", "!="), value).map((parts) => parts.join("")),
    fc
      .tuple(key, fc.constantFrom("in", "notin"), fc.array(value, { minLength: 1, maxLength: 3 }))
      .map(([name, operator, values]) => `${name} ${operator} (${values.join(",")})`),
  );

  it("matches the same after a trip through its text, and as all of its terms together", () => {
    fc.assert(
      fc.property(fc.array(term, { maxLength: 4 }), fc.dictionary(key, value), (parts, labels) => {
        const selector = parseSelector(parts.join(","));
        expect(parseSelector(selector.toString()).matches(labels)).toBe(selector.matches(labels));
        expect(selector.matches(labels)).toBe(parts.every((part) => parseSelector(part).matches(labels)));
      }),
    );
  });
});

describe("LabelSelector", () => {
  it("selects nothing when absent and everything when empty", () => {
    expect(selectorFromLabelSelector(undefined)).toBe(nothing);
    expect(nothing.matches({ a: "1" })).toBe(false);
    expect(nothing.empty).toBe(false);
    expect(selectorFromLabelSelector({}).matches(undefined)).toBe(true);
    expect(everything.empty).toBe(true);
    expect(selectorFromSet(undefined).empty).toBe(true);
  });

  it("needs labels and expressions alike", () => {
    const selector = selectorFromLabelSelector({
      matchLabels: { app: "web" },
      matchExpressions: [
        { key: "tier", operator: "In", values: ["a", "b"] },
        { key: "old", operator: "DoesNotExist" },
      ],
    });
    expect(selector.matches({ app: "web", tier: "b" })).toBe(true);
    expect(selector.matches({ app: "web", tier: "c" })).toBe(false);
    expect(selector.matches({ app: "web", tier: "b", old: "" })).toBe(false);
    expect(selector.toString()).toBe("app=web,!old,tier in (a,b)");
  });

  it("refuses operators it does not know", () => {
    expect(() => selectorFromLabelSelector({ matchExpressions: [{ key: "a", operator: "Like" }] })).toThrow(
      '"Like" is not a valid label selector operator',
    );
  });

  it("is shown in tables", () => {
    expect(formatLabelSelector(undefined)).toBe("<none>");
    expect(formatLabelSelector({})).toBe("<none>");
    expect(formatLabelSelector({ matchLabels: { b: "2", a: "1" } })).toBe("a=1,b=2");
    expect(formatLabelSelector({ matchExpressions: [{ key: "a", operator: "Like" }] })).toBe("<error>");
  });
});
