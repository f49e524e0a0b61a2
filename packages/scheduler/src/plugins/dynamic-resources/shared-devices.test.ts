import type { AllocationResult, CapacityRequestPolicy, Device } from "@knots/api/resource/v1";
import { describe, expect, it } from "vitest";
import { DRIVER, allocated, claim, request, run, show, slice } from "./allocator.testing.ts";
import { consumedCapacity } from "./consumable-capacity.ts";

describe("devices that may be shared", () => {
  const shared: Device = { name: "a", allowMultipleAllocations: true, capacity: { memory: { value: "10Gi" } } };
  const asking = (memory: string, count = 1) => claim([request("r", { count, capacity: { requests: { memory } } })]);
  const taking = (memory: string): AllocationResult => ({
    devices: {
      results: [
        { request: "r", driver: DRIVER, pool: "pool", device: "a", shareID: memory, consumedCapacity: { memory } },
      ],
    },
  });

  it.each([
    ["is there", asking("4Gi"), [], "r=a"],
    ["is left by others", asking("4Gi"), [taking("6Gi")], "r=a"],
    ["is not left by others", asking("4Gi"), [taking("6Gi"), taking("1Gi")], "none"],
    ["is there twice", asking("5Gi", 2), [], "r=a r=a"],
    ["is not there twice", asking("6Gi", 2), [], "none"],
    ["is all of it where nothing is said", claim([request("r")]), [taking("1Gi")], "none"],
    ["somebody has for himself", asking("4Gi"), [allocated("a")], "none"],
  ])("what %s", (_name, asked, taken, is) => {
    expect(show({ slices: [slice([shared])], claims: [asked], taken })).toBe(is);
  });

  it("say what of them was taken, under a name of its own", () => {
    expect(run({ slices: [slice([shared])], claims: [asking("4Gi")] })?.[0]?.devices?.results).toEqual([
      {
        request: "r",
        driver: DRIVER,
        pool: "pool",
        device: "a",
        shareID: "share-1",
        consumedCapacity: { memory: "4Gi" },
      },
    ]);
  });

  it("capacity selects among devices that may not be shared", () => {
    const devices = [
      { name: "small", capacity: { memory: { value: "2Gi" } } },
      { name: "none" },
      { name: "big", capacity: { memory: { value: "8Gi" } } },
    ];
    expect(show({ slices: [slice(devices)], claims: [asking("4Gi")] })).toBe("r=big");
  });
});

describe("consumedCapacity", () => {
  const range = { validRange: { min: "2Gi", step: "2Gi", max: "8Gi" }, default: "2Gi" };
  const values = { validValues: ["1", "4", "8"], default: "1" };
  it.each<[string | undefined, CapacityRequestPolicy | undefined, string | undefined]>([
    [undefined, undefined, "16Gi"],
    ["3Gi", undefined, "3Gi"],
    [undefined, range, "2Gi"],
    ["1Gi", range, "2Gi"],
    ["3Gi", range, "4Gi"],
    ["8Gi", range, "8Gi"],
    ["9Gi", range, undefined],
    ["2", values, "4"],
    ["9", values, undefined],
    [undefined, values, "1"],
  ])("of %s under %j is %s", (asked, requestPolicy, expected) => {
    const capacity = { value: "16Gi", ...(requestPolicy === undefined ? {} : { requestPolicy }) };
    const consumed = consumedCapacity(
      { name: "d", capacity: { c: capacity } },
      asked === undefined ? undefined : { requests: { c: asked } },
    );
    expect(consumed?.["c"]?.toString()).toBe(expected);
  });

  it("is nothing of a capacity that the device lacks", () => {
    expect(consumedCapacity({ name: "d" }, { requests: { c: "1" } })).toBeUndefined();
  });
});

describe("partitions", () => {
  const part = (name: string, value: string): Device => ({
    name,
    consumesCounters: [{ counterSet: "card", counters: { memory: { value } } }],
  });
  const pool = { name: "pool", generation: 1, resourceSliceCount: 2 };
  const counters = slice(
    [],
    { pool, sharedCounters: [{ name: "card", counters: { memory: { value: "8Gi" } } }] },
    "counters",
  );
  const parts = slice([part("whole", "8Gi"), part("half-1", "4Gi"), part("half-2", "4Gi")], { pool }, "parts");
  const slices = [counters, parts];

  it.each([
    ["take what there is", claim([request("r")]), [], "r=whole"],
    ["leave what fits beside each other", claim([request("r", { count: 2 })]), [], "r=half-1 r=half-2"],
    ["are not there beside the whole", claim([request("r")]), [allocated("whole")], "none"],
    ["are there beside a part", claim([request("r")]), [allocated("half-1")], "r=half-2"],
    ["are not there thrice", claim([request("r", { count: 3 })]), [], "none"],
  ])("%s", (_name, asked, taken, is) => {
    expect(show({ slices, claims: [asked], taken })).toBe(is);
  });

  it("of a counter that nobody offers make the pool invalid", () => {
    const alone = { ...pool, resourceSliceCount: 1 };
    expect(show({ slices: [slice([part("x", "1Gi")], { pool: alone })], claims: [claim([request("r")])] })).toBe(
      `error: pool ${DRIVER}/pool is invalid: counterset "card" not found`,
    );
  });
});
