import { formatFieldError } from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import { expect, it } from "vitest";
import { context, created, infoOf } from "../harness.testing.ts";
import type { Loose } from "../harness.testing.ts";
import { strategyFor } from "../index.ts";

const SLICES = infoOf("resourceslices", "resource.k8s.io");
const ctx = context();
const pool = { name: "pool", generation: 1, resourceSliceCount: 1 };
const slice = (spec: object): Loose => ({
  metadata: { name: "s" },
  spec: { driver: "example.com", pool, allNodes: true, ...spec },
});
const errorsOf = (spec: object): string[] =>
  (strategyFor(SLICES).validate?.(created(SLICES, slice(spec)) as KubeObject, ctx) ?? []).map(formatFieldError);
const device = (more: object = {}): object => ({ name: "gpu", ...more });
const repeat = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
const taint = { key: "a", effect: "NoSchedule" };
const policy = (requestPolicy: object): object => ({
  devices: [device({ allowMultipleAllocations: true, capacity: { memory: { value: "10", requestPolicy } } })],
});

it.each<[string, object]>([
  [
    "devices with attributes and capacities",
    {
      devices: [
        device({
          attributes: { a: { int: 1 }, "x.com/b": { version: "1.2.3-rc.1+5" } },
          capacity: { memory: { value: "1Gi" } },
        }),
      ],
    },
  ],
  ["devices of one node", { allNodes: undefined, nodeName: "node-1", devices: [device({ taints: [taint] })] }],
  [
    "devices each of another node",
    { allNodes: undefined, perDeviceNodeSelection: true, devices: [device({ nodeName: "a" })] },
  ],
  ["counters", { sharedCounters: [{ name: "set", counters: { memory: { value: "1" } } }] }],
  [
    "devices that consume counters",
    { devices: [device({ consumesCounters: [{ counterSet: "set", counters: { memory: { value: "1" } } }] })] },
  ],
  ["capacities in steps", policy({ default: "4", validRange: { min: "2", max: "10", step: "2" } })],
  ["capacities to choose from", policy({ default: "4", validValues: ["2", "4"] })],
])("takes %s", (_what, spec) => {
  expect(errorsOf(spec)).toEqual([]);
});

