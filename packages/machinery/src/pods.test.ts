import { describe, expect, it } from "vitest";
import {
  findMatchingUntoleratedTaint,
  isPodAvailable,
  isPodReady,
  isPodTerminal,
  nodeMatchesNodeSelectorTerms,
  podLimits,
  podQOSClass,
  podRequests,
  tolerationToleratesTaint,
} from "./pods.ts";

const texts = (amounts: Record<string, { toString(): string }>): Record<string, string> =>
  Object.fromEntries(Object.entries(amounts).map(([name, amount]) => [name, amount.toString()]));
const cpu = (requests: string, restartPolicy?: string): object => ({
  resources: { requests: { cpu: requests } },
  ...(restartPolicy === undefined ? {} : { restartPolicy }),
});

describe("resources named like a part of every object", () => {
  const resources = { limits: JSON.parse('{"constructor":"1","__proto__":"2"}') as Record<string, string> };
  const twice = { containers: [{ resources }, { resources }], initContainers: [{ resources }] };

  it("add up as others do", () => {
    expect(Object.entries(texts(podRequests(twice)))).toEqual([
      ["constructor", "2"],
      ["__proto__", "4"],
    ]);
    const overhead = { toString: "1", ...resources.limits } as Record<string, string>;
    expect(Object.entries(texts(podLimits({ ...twice, overhead })))).toEqual([
      ["constructor", "3"],
      ["__proto__", "6"],
    ]);
  });
});

describe("readiness", () => {
  const pod = (status: string): object => ({
    status: { conditions: [{ type: "Ready", status, lastTransitionTime: "2026-01-01T00:00:00Z" }] },
  });

  it("is the Ready condition's, and availability needs it long enough", () => {
    expect(isPodReady(pod("True"))).toBe(true);
    expect(isPodReady(pod("False"))).toBe(false);
    const start = Date.UTC(2026, 0, 1);
    expect(isPodAvailable(pod("True"), 10, start + 9_999)).toBe(false);
    expect(isPodAvailable(pod("True"), 10, start + 10_000)).toBe(true);
    expect(isPodAvailable(pod("False"), 0, start)).toBe(false);
    expect(isPodTerminal({ status: { phase: "Failed" } })).toBe(true);
    expect(isPodTerminal({})).toBe(false);
  });
});

describe("resources", () => {
  it("are the larger of running and initialising, sidecars counted in both", () => {
    expect(texts(podRequests({ containers: [cpu("1"), cpu("500m")], initContainers: [cpu("1")] }))).toEqual({
      cpu: "1500m",
    });
    expect(texts(podRequests({ containers: [cpu("1")], initContainers: [cpu("2", "Always"), cpu("2")] }))).toEqual({
      cpu: "4",
    });
    expect(texts(podRequests({ containers: [cpu("1")], initContainers: [cpu("2"), cpu("2", "Always")] }))).toEqual({
      cpu: "3",
    });
  });

  it("include the overhead: limits only where there are any", () => {
    const spec = { containers: [{ resources: { limits: { cpu: "1" } } }], overhead: { cpu: "100m", memory: "1Mi" } };
    expect(texts(podLimits(spec))).toEqual({ cpu: "1100m" });
    expect(texts(podRequests(spec))).toEqual({ cpu: "1100m", memory: "1Mi" });
  });

  it("give way to the pod's own", () => {
    expect(texts(podRequests({ containers: [cpu("1")], resources: { requests: { cpu: "3" } } }))).toEqual({ cpu: "3" });
  });
});

describe("podQOSClass", () => {
  const full = { cpu: "1", memory: "1Gi" };
  it.each([
    ["BestEffort", [{}]],
    ["BestEffort", [{ requests: { cpu: "0" } }]],
    ["Burstable", [{ requests: { cpu: "1" } }]],
    ["Burstable", [{ limits: { cpu: "1" } }]],
    ["Burstable", [{ limits: full }, {}]],
    ["Burstable", [{ limits: full, requests: { cpu: "500m" } }]],
    ["Guaranteed", [{ limits: full }]],
    ["Guaranteed", [{ limits: full, requests: { cpu: "1000m", memory: "1024Mi" } }]],
  ])("%s: %j", (expected, all: { limits?: Record<string, string>; requests?: Record<string, string> }[]) => {
    expect(podQOSClass({ spec: { containers: all.map((resources) => ({ resources })) } })).toBe(expected);
  });
});

describe("taints", () => {
  const taint = { key: "a", value: "1", effect: "NoSchedule" };
  it.each([
    [{ operator: "Exists" }, true],
    [{ key: "a", operator: "Exists" }, true],
    [{ key: "a", value: "1" }, true],
    [{ key: "a", value: "2" }, false],
    [{ key: "b", operator: "Exists" }, false],
    [{ key: "a", operator: "Exists", effect: "NoExecute" }, false],
    [{ key: "a", operator: "Equal", value: "1", effect: "NoSchedule" }, true],
  ])("%j: %s", (toleration, expected) => {
    expect(tolerationToleratesTaint(toleration, taint)).toBe(expected);
  });

  it("are found when nothing tolerates them", () => {
    const other = { key: "b", effect: "NoExecute" };
    expect(findMatchingUntoleratedTaint([taint, other], [{ key: "a", operator: "Exists" }])).toBe(other);
    expect(findMatchingUntoleratedTaint([taint, other], [], ({ effect }) => effect === "NoExecute")).toBe(other);
    expect(findMatchingUntoleratedTaint(undefined, undefined)).toBeUndefined();
  });
});

describe("nodeMatchesNodeSelectorTerms", () => {
  const node = { metadata: { name: "n1", labels: { zone: "a", cores: "8" } } };
  it.each([
    [[], false],
    [[{}], false],
    [[{ matchExpressions: [{ key: "zone", operator: "In", values: ["a", "b"] }] }], true],
    [[{ matchExpressions: [{ key: "zone", operator: "NotIn", values: ["a"] }] }, {}], false],
    [[{ matchExpressions: [{ key: "cores", operator: "Gt", values: ["4"] }] }], true],
    [[{ matchExpressions: [{ key: "cores", operator: "Gt", values: ["many"] }] }], false],
    [[{ matchExpressions: [{ key: "zone", operator: "Like", values: ["a"] }] }], false],
    [[{ matchFields: [{ key: "metadata.name", operator: "In", values: ["n1"] }] }], true],
    [
      [
        {
          matchExpressions: [{ key: "zone", operator: "Exists" }],
          matchFields: [{ key: "metadata.name", operator: "In", values: ["n2"] }],
        },
      ],
      false,
    ],
    [
      [
        { matchExpressions: [{ key: "x", operator: "Exists" }] },
        { matchExpressions: [{ key: "x", operator: "DoesNotExist" }] },
      ],
      true,
    ],
  ])("%j: %s", (terms, expected) => {
    expect(nodeMatchesNodeSelectorTerms(node, terms)).toBe(expected);
  });
});
