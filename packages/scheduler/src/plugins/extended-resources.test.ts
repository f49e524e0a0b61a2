// What the resource plug-ins make of extended resources that are devices.
import type { DeviceClass } from "@knots/api/resource/v1";
import { expect, test } from "vitest";
import { NodeInfo } from "../framework/node-info.ts";
import { podInfo } from "../framework/pod-info.ts";
import { balancedAllocationOf } from "./balanced-allocation.ts";
import { allocated, cel, DRIVER, slice } from "./dynamic-resources/allocator.testing.ts";
import { DeviceSelectors } from "./dynamic-resources/device-selector.ts";
import { deviceTotals } from "./dynamic-resources/device-totals.ts";
import { DevicesInUse } from "./dynamic-resources/devices-in-use.ts";
import { claimHint } from "./dynamic-resources/hints.ts";
import { PoolIndex } from "./dynamic-resources/pools.ts";
import { CycleState } from "../framework/cycle-state.ts";
import { classHelps, nodeResourcesFit } from "./node-resources-fit.ts";
import { resourceScorer } from "./resource-scoring.ts";

const GPU = "x.io/gpu";

function node(allocatable: Record<string, string>): NodeInfo {
  const info = new NodeInfo("n");
  info.setNode({ metadata: { name: "n" }, status: { allocatable: { pods: "10", ...allocatable } } });
  return info;
}

const pod = (requests: Record<string, string>, uid = JSON.stringify(requests)) =>
  podInfo({
    metadata: { name: "pod", namespace: "default", uid },
    spec: { containers: [{ name: "main", resources: { requests } }] },
  });

function deviceClass(name: string, spec: DeviceClass["spec"] = {}): DeviceClass {
  return { metadata: { name }, spec };
}

test.each<[string, Record<string, string>, Record<string, string>, string[]]>([
  ["devices are left to who knows them", { [GPU]: "2" }, {}, []],
  ["also where the node says that it has none", { [GPU]: "2" }, { [GPU]: "0" }, []],
  ["not where a device plug-in offers them", { [GPU]: "2" }, { [GPU]: "1" }, [`Insufficient ${GPU}`]],
  ["other resources must be there", { "x.io/other": "1" }, {}, ["Insufficient x.io/other"]],
])("fit: %s", (_what, requests, allocatable, want) => {
  const fit = nodeResourcesFit(
    {},
    { classOfResource: (name) => (name === GPU ? deviceClass("gpus") : undefined), totalsOf: () => undefined },
  );
  expect(fit.filter(new CycleState(), pod(requests), node(allocatable))?.reasons ?? []).toEqual(want);
});

const named = (extendedResourceName: string) => deviceClass("gpus", { extendedResourceName });
test.each<[string, DeviceClass | undefined, DeviceClass | undefined, boolean]>([
  ["a new class with the resource", undefined, named(GPU), true],
  ["a new class with another", undefined, named("x.io/other"), false],
  ["a class that is given the resource", deviceClass("gpus"), named(GPU), true],
  ["another change of it", named(GPU), named(GPU), false],
  ["a class that is gone", named(GPU), undefined, false],
])("a pod may fit after: %s", (_what, old, current, want) => {
  expect(classHelps(pod({ [GPU]: "1" }), old, current)).toBe(want);
});

test("a pod may fit after the class is made that its resource is named after", () => {
  const waiting = pod({ "deviceclass.resource.kubernetes.io/gpus": "1" });
  expect(classHelps(waiting, undefined, deviceClass("gpus"))).toBe(true);
  expect(classHelps(waiting, deviceClass("gpus"), deviceClass("gpus", { selectors: [] }))).toBe(false);
});

const SLICES = [
  slice([
    { name: "a", attributes: { big: { bool: true } } },
    { name: "b", attributes: { big: { bool: true } } },
    { name: "c", attributes: { big: { bool: false } } },
  ]),
];
function totalsOf(spec: DeviceClass["spec"], taken: string[], on = "n") {
  const inUse = new DevicesInUse();
  for (const each of taken) inUse.add(allocated(each));
  const classOfResource = (name: string) => (name === GPU ? deviceClass("gpus", spec) : undefined);
  const pools = new PoolIndex(SLICES);
  const known = { classOfResource, pools: () => pools, selectors: new DeviceSelectors(), claims: { inUse } };
  return (resource: string) => deviceTotals(known, resource, { metadata: { name: on } });
}
const BIG = [cel(`device.attributes["${DRIVER}"].big`)];

test.each<[string, DeviceClass["spec"], string[], { total: number; allocated: number } | undefined]>([
  ["all of a class without selectors", {}, ["a"], { total: 3, allocated: 1 }],
  ["those that the class selects", { selectors: BIG }, ["a", "c"], { total: 2, allocated: 1 }],
  ["none where the class is wrong", { selectors: [cel("device.nothing")] }, [], undefined],
])("counts devices: %s", (_what, spec, taken, want) => {
  expect(totalsOf(spec, taken)(GPU)).toEqual(want);
});

test("counts no devices of other resources and nodes", () => {
  expect(totalsOf({}, [])("x.io/other")).toBeUndefined();
  expect(totalsOf({}, [], "m")(GPU)).toEqual({ total: 0, allocated: 0 });
});

test("scores by the devices that are left, where no device plug-in offers any", () => {
  const score = resourceScorer(
    { type: "LeastAllocated", resources: [{ name: GPU, weight: 1 }] },
    totalsOf({ selectors: BIG }, ["a"]),
  );
  // Of two one is taken, and one asked for; of four two are.
  expect(score(pod({ [GPU]: "1" }), node({}))).toBe(0);
  expect(score(pod({ [GPU]: "2" }), node({ [GPU]: "4" }))).toBe(50);
  // Whoever does not ask does not care.
  expect(score(pod({ cpu: "1" }), node({}))).toBe(0);
  const most = resourceScorer({ type: "MostAllocated", resources: [{ name: GPU, weight: 1 }] }, totalsOf({}, []));
  expect(most(pod({ [GPU]: "1" }), node({}))).toBe(33);
});

test("balances by the devices that are left", () => {
  const plugin = balancedAllocationOf({ resources: ["cpu", GPU] }, totalsOf({ selectors: BIG }, []));
  // Half of the devices and half of the CPU; half and all.
  expect(plugin.score(new CycleState(), pod({ cpu: "2", [GPU]: "1" }), node({ cpu: "4" }))).toBe(100);
  expect(plugin.score(new CycleState(), pod({ cpu: "2", [GPU]: "2" }), node({ cpu: "4" }))).toBe(75);
});

test("a pod that waits for devices may have them once another's attempt is given up, or its own left-over is gone", () => {
  const asks = ({ requests }: { requests: { scalar: Map<string, number> } }): boolean => requests.scalar.has(GPU);
  const waiting = pod({ [GPU]: "1" }, "waiting");
  const released = (other: ReturnType<typeof pod>) => claimHint(waiting, "AssignedPodDelete", other, undefined, asks);
  expect([released(pod({ [GPU]: "1" }, "other")), released(pod({ cpu: "1" }, "cpu"))]).toEqual([true, false]);
  const leftOver = (uid: string) => ({
    metadata: {
      name: "c",
      annotations: { "resource.kubernetes.io/extended-resource-claim": "true" },
      ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "pod", uid, controller: true }],
    },
    spec: {},
  });
  const gone = (uid: string) => claimHint(waiting, "ResourceClaimChange", leftOver(uid), undefined, asks);
  expect([gone("waiting"), gone("other")]).toEqual([true, false]);
});
