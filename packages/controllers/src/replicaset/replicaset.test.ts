import type { Pod } from "@knots/api/core/v1";
import { describe, expect, test } from "vitest";
import { planReplicas } from "./plan.ts";
import { replicaStatus, sameReplicaStatus } from "./status.ts";
import { chooseVictims, POD_DELETION_COST } from "./victims.ts";

const NOW = Date.parse("2026-11-24T12:00:00Z");

interface Shape {
  readonly node?: string;
  readonly phase?: string;
  readonly readyAt?: string;
  readonly cost?: string;
  readonly restarts?: number;
  readonly created?: string;
  readonly labels?: Record<string, string>;
}

function pod(name: string, shape: Shape = {}): Pod {
  return {
    metadata: {
      name,
      uid: name,
      creationTimestamp: shape.created ?? "2026-11-24T10:00:00Z",
      ...(shape.labels === undefined ? {} : { labels: shape.labels }),
      ...(shape.cost === undefined ? {} : { annotations: { [POD_DELETION_COST]: shape.cost } }),
    },
    spec: { containers: [], ...(shape.node === undefined ? {} : { nodeName: shape.node }) },
    status: {
      phase: shape.phase ?? "Running",
      conditions:
        shape.readyAt === undefined ? [] : [{ type: "Ready", status: "True", lastTransitionTime: shape.readyAt }],
      containerStatuses: [{ name: "c", image: "", imageID: "", ready: true, restartCount: shape.restarts ?? 0 }],
    },
  };
}

const READY = { node: "n", readyAt: "2026-11-24T10:00:00Z" };

describe("chooseVictims takes the first of", () => {
  test.each([
    ["unassigned before assigned", pod("a"), pod("b", { node: "n" })],
    ["pending before running", pod("a", { node: "n", phase: "Pending" }), pod("b", { node: "n" })],
    ["unready before ready", pod("a", { node: "n" }), pod("b", READY)],
    ["cheap before dear", pod("a", { ...READY, cost: "-5" }), pod("b", READY)],
    [
      "ready for minutes before ready for hours",
      pod("a", { ...READY, readyAt: "2026-11-24T11:58:00Z" }),
      pod("b", READY),
    ],
    ["more restarts before fewer", pod("b", { ...READY, restarts: 3 }), pod("a", READY)],
    ["young before old", pod("b", { ...READY, created: "2026-11-24T11:59:00Z" }), pod("a", READY)],
  ])("%s", (_what, victim, survivor) => {
    expect(chooseVictims([survivor, victim], [], 1, NOW)).toEqual([victim]);
    expect(chooseVictims([victim, survivor], [], 1, NOW)).toEqual([victim]);
  });

  test("doubled up on a node, siblings of other ReplicaSets counted", () => {
    const lonely = pod("a", { ...READY, node: "n1" });
    const crowded = pod("b", { ...READY, node: "n2" });
    expect(chooseVictims([lonely, crowded], [lonely, crowded, pod("c", { node: "n2" })], 1, NOW)).toEqual([crowded]);
  });
});

describe("planReplicas", () => {
  const three = ["a", "b", "c"].map((name) => pod(name, READY));
  test("creates what is missing, at most a burst", () => {
    expect(planReplicas(three, 5, () => [], NOW)).toEqual({ kind: "create", count: 2 });
    expect(planReplicas([], 2000, () => [], NOW)).toEqual({ kind: "create", count: 500 });
  });
  test("deletes what is too much", () => {
    expect(planReplicas(three, 1, () => three, NOW)).toMatchObject({ kind: "delete", victims: { length: 2 } });
  });
  test("leaves what is right", () => {
    expect(planReplicas(three, 3, () => [], NOW)).toEqual({ kind: "none" });
  });
});

describe("replicaStatus", () => {
  const base = { generation: 2, desired: 3, templateLabels: { app: "web" }, terminatingReplicas: 1, now: NOW };

  test("counts ready, available and fully labelled pods", () => {
    const activePods = [
      pod("a", { ...READY, labels: { app: "web" } }),
      pod("b", { node: "n", readyAt: "2026-11-24T11:59:55Z", labels: { app: "web", x: "y" } }),
      pod("c", { labels: { app: "other" } }),
    ];
    const status = replicaStatus({ ...base, previous: undefined, minReadySeconds: 10, activePods, failure: undefined });
    expect(status).toEqual({
      replicas: 3,
      fullyLabeledReplicas: 2,
      readyReplicas: 2,
      availableReplicas: 1,
      terminatingReplicas: 1,
      observedGeneration: 2,
    });
  });

  test("tells of a failure, keeps its first words, and takes it back", () => {
    const input = { ...base, previous: undefined, minReadySeconds: 0, activePods: [], failure: "exceeded quota" };
    const failed = replicaStatus(input);
    expect(failed.conditions).toMatchObject([
      { type: "ReplicaFailure", reason: "FailedCreate", message: "exceeded quota" },
    ]);
    expect(replicaStatus({ ...input, previous: failed, failure: "again" }).conditions).toEqual(failed.conditions);
    expect(replicaStatus({ ...input, previous: failed, failure: undefined }).conditions).toBeUndefined();
  });

  test("absent counters are zeroes: no write for them", () => {
    const next = { replicas: 0, readyReplicas: 0, availableReplicas: 0, observedGeneration: 1 };
    expect(sameReplicaStatus({ replicas: 0, observedGeneration: 1 }, next)).toBe(true);
    expect(sameReplicaStatus({ replicas: 1, observedGeneration: 1 }, next)).toBe(false);
  });
});
