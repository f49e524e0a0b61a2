import { describe, expect, it } from "vitest";
import { parseConfiguration } from "./config.ts";

const configuration = (pluginConfig: unknown): string =>
  JSON.stringify({
    apiVersion: "kubescheduler.config.k8s.io/v1",
    kind: "KubeSchedulerConfiguration",
    profiles: [{ schedulerName: "packed", pluginConfig }],
  });
const fit = (args: unknown): string => configuration([{ name: "NodeResourcesFit", args }]);
const argsOf = (text: string) => parseConfiguration(text).options.profiles?.[0]?.args?.nodeResourcesFit;

describe("pluginConfig of NodeResourcesFit", () => {
  it("has upstream's defaults for what is left out", () => {
    expect(argsOf(fit({ scoringStrategy: { type: "MostAllocated" } }))?.scoringStrategy).toEqual({
      type: "MostAllocated",
      resources: [
        { name: "cpu", weight: 1 },
        { name: "memory", weight: 1 },
      ],
    });
  });

  it("reads resources, weights and shape", () => {
    const shape = [
      { utilization: 0, score: 0 },
      { utilization: 100, score: 10 },
    ];
    const resources = [{ name: "example.com/gpu", weight: 5 }];
    const scoringStrategy = { type: "RequestedToCapacityRatio", resources, requestedToCapacityRatio: { shape } };
    expect(argsOf(fit({ scoringStrategy }))?.scoringStrategy).toEqual({
      type: "RequestedToCapacityRatio",
      resources,
      shape,
    });
  });

  it("reads what is not to be checked", () => {
    const ignored = argsOf(fit({ ignoredResources: ["a.test/x"], ignoredResourceGroups: ["b.test"] }))?.ignored;
    expect(["a.test/x", "a.test/y", "b.test/z"].map((name) => ignored?.(name))).toEqual([true, false, true]);
  });

  it.each([
    [{ type: "Best" }, /packed: .*scoringStrategy.type: "Best" is none of LeastAllocated/],
    [{ resources: [{ name: "cpu", weight: 101 }] }, /weight 101 of cpu must be a whole number from 1 to 100/],
    [{ type: "RequestedToCapacityRatio" }, /at least one point/],
    [
      {
        type: "RequestedToCapacityRatio",
        requestedToCapacityRatio: {
          shape: [
            { utilization: 50, score: 1 },
            { utilization: 40, score: 2 },
          ],
        },
      },
      /sorted in increasing order/,
    ],
  ])("refuses %j", (scoringStrategy, message) => {
    expect(() => parseConfiguration(fit({ scoringStrategy }))).toThrow(message);
  });

  it("refuses the arguments of plug-ins that read none", () => {
    expect(() => parseConfiguration(configuration([{ name: "ImageLocality" }]))).toThrow(
      "profile packed: pluginConfig of ImageLocality is not supported",
    );
  });
});
