import type { StatefulSet } from "@knots/api/apps/v1";
import type { Pod } from "@knots/api/core/v1";
import { describe, expect, test } from "vitest";
import { isClaimOf, statefulPod } from "./identity.ts";
import { planStatefulSet } from "./plan.ts";
import { isStale, wantedOwners } from "./retention.ts";
import { statefulSetStatus } from "./status.ts";

const NOW = Date.parse("2026-11-24T12:00:00Z");

function set(replicas: number, spec: Partial<NonNullable<StatefulSet["spec"]>> = {}): StatefulSet {
  return {
    metadata: { name: "db", namespace: "ns", uid: "set", generation: 1 },
    spec: {
      replicas,
      serviceName: "db",
      selector: { matchLabels: { app: "db" } },
      template: {},
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 0 } },
      ...spec,
    },
  };
}

function pod(ordinal: number, state = "ready", revision = "r1"): Pod {
  return {
    metadata: {
      name: `db-${ordinal}`,
      namespace: "ns",
      uid: `p${ordinal}`,
      labels: {
        "statefulset.kubernetes.io/pod-name": `db-${ordinal}`,
        "apps.kubernetes.io/pod-index": String(ordinal),
        "controller-revision-hash": revision,
      },
      ...(state === "going" ? { deletionTimestamp: "2026-11-24T11:00:00Z" } : {}),
    },
    status: {
      phase: state === "failed" ? "Failed" : state === "pending" ? "Pending" : "Running",
      conditions:
        state === "ready" || state === "going"
          ? [{ type: "Ready", status: "True", lastTransitionTime: "2026-11-24T11:00:00Z" }]
          : [],
    },
  };
}

function plan(
  of: StatefulSet,
  pods: Pod[],
  updateRevision = "r1",
  stale: number[] = [],
  lacking: number[] = [],
): string[] {
  return planStatefulSet({
    set: of,
    pods,
    currentRevision: "r1",
    updateRevision,
    hasStaleClaim: (ordinal) => stale.includes(ordinal),
    lacksClaim: (ordinal) => lacking.includes(ordinal),
    now: NOW,
  }).map((action) => {
    if (action.kind === "create") return `create ${action.ordinal} ${action.revision}`;
    return action.kind === "claims" ? `claims ${action.ordinal}` : `${action.kind} ${action.pod.metadata?.name}`;
  });
}

describe("OrderedReady", () => {
  test.each([
    ["the first comes alone", set(3), [], ["create 0 r1"]],
    ["the next waits until it is ready", set(3), [pod(0, "unready")], []],
    ["and then comes", set(3), [pod(0)], ["create 1 r1"]],
    ["a hole is filled before the rest", set(3), [pod(0), pod(2)], ["create 1 r1"]],
    ["scaling down takes the highest first", set(1), [pod(0), pod(1), pod(2)], ["delete db-2"]],
    ["one at a time", set(1), [pod(0), pod(1), pod(2, "going")], []],
    ["not while a lower one is unready", set(1), [pod(0, "unready"), pod(1)], []],
    ["an unready one not while a lower one is unready", set(1), [pod(0), pod(1, "unready"), pod(2, "unready")], []],
    ["the first in trouble itself may go", set(1), [pod(0), pod(1, "unready")], ["delete db-1"]],
    ["a failed pod is replaced", set(2), [pod(0, "failed"), pod(1)], ["delete db-0"]],
    ["ordinals may start elsewhere", set(2, { ordinals: { start: 5 } }), [pod(5)], ["create 6 r1"]],
  ])("%s", (_what, of, pods, want) => {
    expect(plan(of, pods)).toEqual(want);
  });

  test("a claim that a waiting pod lost is made again; one that runs has it, or needs no other", () => {
    expect(plan(set(2), [pod(0, "pending")], "r1", [], [0])).toEqual(["claims 0"]);
    expect(plan(set(1), [pod(0)], "r1", [], [0])).toEqual([]);
  });

  test("the claims of a set's pods, by name", () => {
    const template = { metadata: { name: "data" } };
    expect(
      ["data-db-0", "data-db-12", "data-db-x", "data-db2-0", "log-db-0"].map((name) =>
        isClaimOf(set(1), template, name),
      ),
    ).toEqual([true, true, false, false, false]);
  });

  test("a pod waits for a claim that goes with its predecessor", () => {
    expect(plan(set(2), [pod(0)], "r1", [1])).toEqual([]);
  });

  test("minReadySeconds holds up the next", () => {
    expect(plan(set(2, { minReadySeconds: 3600 * 2 }), [pod(0)])).toEqual([]);
  });
});

