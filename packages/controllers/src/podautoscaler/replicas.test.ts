import type { Pod } from "@knots/api/core/v1";
import { describe, expect, test } from "vitest";
import type { PodMetric } from "./metrics-client.ts";
import { resourceMetrics } from "./metrics-client.ts";
import { forAverage, forUtilization, forValue, forValuePerPod } from "./replicas.ts";
import type { Situation } from "./replicas.ts";

const NOW = Date.parse("2026-11-25T10:00:00Z");
const ago = (seconds: number): string => new Date(NOW - seconds * 1000).toISOString();

type State = "ready" | "unready" | "starting" | "neverReady" | "pending" | "failed" | "going";
function pod(name: string, state: State = "ready", cpu: string | undefined = "1"): Pod {
  const old = ago(3600);
  const ready = {
    type: "Ready",
    status: state === "ready" || state === "going" ? "True" : "False",
    lastTransitionTime: state === "unready" ? ago(600) : old,
  };
  return {
    metadata: { name, namespace: "ns", ...(state === "going" ? { deletionTimestamp: "x" } : {}) },
    spec: { containers: [{ name: "c", ...(cpu === undefined ? {} : { resources: { requests: { cpu } } }) }] },
    status: {
      phase: state === "pending" ? "Pending" : state === "failed" ? "Failed" : "Running",
      startTime: state === "starting" ? ago(60) : old,
      conditions: [ready],
    },
  };
}
/** Each pod's usage in thousandths; undefined: no figure. */
const metricsOf = (values: (number | undefined)[]): Map<string, PodMetric> =>
  new Map(
    values.flatMap((value, i) =>
      value === undefined ? [] : [[`p${i}`, { value, timestamp: NOW - 10_000, window: 30_000 }]],
    ),
  );
const situation = (states: State[], current = states.length): Situation => ({
  current,
  pods: states.map((state, i) => pod(`p${i}`, state)),
  tolerances: { scaleUp: 0.1, scaleDown: 0.1 },
  options: { now: NOW, cpuInitializationPeriod: 300_000, initialReadinessDelay: 30_000 },
});
const all = (count: number, state: State = "ready"): State[] => Array.from({ length: count }, () => state);

// The tables follow the worked cases of upstream's description of the algorithm.
test.each<[string, Situation, (number | undefined)[], number, number]>([
  ["above the target", situation(all(3)), [300, 500, 700], 30, 5],
  ["below the target", situation(all(5)), [100, 300, 500, 250, 250], 50, 3],
  ["within the tolerance", situation(all(3)), [530, 530, 530], 50, 3],
  ["just outside of it", situation(all(3)), [560, 560, 560], 50, 4],
  [
    "one starting: not counted, taken for nothing",
    situation(["ready", "ready", "starting"]),
    [1000, 1000, 9000],
    50,
    4,
  ],
  ["one pending", situation(["ready", "ready", "pending"]), [1000, 1000, undefined], 50, 4],
  ["one failed: as if it were not there", situation(["ready", "ready", "failed"]), [1000, 1000, undefined], 50, 4],
  ["one going", situation(["ready", "ready", "going"], 2), [1000, 1000, 9000], 50, 4],
  ["one missing when scaling up: nothing", situation(all(3)), [1000, 1000, undefined], 50, 4],
  ["one missing when scaling down: all it asks for", situation(all(4)), [100, 100, 100, undefined], 50, 3],
  ["missing ones turn the direction: nothing changes", situation(all(4)), [100, 450, undefined, undefined], 50, 4],
  ["unready ones would turn it: nothing changes", situation(["ready", "starting", "starting"]), [700, 0, 0], 50, 3],
  ["one that was ready once counts though it is not now", situation(["ready", "unready"]), [1000, 1000], 50, 4],
  ["one that never was does not", situation(["ready", "neverReady"]), [1000, 1000], 50, 2],
])("utilization: %s", (_what, of, values, target, want) => {
  expect(forUtilization(of, metricsOf(values), { resource: "cpu", target }).replicas).toBe(want);
});

