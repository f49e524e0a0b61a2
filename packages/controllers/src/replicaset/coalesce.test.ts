import { expect, it } from "vitest";
import { coalesceDelay } from "./coalesce.ts";

it.each([
  [0, 0],
  [3, 0],
  [9, 0],
  [100, 10],
  [1000, 100],
  [100_000, 100],
])("a change of one of %i pods waits %i ms for others", (replicas, delay) => {
  expect(coalesceDelay(replicas)).toBe(delay);
});