test("Parallel does all at once", () => {
  const parallel = { podManagementPolicy: "Parallel" };
  expect(plan(set(3, parallel), [])).toEqual(["create 0 r1", "create 1 r1", "create 2 r1"]);
  expect(plan(set(0, parallel), [pod(0, "unready"), pod(1)])).toEqual(["delete db-1", "delete db-0"]);
});

describe("updates", () => {
  const rolling = (partition: number, maxUnavailable?: number) => ({
    updateStrategy: {
      type: "RollingUpdate",
      rollingUpdate: { partition, ...(maxUnavailable === undefined ? {} : { maxUnavailable }) },
    },
  });

  test("from the highest down, one at a time", () => {
    expect(plan(set(2), [pod(0), pod(1)], "r2")).toEqual(["delete db-1"]);
    expect(plan(set(2), [pod(0), pod(1, "ready", "r2")], "r2")).toEqual(["delete db-0"]);
    expect(plan(set(2), [pod(0), pod(1, "unready", "r2")], "r2")).toEqual([]);
  });

  test("not below the partition, whose pods come back in the old revision", () => {
    expect(plan(set(2, rolling(1)), [pod(0), pod(1, "ready", "r2")], "r2")).toEqual([]);
    expect(plan(set(2, rolling(1)), [pod(1, "ready", "r2")], "r2")).toEqual(["create 0 r1"]);
    expect(plan(set(2, rolling(1)), [pod(0)], "r2")).toEqual(["create 1 r2"]);
  });

  test("several with maxUnavailable", () => {
    expect(plan(set(3, rolling(0, 2)), [pod(0), pod(1), pod(2)], "r2")).toEqual(["delete db-2", "delete db-1"]);
  });

  test("OnDelete waits for the user", () => {
    const onDelete = { updateStrategy: { type: "OnDelete" } };
    expect(plan(set(1, onDelete), [pod(0)], "r2")).toEqual([]);
    expect(plan(set(1, onDelete), [], "r2")).toEqual(["create 0 r2"]);
  });
});

test("a finished update makes its revision the current one", () => {
  const status = statefulSetStatus(set(2), [pod(0, "ready", "r2"), pod(1, "ready", "r2")], "r1", "r2", 0, NOW);
  expect(status).toMatchObject({ currentRevision: "r2", currentReplicas: 2, updatedReplicas: 2, readyReplicas: 2 });
  const half = statefulSetStatus(set(2), [pod(0), pod(1, "ready", "r2")], "r1", "r2", 0, NOW);
  expect(half).toMatchObject({ currentRevision: "r1", currentReplicas: 1, updatedReplicas: 1 });
});

test("a pod's identity", () => {
  const of = set(1, { volumeClaimTemplates: [{ metadata: { name: "data" } }] });
  const made = statefulPod(of, { spec: { containers: [], volumes: [{ name: "data", emptyDir: {} }] } }, 0, "r1");
  expect(made.metadata).toMatchObject({
    name: "db-0",
    labels: { "statefulset.kubernetes.io/pod-name": "db-0", "apps.kubernetes.io/pod-index": "0" },
  });
  expect(made.spec).toMatchObject({ hostname: "db-0", subdomain: "db" });
  expect(made.spec?.volumes).toEqual([
    { name: "data", persistentVolumeClaim: { claimName: "data-db-0", readOnly: false } },
  ]);
});

describe("claims' owners", () => {
  const of = (whenDeleted: string, whenScaled: string) =>
    set(1, { persistentVolumeClaimRetentionPolicy: { whenDeleted, whenScaled } });
  const kinds = (owners: ReturnType<typeof wantedOwners>) => owners?.map(({ kind }) => kind);

  test.each([
    ["Retain", "Retain", 0, undefined],
    ["Delete", "Retain", 0, ["StatefulSet"]],
    ["Retain", "Delete", 0, undefined],
    ["Retain", "Delete", 1, ["Pod"]],
    ["Delete", "Delete", 0, ["StatefulSet"]],
    ["Delete", "Delete", 1, ["Pod"]],
  ])("deleted %s, scaled %s, ordinal %s: %j", (whenDeleted, whenScaled, ordinal, want) => {
    expect(kinds(wantedOwners(of(whenDeleted, whenScaled), {}, ordinal, pod(ordinal)))).toEqual(want);
  });

  test("a claim of a pod that is gone is stale", () => {
    const claim = { metadata: { ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "db-1", uid: "old" }] } };
    expect(isStale(claim, "db-1", undefined)).toBe(true);
    expect(isStale(claim, "db-1", { metadata: { uid: "old" } })).toBe(false);
  });
});
