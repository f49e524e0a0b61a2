import type { Node, Taint } from "@knots/api/core/v1";
import { describe, expect, test } from "vitest";
import { judgeNode } from "./health.ts";
import { noExecuteKey, TAINT_NOT_READY, TAINT_UNREACHABLE, withConditionTaints, withNoExecuteTaint } from "./taints.ts";
import { evictionRate, zoneOf, ZoneQueue, zoneState } from "./zones.ts";

const T = Date.parse("2026-11-24T10:00:00Z");
const at = (seconds: number): string => new Date(T + seconds * 1000).toISOString().replace(".000", "");

function node(conditions: Record<string, string>, spec: Node["spec"] = {}, heartbeat = at(0)): Node {
  return {
    metadata: { name: "n", uid: "u", creationTimestamp: at(0) },
    spec,
    status: {
      conditions: Object.entries(conditions).map(([type, status]) => ({ type, status, lastHeartbeatTime: heartbeat })),
    },
  };
}

describe("judgeNode", () => {
  const look = (n: Node, second: number, previous?: ReturnType<typeof judgeNode>["health"], renewTime?: string) =>
    judgeNode({
      node: n,
      renewTime,
      previous,
      now: T + second * 1000,
      gracePeriod: 40_000,
      startupGracePeriod: 60_000,
    });

  test("a silent node becomes Unknown after the grace period, not before", () => {
    const ready = node({ Ready: "True", MemoryPressure: "False", Custom: "True" });
    const first = look(ready, 5);
    expect(look(ready, 45, first.health).conditions).toBeUndefined();
    const late = look(ready, 46, first.health);
    expect(late).toMatchObject({ observedReady: "True", currentReady: "Unknown" });
    expect(late.conditions?.map(({ type, status, reason }) => [type, status, reason])).toEqual([
      ["Ready", "Unknown", "NodeStatusUnknown"],
      ["MemoryPressure", "Unknown", "NodeStatusUnknown"],
      ["Custom", "True", undefined],
      ["DiskPressure", "Unknown", "NodeStatusNeverUpdated"],
      ["PIDPressure", "Unknown", "NodeStatusNeverUpdated"],
    ]);
    expect(late.conditions?.[0]).toMatchObject({
      message: "Kubelet stopped posting node status.",
      lastTransitionTime: at(46),
    });
  });

  test("a renewed Lease is a sign of life, a clock that runs behind does not matter", () => {
    const ready = node({ Ready: "True" }, {}, at(-3600));
    const first = look(ready, 0, undefined, "a");
    const second = look(ready, 39, first.health, "b");
    expect(look(ready, 79, second.health, "b").conditions).toBeUndefined();
    expect(look(ready, 80, second.health, "b").currentReady).toBe("Unknown");
  });

  test("a node that never posted anything has the start-up grace period", () => {
    const silent = node({});
    const first = look(silent, 50);
    expect(first.conditions).toBeUndefined();
    const late = look(silent, 61, first.health);
    expect(late.conditions?.[0]).toMatchObject({ type: "Ready", reason: "NodeStatusNeverUpdated" });
  });

  test("does not write again what is Unknown already", () => {
    const unknown = node({
      Ready: "Unknown",
      MemoryPressure: "Unknown",
      DiskPressure: "Unknown",
      PIDPressure: "Unknown",
    });
    const first = look(unknown, 0);
    expect(look(unknown, 100, first.health)).toMatchObject({ currentReady: "Unknown", conditions: undefined });
  });
});

