import { expect, test } from "vitest";
import { parseRequestInfo } from "../http/request-info.ts";
import { estimateSeats, maxSeats } from "./work-estimator.ts";

test.each([
  ["GET", "/api/v1/pods", 8],
  ["GET", "/api/v1/pods?limit=500", 5],
  ["GET", "/api/v1/pods?limit=500&labelSelector=a", 8],
  ["GET", "/api/v1/pods?limit=5000", 8],
  ["GET", "/api/v1/namespaces/a/pods/x", 1],
  ["POST", "/api/v1/namespaces/a/pods", 1],
  ["GET", "/api/v1/pods?fieldSelector=metadata.name%3Dx", 1],
  ["GET", "/api/v1/pods?watch=1", 8],
  ["GET", "/api/v1/pods?watch=1&resourceVersion=12", 1],
  ["GET", "/api/v1/pods?watch=1&resourceVersion=12&sendInitialEvents=true", 8],
  ["GET", "/api/v1/pods?watch=1&sendInitialEvents=false", 1],
  ["DELETE", "/api/v1/namespaces/a/pods", 8],
  ["GET", "/healthz", 1],
])("%s %s of 800 objects", (method, url, seats) => {
  expect(estimateSeats(parseRequestInfo(method, url), 10, () => 800)).toBe(seats);
});

test("stays between one and what the level allows", () => {
  const list = parseRequestInfo("GET", "/api/v1/pods");
  expect(estimateSeats(list, 10, () => 100_000)).toBe(10);
  expect(estimateSeats(list, 4, () => 100_000)).toBe(4);
  expect(estimateSeats(list, 10, () => 0)).toBe(1);
  expect(estimateSeats(list, 10, () => undefined)).toBe(1);
  expect([maxSeats(0), maxSeats(13), maxSeats(49), maxSeats(245)]).toEqual([1, 2, 8, 10]);
});
