import { expect, test } from "vitest";
import { longestPeriod, normalize } from "./behavior.ts";
import type { Scaling, Stamped } from "./behavior.ts";

const NOW = 1_000_000_000;
const before = (seconds: number, replicas: number): Stamped => ({ at: NOW - seconds * 1000, replicas });
const scaling = (current: number, desired: number, more: Partial<Scaling> = {}): Scaling => ({
  current,
  desired,
  min: 1,
  max: 1000,
  now: NOW,
  behavior: undefined,
  recommendations: [],
  scaleUps: [],
  scaleDowns: [],
  downscaleStabilization: 300_000,
  ...more,
});
const pods = (value: number, periodSeconds = 60) => ({ type: "Pods", value, periodSeconds });
const percent = (value: number, periodSeconds = 60) => ({ type: "Percent", value, periodSeconds });
const up = (...policies: object[]) => ({ scaleUp: { stabilizationWindowSeconds: 0, policies: policies as never } });
const down = (...policies: object[]) => ({ scaleDown: { stabilizationWindowSeconds: 0, policies: policies as never } });

test.each<[string, Scaling, number, string, string]>([
  // without rules
  ["as asked", scaling(3, 5), 5, "ReadyForNewScale", "DesiredWithinRange"],
  ["at most twice", scaling(10, 50), 20, "ReadyForNewScale", "ScaleUpLimit"],
  ["at most four of one", scaling(1, 50), 4, "ReadyForNewScale", "ScaleUpLimit"],
  ["at most the maximum", scaling(10, 50, { max: 15 }), 15, "ReadyForNewScale", "TooManyReplicas"],
  ["at least the minimum", scaling(10, 1, { min: 3 }), 3, "ReadyForNewScale", "TooFewReplicas"],
  [
    "held by a late high",
    scaling(10, 2, { recommendations: [before(200, 8)] }),
    8,
    "ScaleDownStabilized",
    "DesiredWithinRange",
  ],
  [
    "an old high is over",
    scaling(10, 2, { recommendations: [before(301, 8)] }),
    2,
    "ReadyForNewScale",
    "DesiredWithinRange",
  ],
  // with rules
  ["so many pods", scaling(10, 50, { behavior: up(pods(3)) }), 13, "ReadyForNewScale", "ScaleUpLimit"],
  [
    "so many per cent, rounded up",
    scaling(3, 50, { behavior: up(percent(10)) }),
    4,
    "ReadyForNewScale",
    "ScaleUpLimit",
  ],
  [
    "the larger of two",
    scaling(10, 50, { behavior: up(pods(3), percent(100)) }),
    20,
    "ReadyForNewScale",
    "ScaleUpLimit",
  ],
  [
    "the smaller of two",
    scaling(10, 50, { behavior: { scaleUp: { ...up(pods(3), percent(100)).scaleUp, selectPolicy: "Min" } } }),
    13,
    "ReadyForNewScale",
    "ScaleUpLimit",
  ],
  [
    "what was added in the period counts",
    scaling(12, 50, { behavior: up(pods(3)), scaleUps: [before(30, 2)] }),
    13,
    "ReadyForNewScale",
    "ScaleUpLimit",
  ],
  [
    "what was added before does not",
    scaling(12, 50, { behavior: up(pods(3)), scaleUps: [before(61, 2)] }),
    15,
    "ReadyForNewScale",
    "ScaleUpLimit",
  ],
  [
    "more was added than allowed now: stay",
    scaling(20, 50, { behavior: up(pods(3)), scaleUps: [before(30, 9)] }),
    20,
    "ReadyForNewScale",
    "ScaleUpLimit",
  ],
  [
    "never up",
    scaling(5, 9, { behavior: { scaleUp: { stabilizationWindowSeconds: 0, selectPolicy: "Disabled" } } }),
    5,
    "ReadyForNewScale",
    "ScaleUpLimit",
  ],
  ["so many pods fewer", scaling(10, 1, { behavior: down(pods(3)) }), 7, "ReadyForNewScale", "ScaleDownLimit"],
  [
    "so many per cent fewer, cut",
    scaling(5, 1, { behavior: down(percent(50)) }),
    2,
    "ReadyForNewScale",
    "ScaleDownLimit",
  ],
  [
    "the greater change",
    scaling(10, 1, { behavior: down(pods(1), percent(50)) }),
    5,
    "ReadyForNewScale",
    "ScaleDownLimit",
  ],
  [
    "what was taken in the period counts",
    scaling(8, 1, { behavior: down(pods(3)), scaleDowns: [before(30, 2)] }),
    7,
    "ReadyForNewScale",
    "ScaleDownLimit",
  ],
  [
    "never down",
    scaling(9, 5, { behavior: { scaleDown: { stabilizationWindowSeconds: 0, selectPolicy: "Disabled" } } }),
    9,
    "ReadyForNewScale",
    "ScaleDownLimit",
  ],
  [
    "up waits for a lasting wish",
    scaling(5, 9, { behavior: { scaleUp: { stabilizationWindowSeconds: 60 } }, recommendations: [before(30, 6)] }),
    6,
    "ScaleUpStabilized",
    "DesiredWithinRange",
  ],
  [
    "down waits, by the flag",
    scaling(9, 5, { behavior: { scaleUp: {} }, recommendations: [before(200, 8)] }),
    8,
    "ScaleDownStabilized",
    "DesiredWithinRange",
  ],
  [
    "a wish both ways: stay",
    scaling(5, 9, { behavior: { scaleUp: { stabilizationWindowSeconds: 60 } }, recommendations: [before(30, 3)] }),
    5,
    "ScaleUpStabilized",
    "DesiredWithinRange",
  ],
])("%s", (_what, of, replicas, stabilized, limited) => {
  const answer = normalize(of);
  expect([answer.limited.replicas, answer.stabilized.reason, answer.limited.reason]).toEqual([
    replicas,
    stabilized,
    limited,
  ]);
});

test("how long changes are remembered", () => {
  expect(longestPeriod(undefined)).toBe(15_000);
  expect(longestPeriod({ ...up(pods(1, 600)), ...down(pods(1, 1800)) })).toBe(1_800_000);
});
