import type { Pod } from "@knots/api/core/v1";
import { describe, expect, it } from "vitest";
import { podCgroup, podCgroupSettings, sharesToWeight } from "./cgroups.ts";
import { linuxResources, milliCPUToQuota, milliCPUToShares, oomScoreAdj } from "./resources.ts";

const pod = (
  requests?: Record<string, string>,
  limits?: Record<string, string>,
  more: Partial<NonNullable<Pod["spec"]>> = {},
): Pod => ({
  metadata: { name: "p", uid: "u" },
  spec: {
    containers: [
      {
        name: "a",
        resources: { ...(requests === undefined ? {} : { requests }), ...(limits === undefined ? {} : { limits }) },
      },
    ],
    ...more,
  },
});

describe("cgroup arithmetic", () => {
  it("shares, quota and weight", () => {
    expect([0, 1, 100, 1000, 1_000_000].map(milliCPUToShares)).toEqual([2, 2, 102, 1024, 262_144]);
    expect([0, 1, 500].map((milli) => milliCPUToQuota(milli))).toEqual([0, 1000, 50_000]);
    expect([2, 1024, 262_144].map(sharesToWeight)).toEqual([1, 39, 10_000]);
  });
  it("a missing request is the limit", () => {
    expect(linuxResources({ limits: { cpu: "500m", memory: "1Mi" } })).toEqual({
      cpuShares: 512,
      cpuQuota: 50_000,
      cpuPeriod: 100_000,
      memoryLimit: 1_048_576,
    });
  });
  it("oom_score_adj by class, share of memory and importance", () => {
    const score = (p: Pod) => oomScoreAdj(p, p.spec?.containers[0] ?? { name: "" }, 1_000_000_000);
    expect(score(pod())).toBe(1000);
    expect(score(pod({ memory: "100M" }))).toBe(900);
    expect(score(pod({ memory: "1" }))).toBe(999);
    expect(score(pod({ memory: "10G" }))).toBe(3);
    expect(score(pod({ cpu: "1", memory: "1M" }, { cpu: "1", memory: "1M" }))).toBe(-997);
    expect(score(pod(undefined, undefined, { priority: 2_000_000_000 }))).toBe(-997);
  });
  it("a pod's cgroup lies under its class", () => {
    expect(podCgroup("/k", pod())).toBe("/k/kubepods/besteffort/podu");
    expect(podCgroup("/k", pod({ cpu: "1" }))).toBe("/k/kubepods/burstable/podu");
    expect(podCgroup("", pod({ cpu: "1", memory: "1M" }, { cpu: "1", memory: "1M" }))).toBe("/kubepods/podu");
  });
  it("limits hold for the pod only when every container has them", () => {
    const two = pod(undefined, undefined, {
      containers: [
        { name: "a", resources: { limits: { cpu: "1", memory: "64Mi" }, requests: { cpu: "500m", memory: "64Mi" } } },
        { name: "b", resources: { limits: { memory: "64Mi" }, requests: { memory: "64Mi" } } },
      ],
    });
    expect(podCgroupSettings(two, 100)).toEqual({ cpuShares: 512, memoryLimit: 128 * 1_048_576, pids: 100 });
  });
});
