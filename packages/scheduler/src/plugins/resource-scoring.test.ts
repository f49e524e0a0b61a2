import { describe, expect, it } from "vitest";
import { NodeInfo } from "../framework/node-info.ts";
import { podInfo } from "../framework/pod-info.ts";
import { brokenLinear, resourceScorer } from "./resource-scoring.ts";
import type { ScoringStrategy } from "./resource-scoring.ts";

function node(allocatable: Record<string, string>): NodeInfo {
  const info = new NodeInfo("node");
  info.setNode({ metadata: { name: "node" }, status: { allocatable } });
  return info;
}

const pod = (requests: Record<string, string>) =>
  podInfo({
    metadata: { name: "pod", namespace: "default", uid: JSON.stringify(requests) },
    spec: { containers: [{ name: "main", resources: { requests } }] },
  });

const CPU_AND_MEMORY = [
  { name: "cpu", weight: 1 },
  { name: "memory", weight: 1 },
];
const LINE = [
  { utilization: 0, score: 0 },
  { utilization: 100, score: 10 },
];

describe("resourceScorer", () => {
  const half = pod({ cpu: "2", memory: "1Gi" });
  const full = node({ cpu: "4", memory: "4Gi" });
  it.each<[string, ScoringStrategy, number]>([
    // CPU 50 % and memory 75 % free.
    ["LeastAllocated", { type: "LeastAllocated", resources: CPU_AND_MEMORY }, 62],
    ["MostAllocated", { type: "MostAllocated", resources: CPU_AND_MEMORY }, 37],
    ["RequestedToCapacityRatio", { type: "RequestedToCapacityRatio", resources: CPU_AND_MEMORY, shape: LINE }, 38],
    [
      "weights",
      {
        type: "MostAllocated",
        resources: [
          { name: "cpu", weight: 3 },
          { name: "memory", weight: 1 },
        ],
      },
      43,
    ],
  ])("%s", (_name, strategy, expected) => {
    expect(resourceScorer(strategy)(half, full)).toBe(expected);
  });

  it("guesses at containers that ask for nothing", () => {
    const score = resourceScorer({ type: "LeastAllocated", resources: [{ name: "cpu", weight: 1 }] });
    expect(score(pod({}), node({ cpu: "1", memory: "1Gi" }))).toBe(90);
  });

  it("compares an extended resource only for pods that ask for it, on nodes that have it", () => {
    const resources = [...CPU_AND_MEMORY, { name: "example.com/gpu", weight: 5 }];
    const score = resourceScorer({ type: "MostAllocated", resources });
    const gpus = node({ cpu: "4", memory: "4Gi", "example.com/gpu": "4" });
    expect(score(half, gpus)).toBe(37);
    expect(score(pod({ cpu: "2", memory: "1Gi", "example.com/gpu": "4" }), gpus)).toBe(Math.floor((50 + 25 + 500) / 7));
    expect(score(pod({ cpu: "2", memory: "1Gi", "example.com/gpu": "4" }), full)).toBe(37);
  });

  it("gives a full node nothing by LeastAllocated, everything by MostAllocated", () => {
    const large = pod({ cpu: "8", memory: "8Gi" });
    expect(resourceScorer({ type: "LeastAllocated", resources: CPU_AND_MEMORY })(large, full)).toBe(0);
    expect(resourceScorer({ type: "MostAllocated", resources: CPU_AND_MEMORY })(large, full)).toBe(100);
  });
});

describe("brokenLinear", () => {
  const line = brokenLinear([
    { utilization: 10, score: 100 },
    { utilization: 50, score: 0 },
    { utilization: 90, score: 50 },
  ]);
  it.each([
    [0, 100],
    [10, 100],
    [30, 50],
    [50, 0],
    [60, 12],
    [95, 50],
  ])("at %i is %i", (utilization, score) => {
    expect(line(utilization)).toBe(score);
  });
});
