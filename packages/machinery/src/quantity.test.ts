import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addResources, maxResources, parseResources, Quantity } from "./quantity.ts";

const suffix = fc.constantFrom("", "n", "u", "m", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti", "e3", "E2");
const text = fc
  .tuple(fc.constantFrom("", "-", "+"), fc.nat(99_999), fc.option(fc.nat(999)), suffix)
  .map(([sign, whole, fraction, unit]) => `${sign}${whole}${fraction === null ? "" : `.${fraction}`}${unit}`);

describe("Quantity", () => {
  it.each([
    ["0", "0"],
    ["1000m", "1"],
    ["1500m", "1500m"],
    ["0.5", "500m"],
    ["2.5", "2500m"],
    ["1024Mi", "1Gi"],
    ["1.5Gi", "1536Mi"],
    ["512Ki", "512Ki"],
    ["0.5Ki", "512"],
    ["1.5Ki", "1536"],
    ["1000k", "1M"],
    ["1e3", "1e3"],
    ["1000e3", "1e6"],
    ["12E", "12E"],
    ["-5m", "-5m"],
    ["+3", "3"],
    [".5", "500m"],
    ["5.", "5"],
    ["0.1n", "1n"],
  ])("writes %s as %s", (given, canonical) => {
    expect(Quantity.parse(given).toString()).toBe(canonical);
  });

  it.each(["", "abc", "1x", "1GB", ".", "1 Gi", "--1", "1_000"])("refuses %j by its form", (given) => {
    expect(() => Quantity.parse(given)).toThrow(/^quantities must match/);
  });

  it.each(["1K", "1mm", "1Mii"])("refuses %j by its suffix", (given) => {
    expect(() => Quantity.parse(given)).toThrow(/suffix$/);
  });

  it("rounds up what it is asked for in coarser units", () => {
    expect(Quantity.parse("1500m").value()).toBe(2);
    expect(Quantity.parse("-1500m").value()).toBe(-2);
    expect(Quantity.parse("1n").milliValue()).toBe(1);
    expect(Quantity.parse("250m").asNumber()).toBe(0.25);
  });

  it("makes quantities of numbers", () => {
    expect(Quantity.fromMilli(1500).toString()).toBe("1500m");
    expect(Quantity.fromBytes(1 << 20).toString()).toBe("1Mi");
    expect(Quantity.fromNumber(1000).toString()).toBe("1k");
    expect(JSON.stringify({ cpu: Quantity.fromMilli(100) })).toBe('{"cpu":"100m"}');
  });

  it("keeps its value through its canonical text, which is stable", () => {
    fc.assert(
      fc.property(text, (given) => {
        const first = Quantity.parse(given);
        const again = Quantity.parse(first.toString());
        expect(again.cmp(first)).toBe(0);
        expect(again.toString()).toBe(first.toString());
      }),
    );
  });

  it("adds and compares as numbers do", () => {
    fc.assert(
      fc.property(text, text, (left, right) => {
        const a = Quantity.parse(left);
        const b = Quantity.parse(right);
        expect(a.add(b).cmp(b.add(a))).toBe(0);
        expect(a.add(b).sub(b).cmp(a)).toBe(0);
        expect(a.add(a.neg()).isZero()).toBe(true);
        expect(a.cmp(b)).toBe(-b.cmp(a) + 0);
        expect(Math.sign(a.sub(b).cmp(Quantity.parse("0")))).toBe(a.cmp(b));
      }),
    );
  });
});

describe("resource lists", () => {
  it("are added and raised name by name", () => {
    const sums = parseResources({ cpu: "100m", memory: "1Gi" });
    addResources(sums, parseResources({ cpu: "200m", pods: 1 }));
    maxResources(sums, parseResources({ memory: "512Mi", pods: "3" }));
    expect(Object.fromEntries(Object.entries(sums).map(([name, amount]) => [name, amount.toString()]))).toEqual({
      cpu: "300m",
      memory: "1Gi",
      pods: "3",
    });
  });
});

it("gives whole units that fit into 64 bits", () => {
  expect(Quantity.parse("50k").asInt64()).toBe(50_000n);
  expect(Quantity.parse("1500m").asInt64()).toBeUndefined();
  expect(Quantity.parse("10E").asInt64()).toBeUndefined();
});

it("takes as much as there can be for what is more, with a binary suffix", () => {
  expect(Quantity.parse("16Ei").toString()).toBe("9223372036854775807");
  expect(Quantity.parse("16E").toString()).toBe("16E");
});
