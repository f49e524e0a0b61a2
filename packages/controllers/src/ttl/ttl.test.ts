import { expect, test } from "vitest";
import { nextStep } from "./controller.ts";

test.each([
  [0, 100, 0],
  [0, 101, 1],
  [1, 95, 1],
  [1, 89, 0],
  [0, 5000, 4],
  [4, 1799, 3],
  [4, 10, 0],
])("on step %i with %i nodes: %i", (step, size, want) => expect(nextStep(step, size)).toBe(want));
