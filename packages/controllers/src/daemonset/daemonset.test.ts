import type { DaemonSet } from "@knots/api/apps/v1";
import type { Node, Pod, Taint } from "@knots/api/core/v1";
import { describe, expect, test } from "vitest";
import { placementOn } from "./placement.ts";
import { planNodes, planRollingUpdate, podsByNode } from "./plan.ts";
import { daemonSetStatus } from "./status.ts";
import { daemonPod, daemonTolerations, targetNode } from "./template.ts";

const NOW = Date.parse("2026-11-24T12:00:00Z");

function node(name: string, taints: Taint[] = [], labels: Record<string, string> = {}): Node {
  return { metadata: { name, labels }, spec: { taints } };
}

function daemonSet(spec: object = {}, rolling: object = { maxUnavailable: 1 }): DaemonSet {
  return {
    metadata: { name: "agent", namespace: "ns", uid: "ds", generation: 1 },
    spec: {
      selector: {},
      template: { metadata: { labels: { app: "agent" } }, spec: { containers: [], ...spec } },
      updateStrategy: { type: "RollingUpdate", rollingUpdate: rolling },
    },
  };
}

function pod(name: string, nodeName: string, hash = "new", phase = "Running", ready = true): Pod {
  return {
    metadata: {
      name,
      uid: name,
      labels: { "controller-revision-hash": hash },
      creationTimestamp: "2026-11-24T10:00:00Z",
    },
    spec: { containers: [], nodeName },
    status: {
      phase,
      conditions: ready ? [{ type: "Ready", status: "True", lastTransitionTime: "2026-11-24T11:00:00Z" }] : [],
    },
  };
}

const names = (pods: readonly Pod[]) => pods.map(({ metadata }) => metadata?.name);

describe("placement", () => {
  const yes = { shouldRun: true, shouldContinue: true };
  const no = { shouldRun: false, shouldContinue: false };
  test.each([
    ["a plain node", {}, node("n"), yes],
    ["cordoned or not ready", {}, node("n", [{ key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" }]), yes],
    [
      "a foreign NoSchedule taint: stays, but does not come",
      {},
      node("n", [{ key: "x", effect: "NoSchedule" }]),
      { shouldRun: false, shouldContinue: true },
    ],
    ["a foreign NoExecute taint", {}, node("n", [{ key: "x", effect: "NoExecute" }]), no],
    ["PreferNoSchedule is no obstacle", {}, node("n", [{ key: "x", effect: "PreferNoSchedule" }]), yes],
    [
      "tolerated",
      { tolerations: [{ key: "x", operator: "Exists" }] },
      node("n", [{ key: "x", effect: "NoExecute" }]),
      yes,
    ],
    ["another node's name", { nodeName: "m" }, node("n"), no],
    ["the wrong label", { nodeSelector: { disk: "ssd" } }, node("n"), no],
    ["the right label", { nodeSelector: { disk: "ssd" } }, node("n", [], { disk: "ssd" }), yes],
  ])("%s", (_what, spec, on, want) => {
    expect(placementOn(daemonSet(spec), on)).toEqual(want);
  });

  test("no network yet: only daemons of the host's network", () => {
    const on = node("n", [{ key: "node.kubernetes.io/network-unavailable", effect: "NoSchedule" }]);
    expect(placementOn(daemonSet(), on).shouldRun).toBe(false);
    expect(placementOn(daemonSet({ hostNetwork: true }), on).shouldRun).toBe(true);
  });
});

test("a daemon pod is bound to its node and tolerates what daemons tolerate", () => {
  const made = daemonPod(daemonSet(), "n1", "abc");
  expect(made.spec?.nodeName).toBe("n1");
  expect(made.metadata?.labels).toEqual({ app: "agent", "controller-revision-hash": "abc" });
  expect(daemonTolerations(undefined).map(({ key }) => key)).toHaveLength(6);
});

test.each<[string, object, boolean]>([
  ["plain", { containers: [{ name: "a", resources: { requests: { cpu: "1", "hugepages-2Mi": "2Mi" } } }] }, false],
  ["an extended resource", { containers: [{ name: "a", resources: { limits: { "x.io/gpu": "1" } } }] }, true],
  ["one of an init container", { initContainers: [{ name: "a", resources: { limits: { "x.io/gpu": "1" } } }] }, true],
  ["a claim", { resourceClaims: [{ name: "gpu", resourceClaimName: "c" }] }, true],
  ["a node by name", { nodeName: "n1", resourceClaims: [{ name: "gpu", resourceClaimName: "c" }] }, false],
])("who places a daemon pod: %s", (_what, spec, scheduler) => {
  const affinity = {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: "disk", operator: "In", values: ["ssd"] }] }],
      },
    },
    podAntiAffinity: {},
  };
  const made = daemonPod(daemonSet({ ...spec, affinity }), "n1", "abc");
  expect(made.spec?.nodeName).toBe(scheduler ? undefined : "n1");
  expect(targetNode(made)).toBe("n1");
  const only = { matchFields: [{ key: "metadata.name", operator: "In", values: ["n1"] }] };
  const required = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [only] } };
  expect(made.spec?.affinity).toEqual(scheduler ? { nodeAffinity: required, podAntiAffinity: {} } : affinity);
});