test("utilization is told as it was measured, not as it was assumed", () => {
  const answer = forUtilization(situation(all(3)), metricsOf([300, 500, undefined]), { resource: "cpu", target: 30 });
  expect([answer.percent, answer.average]).toEqual([40, 400]);
});

test.each<[string, Situation, (number | undefined)[], string]>([
  ["no pods", situation([]), [], "no pods returned by selector while calculating replica count"],
  ["no figures", situation(all(1)), [], "did not receive metrics for targeted pods (pods might be unready)"],
  [
    "no request",
    { ...situation(all(1)), pods: [{ ...pod("p0"), spec: { containers: [{ name: "c" }] } }] },
    [1],
    "missing request for cpu in container c of Pod ns/p0",
  ],
])("utilization cannot be told: %s", (_what, of, values, why) => {
  expect(() => forUtilization(of, metricsOf(values), { resource: "cpu", target: 50 })).toThrow(why);
});

test.each<[string, Situation, (number | undefined)[], number, number]>([
  ["above", situation(all(3)), [20_000, 10_000, 30_000], 15_000, 4],
  ["below", situation(all(3)), [12_000, 12_000, 12_000], 20_000, 2],
  ["one missing when scaling down: exactly the target", situation(all(4)), [1000, 1000, 1000, undefined], 10_000, 2],
  ["one missing when scaling up: nothing", situation(all(3)), [30_000, 30_000, undefined], 10_000, 6],
])("average: %s", (_what, of, values, target, want) => {
  expect(forAverage(of, metricsOf(values), { resource: "", target }).replicas).toBe(want);
});

test("own tolerances for each direction", () => {
  const of = { ...situation(all(10)), tolerances: { scaleUp: 0, scaleDown: 0.5 } };
  const average = (value: number): number =>
    forAverage(of, metricsOf(all(10).map(() => value)), { resource: "", target: 1000 }).replicas;
  expect([average(1010), average(600), average(400)]).toEqual([11, 10, 4]);
});

test("one figure for all: in proportion to the ready pods", () => {
  expect(forValue(situation(["ready", "ready", "unready"]), 30_000, 10_000)).toBe(6);
  expect(forValue(situation(all(3)), 10_500, 10_000)).toBe(3);
  expect(forValue(situation([], 0), 25_000, 10_000)).toBe(3);
});

test.each([
  [2, 8600, 1000, { replicas: 9, average: 4300 }],
  [3, 3100, 1000, { replicas: 3, average: 1034 }],
  [0, 2500, 1000, { replicas: 3, average: 2500 }],
])("one figure that %i pods share: %i of %i each", (pods, value, target, want) => {
  expect(forValuePerPod(situation([]), pods, value, target)).toEqual(want);
});

describe("figures of the resource metrics API", () => {
  const item = (...cpu: (string | undefined)[]): Parameters<typeof resourceMetrics>[0] => ({
    items: [
      {
        metadata: { name: "p" },
        timestamp: "2026-11-25T10:00:00Z",
        window: "30s",
        containers: cpu.map((each, i) => ({
          name: `c${i}`,
          usage: each === undefined ? {} : ({ cpu: each } as Record<string, string>),
        })),
      },
    ],
  });
  test("containers add up; one without a figure leaves the pod out", () => {
    expect(resourceMetrics(item("100m", "1"), "cpu").get("p")).toEqual({ value: 1100, timestamp: NOW, window: 30_000 });
    expect(resourceMetrics(item("100m", undefined), "cpu").size).toBe(0);
    expect(resourceMetrics(item("100m", "1"), "cpu", "c0").get("p")?.value).toBe(100);
    expect(() => resourceMetrics(item("1"), "cpu", "x")).toThrow("container x not present in metrics for pod p");
  });
});
