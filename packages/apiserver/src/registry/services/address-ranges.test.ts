import { describe, expect, it } from "vitest";
import { AddressRanges } from "./address-ranges.ts";

const yes = (): Promise<boolean> => Promise.resolve(true);

describe("AddressRanges", () => {
  it("takes addresses from further ranges when its own is full", async () => {
    const ranges = new AddressRanges("10.0.0.0/30");
    const own = [await ranges.reserveAny(yes), await ranges.reserveAny(yes)];
    expect(new Set(own)).toEqual(new Set(["10.0.0.1", "10.0.0.2"]));
    expect(await ranges.reserveAny(yes)).toBeUndefined();
    ranges.set(["10.1.0.0/30", "fd00::/120"], () => ["10.1.0.1"]);
    expect(await ranges.reserveAny(yes)).toBe("10.1.0.2");
    expect(await ranges.reserveAny(yes)).toBeUndefined();
    expect(ranges.toString()).toBe("10.0.0.0/30, 10.1.0.0/30");
    ranges.set([], () => []);
    expect(ranges.contains("10.1.0.2")).toBe(false);
  });

  it("gives an address of overlapping ranges once", async () => {
    const ranges = new AddressRanges("10.0.0.0/30");
    ranges.set(["10.0.0.0/29"], () => []);
    expect(ranges.reserve("10.0.0.1")).toBeUndefined();
    expect(ranges.reserve("10.0.0.1")).toBe("taken");
    const got: (string | undefined)[] = [];
    for (let i = 0; i < 6; i++) got.push(await ranges.reserveAny(yes));
    expect(new Set(got)).toEqual(new Set([undefined, ...[2, 3, 4, 5, 6].map((n) => `10.0.0.${n}`)]));
    ranges.release("10.0.0.1");
    expect(await ranges.reserveAny(yes)).toBe("10.0.0.1");
  });

  it("asks for another where the store refuses, and keeps none of those", async () => {
    const ranges = new AddressRanges("10.0.0.0/30");
    expect(await ranges.reserveAny((ip) => Promise.resolve(ip === "10.0.0.2"))).toBe("10.0.0.2");
    expect(ranges.reserve("10.0.0.1")).toBeUndefined();
    expect(ranges.reserve("10.0.0.0")).toBe("outside");
  });
});
