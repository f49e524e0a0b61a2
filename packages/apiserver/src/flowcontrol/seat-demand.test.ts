import { expect, test } from "vitest";
import { SeatDemand } from "./seat-demand.ts";

test("mean, deviation and high of a period are weighted by time", () => {
  const demand = new SeatDemand(0);
  demand.set(10, 5_000);
  const first = demand.close(10_000);
  expect(first).toMatchObject({ high: 10, average: 5, deviation: 5, smoothed: 10 });
  const second = demand.close(20_000);
  expect(second).toMatchObject({ high: 10, average: 10, deviation: 0, smoothed: 10 });
});

test("smoothed demand rises at once and falls slowly", () => {
  const demand = new SeatDemand(0);
  demand.set(100, 0);
  demand.close(10_000);
  demand.set(0, 10_000);
  const { smoothed, average } = demand.close(20_000);
  expect(average).toBe(0);
  expect(smoothed).toBeCloseTo(97.7);
});

test("a peak of no duration is seen as the high watermark", () => {
  const demand = new SeatDemand(0);
  demand.set(7, 1);
  demand.set(0, 1);
  expect(demand.close(10).high).toBe(7);
});
