// A few thousand broken requests with seeds that do not change; main.ts tries as many as one likes.
import { expect, test } from "vitest";
import { FuzzServer } from "./fuzz-server.ts";

const REQUESTS = 1500;

test.each([1, 2])("a server is sent broken requests (seed %d)", { timeout: 120_000 }, async (seed) => {
  await using fuzz = await FuzzServer.start(seed);
  await fuzz.run(REQUESTS);
  expect(fuzz.defects.all, `after ${fuzz.requests} requests`).toEqual([]);
  // Neither is everything refused, nor everything taken.
  const count = (status: number): number => fuzz.statuses.get(status) ?? 0;
  expect(count(200) + count(201)).toBeGreaterThan(REQUESTS / 10);
  expect(count(400)).toBeGreaterThan(REQUESTS / 20);
  expect(count(422)).toBeGreaterThan(REQUESTS / 50);
});
