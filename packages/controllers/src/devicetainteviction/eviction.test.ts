import type { DeviceTaint, DeviceToleration, ResourceSlice } from "@knots/api/resource/v1";
import { expect, test } from "vitest";
import { claimEvictionTime, evictingTaints } from "./eviction.ts";

const T = "2026-01-01T00:00:00Z";
const START = Date.parse(T);
const taint = (key: string, more: Partial<DeviceTaint> = {}): DeviceTaint => ({
  key,
  effect: "NoExecute",
  timeAdded: T,
  ...more,
});
const tolerate = (key: string, tolerationSeconds?: number): DeviceToleration => ({
  key,
  operator: "Exists",
  effect: "NoExecute",
  ...(tolerationSeconds === undefined ? {} : { tolerationSeconds }),
});

/** Seconds after the taint was added. */
function after(taints: DeviceTaint[], tolerations: DeviceToleration[]): number | undefined {
  const results = [{ request: "r", driver: "d", pool: "p", device: "a", tolerations }];
  const claim = { spec: {}, status: { allocation: { devices: { results } } } };
  const at = claimEvictionTime(claim, () => taints);
  return at === undefined ? undefined : (at - START) / 1000;
}

test.each<[string, DeviceTaint[], DeviceToleration[], number | undefined]>([
  ["no taint", [], [], undefined],
  ["nothing tolerated", [taint("a")], [], 0],
  ["another taint tolerated", [taint("a")], [tolerate("b")], 0],
  ["tolerated for ever", [taint("a")], [tolerate("a")], undefined],
  ["tolerated for a while", [taint("a")], [tolerate("a", 60)], 60],
  ["tolerated for less than no time", [taint("a")], [tolerate("a", -60)], 0],
  ["the shortest of two", [taint("a")], [tolerate("a", 60), tolerate("a", 30)], 30],
  ["one of two is for ever", [taint("a")], [tolerate("a", 60), tolerate("a")], undefined],
  ["the first of two taints", [taint("a"), taint("b")], [tolerate("a", 60), tolerate("b", 90)], 60],
  ["one of two taints tolerated", [taint("a"), taint("b")], [tolerate("a")], 0],
  ["a later taint", [taint("a", { timeAdded: "2026-01-01T00:01:00Z" })], [tolerate("a", 30)], 90],
  ["any effect tolerated", [taint("a")], [{ key: "a", operator: "Exists" }], undefined],
  ["another effect tolerated", [taint("a")], [{ key: "a", operator: "Exists", effect: "NoSchedule" }], 0],
  ["everything tolerated", [taint("a")], [{ operator: "Exists", tolerationSeconds: 5 }], 5],
  ["another value tolerated", [taint("a", { value: "x" })], [{ key: "a", operator: "Equal", value: "y" }], 0],
  ["the value tolerated", [taint("a", { value: "x" })], [{ key: "a", operator: "Equal", value: "x" }], undefined],
])("%s", (_what, taints, tolerations, want) => {
  expect(after(taints, tolerations)).toBe(want);
});

test("the first of several devices counts, and a claim without devices has none", () => {
  const results = ["a", "b", "c"].map((device) => ({ request: "r", driver: "d", pool: "p", device }));
  const times = new Map([
    ["b", "2026-01-01T00:00:20Z"],
    ["c", "2026-01-01T00:00:10Z"],
  ]);
  const at = claimEvictionTime({ spec: {}, status: { allocation: { devices: { results } } } }, ({ device }) => {
    const timeAdded = times.get(device);
    return timeAdded === undefined ? [] : [taint("a", { timeAdded })];
  });
  expect(at).toBe(START + 10_000);
  expect(claimEvictionTime({ spec: {} }, () => [taint("a")])).toBeUndefined();
});

function slice(name: string, generation: number, devices: Record<string, DeviceTaint[]>): ResourceSlice {
  return {
    metadata: { name },
    spec: {
      driver: "d",
      pool: { name: "p", generation, resourceSliceCount: 1 },
      devices: Object.entries(devices).map(([device, taints]) => ({ name: device, taints })),
    },
  };
}

test("of a pool the newest generation says which devices are tainted, and only NoExecute evicts", () => {
  const taints = evictingTaints([
    slice("old", 1, { a: [taint("old")], gone: [taint("old")] }),
    slice("x", 2, { a: [taint("x"), taint("y", { effect: "NoSchedule" })], b: [taint("z", { effect: "None" })] }),
    slice("y", 2, { c: [taint("x")] }),
  ]);
  expect([...taints].map(([device, of]) => [device, of.map(({ key }) => key)])).toEqual([
    ["a", ["x"]],
    ["c", ["x"]],
  ]);
  expect(evictingTaints([]).size).toBe(0);
});