describe("taints", () => {
  const noSchedule = (key: string): Taint => ({ key: `node.kubernetes.io/${key}`, effect: "NoSchedule" });
  test.each<[string, Node, string[] | undefined]>([
    ["healthy", node({ Ready: "True", MemoryPressure: "False" }), undefined],
    ["not ready", node({ Ready: "False" }), ["not-ready"]],
    ["unknown", node({ Ready: "Unknown", DiskPressure: "Unknown" }), ["unreachable"]],
    [
      "pressure",
      node({ Ready: "True", MemoryPressure: "True", PIDPressure: "True" }),
      ["memory-pressure", "pid-pressure"],
    ],
    ["cordoned", node({ Ready: "True" }, { unschedulable: true }), ["unschedulable"]],
    ["uncordoned", node({ Ready: "True" }, { taints: [noSchedule("unschedulable")] }), []],
    ["right already", node({ Ready: "False" }, { taints: [noSchedule("not-ready")] }), undefined],
    ["recovering", node({ Ready: "False" }, { taints: [noSchedule("unreachable")] }), ["not-ready"]],
    [
      "a taint of somebody's",
      node({ Ready: "True" }, { taints: [{ key: "dedicated", effect: "NoSchedule" }] }),
      undefined,
    ],
  ])("%s", (_what, n, want) => {
    expect(withConditionTaints(n, T)?.map(({ key }) => key.replace("node.kubernetes.io/", ""))).toEqual(want);
  });

  test("NoExecute: one of the two, or none", () => {
    const other: Taint = { key: "dedicated", effect: "NoExecute" };
    const bare = node({}, { taints: [other] });
    const tainted = withNoExecuteTaint(bare, noExecuteKey("Unknown"), T);
    expect(tainted).toEqual([other, { key: TAINT_UNREACHABLE, effect: "NoExecute", timeAdded: at(0) }]);
    const unreachable = node({}, { taints: tainted });
    expect(withNoExecuteTaint(unreachable, TAINT_UNREACHABLE, T)).toBeUndefined();
    expect(withNoExecuteTaint(unreachable, TAINT_NOT_READY, T)?.map(({ key }) => key)).toEqual([
      "dedicated",
      TAINT_NOT_READY,
    ]);
    expect(withNoExecuteTaint(unreachable, noExecuteKey("True"), T)).toEqual([other]);
    expect(withNoExecuteTaint(bare, undefined, T)).toBeUndefined();
  });
});

describe("zones", () => {
  test.each([
    [3, 0, "Normal"],
    [0, 0, "Normal"],
    [0, 1, "FullDisruption"],
    [1, 2, "Normal"],
    [2, 3, "PartialDisruption"],
    [3, 3, "Normal"],
  ] as const)("%d ready, %d not: %s", (ready, notReady, want) => expect(zoneState(ready, notReady, 0.55)).toBe(want));

  const rates = {
    evictionRate: 0.1,
    secondaryEvictionRate: 0.01,
    largeClusterSizeThreshold: 50,
    unhealthyZoneThreshold: 0.55,
  };
  test.each([
    ["Normal", 3, false, 0.1],
    ["FullDisruption", 3, false, 0.1],
    ["PartialDisruption", 50, false, 0],
    ["PartialDisruption", 51, false, 0.01],
    ["FullDisruption", 3, true, 0],
  ] as const)("%s zone of %d nodes (all disrupted: %s): %d a second", (state, nodes, all, want) =>
    expect(evictionRate(state, nodes, all, rates)).toBe(want),
  );

  test("a zone is a region and a zone", () => {
    const labels = { "topology.kubernetes.io/region": "r", "topology.kubernetes.io/zone": "z" };
    expect(zoneOf({ metadata: { labels } })).toBe("r:\0:z");
    expect(zoneOf({})).toBe("");
  });

  test("the queue lets one go at once, the next by the rate", () => {
    const queue = new ZoneQueue(T);
    queue.setRate(0.1, T);
    for (const name of ["a", "b", "c"]) queue.add(name);
    queue.remove("b");
    expect(queue.take(T)).toBe("a");
    expect(queue.take(T + 9000)).toBeUndefined();
    expect(queue.take(T + 10_000)).toBe("c");
    expect(queue.size).toBe(0);
    queue.add("d");
    queue.setRate(0, T + 20_000);
    expect(queue.take(T + 99_000)).toBeUndefined();
  });
});
