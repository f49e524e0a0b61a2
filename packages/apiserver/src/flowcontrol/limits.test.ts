import { describe, expect, test } from "vitest";
import { MANDATORY_LEVELS, SUGGESTED_LEVELS } from "./defaults.ts";
import { allocate, computeLimits, sharesOf } from "./limits.ts";
import type { Demand } from "./limits.ts";

test("600 seats among the default levels", () => {
  const limits = computeLimits([...MANDATORY_LEVELS, ...SUGGESTED_LEVELS].map(sharesOf), 600);
  expect(Object.fromEntries(limits)).toEqual({
    exempt: { nominal: 0, min: 0, max: 600 },
    "catch-all": { nominal: 13, min: 13, max: 613 },
    system: { nominal: 74, min: 50, max: 674 },
    "node-high": { nominal: 98, min: 73, max: 698 },
    "leader-election": { nominal: 25, min: 25, max: 625 },
    "workload-high": { nominal: 98, min: 49, max: 698 },
    "workload-low": { nominal: 245, min: 24, max: 845 },
    "global-default": { nominal: 49, min: 24, max: 649 },
  });
});

test("borrowing may be limited, shares may be zero", () => {
  const level = (name: string, shares: number, borrowingLimitPercent?: number) => ({
    name,
    exempt: false,
    shares,
    lendablePercent: 50,
    borrowingLimitPercent,
  });
  expect(Object.fromEntries(computeLimits([level("a", 1, 20), level("jail", 0, 0)], 10))).toEqual({
    a: { nominal: 10, min: 5, max: 12 },
    jail: { nominal: 0, min: 0, max: 0 },
  });
  expect(computeLimits([level("a", 0)], 10).get("a")?.nominal).toBe(0);
});

describe("seats", () => {
  const level = (nominal: number, min: number, high: number, smoothed = high, max = 1000): Demand => ({
    exempt: false,
    nominal,
    min,
    max,
    high,
    smoothed,
  });
  const current = (demands: Demand[], serverLimit = 100): number[] =>
    allocate(demands, serverLimit).allocations.map((each) => each.current);

  test("that nobody wants go to who wants them", () => {
    expect(current([level(50, 10, 0), level(50, 10, 200)])).toEqual([10, 90]);
  });
  test("come back to their owner when it wants them", () => {
    expect(current([level(50, 10, 50), level(50, 10, 200)])).toEqual([50, 50]);
  });
  test("are shared by demand among borrowers", () => {
    expect(current([level(80, 0, 0), level(10, 10, 40), level(10, 10, 80)])).toEqual([0, 33, 67]);
  });
  test("are borrowed up to the limit", () => {
    expect(current([level(50, 0, 0), level(50, 50, 100, 100, 60)])).toEqual([0, 60]);
  });
  test("of exempt levels come off first", () => {
    expect(current([{ ...level(0, 0, 30), exempt: true }, level(60, 0, 200)])).toEqual([30, 70]);
  });
  test("without any demand stay where they cannot be lent", () => {
    expect(current([level(50, 25, 0), level(50, 40, 0)])).toEqual([38, 62]);
  });
  test("promised to owners are kept even when they are more than there are", () => {
    expect(current([level(60, 60, 60), level(60, 60, 60)])).toEqual([60, 60]);
  });
});
