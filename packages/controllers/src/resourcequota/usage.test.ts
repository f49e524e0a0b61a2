import type { ResourceQuota } from "@knots/api/core/v1";
import type { KubeObject } from "@knots/machinery";
import { expect, test } from "vitest";
import { calculateUsage, countedResources, nextStatus } from "./usage.ts";

const quota = (hard: Record<string, string>, more: Partial<ResourceQuota> = {}, scopes?: string[]): ResourceQuota => ({
  metadata: { name: "q", namespace: "ns", uid: "q" },
  spec: { hard, ...(scopes === undefined ? {} : { scopes }) },
  ...more,
});
const DEVICES = {
  isDevices: (resource: string) => resource === "x.io/gpu",
  resourceOf: (className: string) => (className === "gpus" ? "x.io/gpu" : undefined),
  podOf: () => undefined,
};
const pod = (cpu: string, phase = "Running"): KubeObject =>
  Object.assign({ metadata: {} }, { spec: { containers: [{ resources: { requests: { cpu } } }] }, status: { phase } });

test("each resource once", () => {
  expect(
    countedResources(quota({ pods: "1", cpu: "1", "count/pods": "1", "count/jobs.batch": "1", odd: "1" }), DEVICES),
  ).toEqual(["pods", "jobs.batch"]);
});

test.each<[string, ResourceQuota, Record<string, KubeObject[]>, Record<string, string>]>([
  ["nothing there", quota({ pods: "2", cpu: "1" }), { pods: [] }, { pods: "0", cpu: "0" }],
  [
    "an ended pod is counted as an object only",
    quota({ pods: "2", cpu: "1", "count/pods": "9" }),
    { pods: [pod("250m"), pod("1"), pod("4", "Succeeded")] },
    { pods: "2", cpu: "1250m", "count/pods": "3" },
  ],
  [
    "what is not served has no figure",
    quota({ pods: "1", "count/widgets.example.com": "1" }),
    { pods: [] },
    { pods: "0" },
  ],
  ["a scope leaves out", quota({ pods: "5" }, {}, ["BestEffort"]), { pods: [pod("1")] }, { pods: "0" }],
])("%s", (_what, subject, objects, want) => {
  const used = calculateUsage(subject, (resource) => objects[resource], 0, DEVICES);
  expect(Object.fromEntries([...used].map(([name, amount]) => [name, amount.toString()]))).toEqual(want);
});

test.each<[string, ResourceQuota["status"], object | undefined]>([
  ["never counted", undefined, { hard: { cpu: "1" }, used: { cpu: "0" } }],
  ["as counted, written otherwise", { hard: { cpu: "1" }, used: { cpu: "0m" } }, undefined],
  ["another limit", { hard: { cpu: "2" }, used: { cpu: "0" } }, { hard: { cpu: "1" }, used: { cpu: "0" } }],
  [
    "an amount no longer limited",
    { hard: { cpu: "1" }, used: { cpu: "0", pods: "1" } },
    { hard: { cpu: "1" }, used: { cpu: "0" } },
  ],
  ["booked and never made", { hard: { cpu: "1" }, used: { cpu: "500m" } }, { hard: { cpu: "1" }, used: { cpu: "0" } }],
])("status %s", (_what, status, want) => {
  const subject = quota({ cpu: "1" }, status === undefined ? {} : { status });
  expect(
    nextStatus(
      subject,
      calculateUsage(subject, () => [], 0, DEVICES),
    ),
  ).toEqual(want);
});

test("devices are counted whichever way they are asked for", () => {
  const subject = quota({ "requests.x.io/gpu": "9", "requests.x.io/licence": "9" });
  const claims = "resourceclaims.resource.k8s.io";
  expect(countedResources(subject, DEVICES)).toEqual(["pods", claims]);
  const requests = { "x.io/gpu": "2", "x.io/licence": "1" };
  const asking: object = { metadata: {}, spec: { containers: [{ resources: { requests } }] } };
  const claim: object = { metadata: {}, spec: { devices: { requests: [{ exactly: { deviceClassName: "gpus" } }] } } };
  const objects: Record<string, KubeObject[]> = { pods: [asking], [claims]: [claim, claim] };
  const used = calculateUsage(subject, (resource) => objects[resource], 0, DEVICES);
  expect([...used].map(([name, amount]) => [name, amount.toString()])).toEqual([
    ["requests.x.io/gpu", "4"],
    ["requests.x.io/licence", "1"],
  ]);
});

test("what could not be counted keeps its figure", () => {
  const status = { hard: { "count/x.y": "5" }, used: { "count/x.y": "3" } };
  expect(nextStatus(quota({ "count/x.y": "5" }, { status }), new Map())).toBeUndefined();
});