it.each<[object, string | RegExp]>([
  [{ driver: "" }, "spec.driver: Required value"],
  [{ driver: "a".repeat(64) }, /^spec\.driver: Too long: may not be more than 63 bytes/],
  [{ pool: { ...pool, name: "" } }, "spec.pool.name: Required value"],
  [
    { pool: { ...pool, resourceSliceCount: 0 } },
    "spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero",
  ],
  [
    { pool: { ...pool, generation: -1 } },
    "spec.pool.generation: Invalid value: -1: must be greater than or equal to zero",
  ],
  [
    { allNodes: undefined },
    "spec: Required value: exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required",
  ],
  [
    { nodeName: "a" },
    'spec: Invalid value: "{`nodeName`, `allNodes`}": exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required, but multiple fields are set',
  ],
  [{ allNodes: false, nodeName: "a" }, "spec.allNodes: Invalid value: false: must be either unset or set to true"],
  [{ nodeName: "" }, 'spec.nodeName: Invalid value: "": must be either unset or set to a non-empty string'],
  [
    { sharedCounters: [{ name: "set", counters: { a: { value: "1" } } }], devices: [device()] },
    'spec: Invalid value: "": only one of `sharedCounters` or `devices` is allowed',
  ],
  [{ devices: repeat(129, (i) => ({ name: `d${i}` })) }, "spec.devices: Too many: 129: must have at most 128 items"],
  [
    { devices: repeat(65, (i) => ({ name: `d${i}`, taints: [taint] })) },
    "spec.devices: Too many: 65: must have at most 64 items",
  ],
  [{ devices: [device(), device()] }, 'spec.devices[1]: Duplicate value: "gpu"'],
  [
    { devices: [device({ nodeName: "a" })] },
    /^spec\.devices\[0\]: Invalid value: "null": `nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set/,
  ],
  [
    { allNodes: undefined, perDeviceNodeSelection: true, devices: [device()] },
    /^spec\.devices\[0\]: Required value: exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required/,
  ],
  [
    { devices: [device({ attributes: { "a-b": { int: 1 } } })] },
    /^spec\.devices\[0\]\.attributes: Invalid value: "a-b": a valid C identifier/,
  ],
  [
    { devices: [device({ attributes: { "a/b/c": { int: 1 } } })] },
    'spec.devices[0].attributes: Invalid value: "a/b/c": must not contain more than one slash',
  ],
  [
    { devices: [device({ attributes: { a: {} } })] },
    'spec.devices[0].attributes[a]: Invalid value: "": exactly one value must be specified',
  ],
  [
    { devices: [device({ attributes: { a: { int: 1, bool: true } } })] },
    /attributes\[a\]: Invalid value: .*: exactly one value must be specified$/,
  ],
  [
    { devices: [device({ attributes: { a: { version: "1" } } })] },
    'spec.devices[0].attributes[a].version: Invalid value: "1": must be a string compatible with semver.org spec 2.0.0',
  ],
  [
    { devices: [device({ attributes: { a: { string: "x".repeat(65) } } })] },
    /attributes\[a\]\.string: Too long: may not be more than 64 bytes/,
  ],
  [
    { devices: [device({ attributes: Object.fromEntries(repeat(33, (i) => [`a${i}`, { int: i }])) })] },
    "spec.devices[0]: Invalid value: 33: the total number of attributes and capacities must not exceed 32",
  ],
  [
    { devices: [device({ taints: [{ key: "a", effect: "PreferNoSchedule" }] })] },
    /taints\[0\]\.effect: Unsupported value: "PreferNoSchedule"/,
  ],
  [
    { devices: [device({ consumesCounters: [{ counterSet: "", counters: {} }] })] },
    "spec.devices[0].consumesCounters[0].counterSet: Required value",
  ],
  [
    { devices: [device({ bindingFailureConditions: ["a"] })] },
    /bindingConditions: Invalid value: \[\]: bindingConditions are required to use bindingFailureConditions/,
  ],
  [{ sharedCounters: [{ name: "set", counters: {} }] }, "spec.sharedCounters[0].counters: Required value"],
  [
    { devices: [device({ capacity: { memory: { value: "1", requestPolicy: { default: "1" } } } })] },
    "spec.devices[0].capacity[memory].requestPolicy: Forbidden: allowMultipleAllocations must be true",
  ],
  [policy({ validValues: ["1"] }), /requestPolicy\.default: Required value: required when validValues is defined/],
  [
    policy({ default: "1", validValues: ["1"], validRange: { min: "1" } }),
    /requestPolicy: Forbidden: exactly one policy can be specified/,
  ],
  [
    policy({ default: "2", validValues: ["2", "1"] }),
    /validValues\[1\]: Invalid value: "1": values must be sorted in ascending order/,
  ],
  [
    policy({ default: "1", validValues: ["1", "11"] }),
    /validValues\[1\]: Invalid value: "11": option is larger than capacity value: 10/,
  ],
  [
    policy({ default: "3", validValues: ["1"] }),
    /validValues: Invalid value: "3": default value is not valid according to the requestPolicy/,
  ],
  [
    policy({ default: "1", validRange: { min: "2" } }),
    /validRange\.default: Invalid value: "1": default is less than min: 2/,
  ],
  [
    policy({ default: "3", validRange: { min: "2", step: "2" } }),
    /validRange\.step: Invalid value: "3": value is not a multiple of a given step \(2\) from \(2\)/,
  ],
  [
    policy({ default: "2", validRange: { min: "2", step: "9" } }),
    /validRange\.step: Invalid value: "9": one step 11 is larger than capacity value: 10/,
  ],
])("refuses %j", (spec, message) => {
  const [first] = errorsOf(spec);
  if (typeof message === "string") expect(first).toBe(message);
  else expect(first).toMatch(message);
});

it("keeps its driver, pool and node", () => {
  const old = created(SLICES, slice({ allNodes: undefined, nodeName: "a" }));
  old.metadata.resourceVersion = "1";
  const next = structuredClone(old);
  next.spec = { ...next.spec, driver: "b", nodeName: "b", pool: { ...pool, name: "b" } };
  expect((strategyFor(SLICES).validateUpdate?.(next, old, ctx) ?? []).map(formatFieldError)).toEqual([
    'spec.pool.name: Invalid value: "b": field is immutable',
    'spec.driver: Invalid value: "b": field is immutable',
    'spec.nodeName: Invalid value: "b": field is immutable',
  ]);
});
