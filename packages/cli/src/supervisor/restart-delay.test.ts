import { expect, test } from "vitest";
import { RestartDelay } from "./restart-delay.ts";

test("waits longer each time, at most ten seconds, and little after a good run", () => {
  const delay = new RestartDelay();
  expect([5, 5, 5].map((ran) => delay.after(ran))).toEqual([100, 200, 400]);
  for (let i = 0; i < 10; i++) delay.after(5);
  expect(delay.after(5)).toBe(10_000);
  expect(delay.after(10_000)).toBe(100);
  expect(delay.after(5)).toBe(200);
});
