import type { Node } from "@knots/api/core/v1";
import { describe, expect, it } from "vitest";
import { CycleState } from "./framework/cycle-state.ts";
import { NodeInfo } from "./framework/node-info.ts";
import { podInfo } from "./framework/pod-info.ts";
import type { PodInfo } from "./framework/pod-info.ts";
import { readPluginConfig } from "./plugin-config.ts";
import { balancedAllocationOf } from "./plugins/balanced-allocation.ts";
import { nodeAffinity } from "./plugins/node-affinity.ts";

const zone = { matchExpressions: [{ key: "zone", operator: "In", values: ["a"] }] };

describe("pluginConfig", () => {
  it.each<[string, object, object]>([
    [
      "InterPodAffinity",
      { hardPodAffinityWeight: 5, ignorePreferredTermsOfExistingPods: true },
      { interPodAffinity: { hardPodAffinityWeight: 5, ignorePreferredTermsOfExistingPods: true } },
    ],
    [
      "NodeAffinity",
      { addedAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [zone] } } },
      {
        nodeAffinity: {
          addedAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [zone] } },
        },
      },
    ],
    [
      "NodeResourcesBalancedAllocation",
      { resources: [{ name: "cpu", weight: 1 }, { name: "x.test/y" }] },
      { balancedAllocation: { resources: ["cpu", "x.test/y"] } },
    ],
    ["PodTopologySpread", { defaultingType: "System" }, {}],
    [
      "PodTopologySpread",
      {
        defaultingType: "List",
        defaultConstraints: [{ maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule" }],
      },
      {
        podTopologySpread: {
          defaultConstraints: [{ maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule" }],
        },
      },
    ],
    ["VolumeBinding", { bindTimeoutSeconds: 30 }, { volumeBinding: { bindTimeoutMs: 30_000 } }],
    ["DefaultPreemption", { minCandidateNodesAbsolute: 7 }, { defaultPreemption: { minCandidateNodesAbsolute: 7 } }],
    ["DynamicResources", { filterTimeout: "2s" }, { dynamicResources: { filterTimeoutMs: 2000 } }],
  ])("of %s is read: %j", (name, args, expected) => {
    const kind = { apiVersion: "kubescheduler.config.k8s.io/v1", kind: `${name}Args` };
    expect(readPluginConfig([{ name, args: { ...kind, ...args } }])).toEqual(expected);
  });

  it.each<[string, object, string]>([
    ["InterPodAffinity", { hardPodAffinityWeight: 101 }, "hardPodAffinityWeight: 101 is not in valid range [0, 100]"],
    ["NodeResourcesBalancedAllocation", { resources: [{ name: "cpu", weight: 2 }] }, "weight must be 1"],
    ["PodTopologySpread", { defaultConstraints: [{ maxSkew: 1 }] }, "it must be List"],
    [
      "PodTopologySpread",
      { defaultingType: "List", defaultConstraints: [{ maxSkew: 0 }] },
      "defaultConstraints[0].maxSkew",
    ],
    [
      "VolumeBinding",
      { shape: [] },
      "shape: unexpected field `shape`, remove it or turn on the feature gate StorageCapacityScoring",
    ],
    ["DefaultPreemption", { minCandidateNodesPercentage: 0, minCandidateNodesAbsolute: 0 }, "cannot be zero"],
    ["DynamicResources", { bindingTimeout: "500ms" }, "bindingTimeout: must be at least 1 second"],
  ])("of %s is refused: %j", (name, args, message) => {
    expect(() => readPluginConfig([{ name, args }])).toThrow(message);
  });
});

function pod(requests: Record<string, string> = {}): PodInfo {
  return podInfo({
    metadata: { name: "p", namespace: "ns", uid: "p" },
    spec: { containers: [{ name: "c", resources: { requests } }] },
  });
}

function nodeInfo(node: Node): NodeInfo {
  const info = new NodeInfo(node.metadata?.name ?? "");
  info.setNode(node);
  return info;
}

it("added affinity keeps every pod of the profile off other nodes", () => {
  const plugin = nodeAffinity({
    addedAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [zone] },
      preferredDuringSchedulingIgnoredDuringExecution: [
        { weight: 3, preference: { matchExpressions: [{ key: "fast", operator: "Exists" }] } },
      ],
    },
  });
  const state = new CycleState();
  const [there, elsewhere] = [
    nodeInfo({ metadata: { name: "x", labels: { zone: "a", fast: "" } } }),
    nodeInfo({ metadata: { name: "y", labels: { zone: "b" } } }),
  ];
  expect(plugin.preFilter(state, pod(), [])).toBeUndefined();
  expect(plugin.filter(state, pod(), there)).toBeUndefined();
  expect(plugin.filter(state, pod(), elsewhere)?.reasons).toEqual([
    "node(s) didn't match scheduler-enforced node affinity",
  ]);
  expect(plugin.preScore(state, pod(), [])).toBeUndefined();
  expect([plugin.score(state, pod(), there), plugin.score(state, pod(), elsewhere)]).toEqual([3, 0]);
});

it("balance is of the resources that are configured", () => {
  const plugin = balancedAllocationOf({ resources: ["cpu", "memory", "x.test/y"] });
  const node = nodeInfo({
    metadata: { name: "n" },
    status: { allocatable: { cpu: "10", memory: "10Gi", "x.test/y": "10" } },
  });
  const state = new CycleState();
  expect(plugin.preScore(state, pod(), [])?.code).toBe("Skip");
  // All alike; two alike and the third used up: the deviation of 0.1, 0.1 and 1 is 0.4243.
  expect(plugin.score(state, pod({ cpu: "1", memory: "1Gi", "x.test/y": "1" }), node)).toBe(100);
  expect(plugin.score(state, pod({ cpu: "1", memory: "1Gi", "x.test/y": "10" }), node)).toBe(57);
  // Who wants nothing of it is not measured by it.
  expect(plugin.score(state, pod({ cpu: "1", memory: "1Gi" }), node)).toBe(100);
});