describe("planNodes", () => {
  const plan = (nodes: Node[], pods: Pod[], backoff = false) => {
    const { create, remove } = planNodes(daemonSet(), nodes, podsByNode(pods), "new", NOW, () => backoff);
    return { create, remove: names(remove) };
  };

  test("one for each node, none where it does not belong", () => {
    const nodes = [node("a"), node("b"), node("c", [{ key: "x", effect: "NoExecute" }])];
    expect(plan(nodes, [pod("1", "a"), pod("2", "c")])).toEqual({ create: ["b"], remove: ["2"] });
  });

  test("the oldest running one stays", () => {
    const young = pod("2", "a");
    young.metadata = { ...young.metadata, creationTimestamp: "2026-11-24T11:00:00Z" };
    expect(plan([node("a")], [young, pod("1", "a")])).toEqual({ create: [], remove: ["2"] });
  });

  test("one that waits for a node is its one, and goes with the node", () => {
    const waiting = daemonPod(daemonSet({ resourceClaims: [{ name: "c" }] }), "a", "new");
    waiting.metadata = { ...waiting.metadata, name: "1" };
    expect(plan([node("a"), node("b")], [waiting])).toEqual({ create: ["b"], remove: [] });
    expect(plan([node("b")], [waiting, pod("2", "b"), pod("3", "gone")])).toEqual({ create: [], remove: ["1"] });
  });

  test("a failed one is replaced, unless held back", () => {
    const failed = [pod("1", "a", "new", "Failed")];
    expect(plan([node("a")], failed)).toEqual({ create: [], remove: ["1"] });
    expect(plan([node("a")], failed, true)).toEqual({ create: [], remove: [] });
  });
});

describe("rolling update", () => {
  const nodes = ["a", "b", "c"].map((name) => node(name));
  const plan = (rolling: object, pods: Pod[]) => {
    const { create, remove } = planRollingUpdate(daemonSet({}, rolling), nodes, podsByNode(pods), "new", NOW);
    return { create, remove: names(remove) };
  };

  test("as many as may be unavailable", () => {
    const old = [pod("1", "a", "old"), pod("2", "b", "old"), pod("3", "c", "old")];
    expect(plan({ maxUnavailable: 1 }, old).remove).toEqual(["1"]);
    expect(plan({ maxUnavailable: "50%" }, old).remove).toEqual(["1", "2"]);
  });

  test("not while a new one is unavailable, or one is missing", () => {
    const fresh = pod("1", "a", "new", "Running", false);
    expect(plan({ maxUnavailable: 1 }, [fresh, pod("2", "b", "old"), pod("3", "c", "old")]).remove).toEqual([]);
    expect(plan({ maxUnavailable: 1 }, [pod("2", "b", "old"), pod("3", "c", "old")]).remove).toEqual([]);
  });

  test("an old one that is unavailable anyway is replaced at once", () => {
    const pods = [pod("1", "a", "old", "Running", false), pod("2", "b", "old"), pod("3", "c", "old")];
    expect(plan({ maxUnavailable: 1 }, pods).remove).toEqual(["1"]);
  });

  test("with a surge the new one comes first", () => {
    const surge = { maxSurge: 1, maxUnavailable: 0 };
    const old = [pod("1", "a", "old"), pod("2", "b", "old"), pod("3", "c", "old")];
    expect(plan(surge, old)).toEqual({ create: ["a"], remove: [] });
    expect(plan(surge, [...old, pod("4", "a", "new", "Running", false)])).toEqual({ create: [], remove: [] });
    expect(plan(surge, [...old, pod("4", "a")])).toEqual({ create: ["b"], remove: ["1"] });
  });
});

test("status counts nodes", () => {
  const nodes = [node("a"), node("b"), node("c", [{ key: "x", effect: "NoSchedule" }])];
  const pods = [pod("1", "a"), pod("2", "b", "old", "Running", false), pod("3", "c")];
  expect(daemonSetStatus(daemonSet(), nodes, podsByNode(pods), "new", NOW, 1)).toEqual({
    currentNumberScheduled: 2,
    desiredNumberScheduled: 2,
    numberMisscheduled: 1,
    numberReady: 1,
    numberAvailable: 1,
    numberUnavailable: 1,
    updatedNumberScheduled: 1,
    observedGeneration: 1,
  });
});
