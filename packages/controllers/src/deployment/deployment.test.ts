import type { Deployment, ReplicaSet } from "@knots/api/apps/v1";
import { describe, expect, test } from "vitest";
import { maxRevision, newReplicaSetAnnotations } from "./annotations.ts";
import { maxSurge, maxUnavailable } from "./limits.ts";
import { findNewReplicaSet } from "./replica-sets.ts";
import { planCleanup, planRollingUpdate } from "./rolling.ts";
import { isScalingEvent, newReplicaSetSize, planScaling } from "./scaling.ts";
import type { ScaleAction } from "./scaling.ts";
import { pausedConditions, progressCheckDelay, rolloutStatus } from "./status.ts";

const NOW = Date.parse("2026-11-24T12:00:00Z");

type Limit = number | string;

function deployment(
  replicas: number,
  surge: Limit = 0,
  unavailable: Limit = 1,
  extra: Deployment["status"] = {},
): Deployment {
  return {
    metadata: { name: "web", namespace: "ns", uid: "d", generation: 1 },
    spec: {
      replicas,
      selector: {},
      template: {},
      progressDeadlineSeconds: 600,
      revisionHistoryLimit: 10,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: surge, maxUnavailable: unavailable } },
    },
    status: extra,
  };
}

function rs(name: string, replicas: number, available = replicas, age = 1, max?: number): ReplicaSet {
  return {
    metadata: {
      name,
      uid: name,
      generation: 1,
      creationTimestamp: new Date(NOW - age * 60_000).toISOString(),
      ...(max === undefined
        ? {}
        : {
            annotations: {
              "deployment.kubernetes.io/max-replicas": String(max),
              "deployment.kubernetes.io/desired-replicas": String(max),
            },
          }),
    },
    spec: { replicas, selector: {} },
    status: { replicas, availableReplicas: available, readyReplicas: available, observedGeneration: 1 },
  };
}

const sizes = (actions: readonly ScaleAction[]) => actions.map((action) => [action.rs.metadata?.name, action.replicas]);

test.each([
  [10, "25%", "25%", 3, 2],
  [3, "25%", "25%", 1, 0],
  [1, 0, 0, 0, 1],
  [1, "0%", "1%", 0, 1],
  [2, 0, 5, 0, 2],
])("%s replicas, surge %s, unavailable %s: +%s, -%s", (replicas, surge, unavailable, up, down) => {
  const d = deployment(replicas, surge, unavailable);
  expect([maxSurge(d), maxUnavailable(d)]).toEqual([up, down]);
});

describe("rolling update", () => {
  test("the new one grows as far as the surge allows", () => {
    expect(newReplicaSetSize(deployment(10, 2, 0), [rs("old", 10)], 0)).toBe(2);
    expect(newReplicaSetSize(deployment(10, 2, 0), [rs("old", 12)], 0)).toBe(0);
    expect(sizes(planRollingUpdate(deployment(10, 2, 0), rs("new", 0), [rs("old", 10)]))).toEqual([["new", 2]]);
  });

  test("old ones shrink only as far as pods are available", () => {
    const d = deployment(10, 0, 2);
    expect(sizes(planRollingUpdate(d, rs("new", 0), [rs("old", 10)]))).toEqual([["old", 8]]);
    expect(sizes(planRollingUpdate(d, rs("new", 2, 0), [rs("old", 8)]))).toEqual([]);
    expect(sizes(planRollingUpdate(d, rs("new", 2, 2), [rs("old", 8)]))).toEqual([["old", 6]]);
  });

  test("unavailable old pods go first, oldest ReplicaSet first", () => {
    const actions = planRollingUpdate(deployment(10, 0, 4), rs("new", 0), [rs("b", 5, 5, 2), rs("a", 5, 2, 9)]);
    expect(sizes(actions)).toEqual([
      ["a", 2],
      ["a", 1],
    ]);
  });

  test("a new one that is too large shrinks", () => {
    expect(sizes(planRollingUpdate(deployment(5), rs("new", 8), []))).toEqual([["new", 5]]);
  });
});

describe("scaling", () => {
  test("the only active one takes the size", () => {
    expect(sizes(planScaling(deployment(7), rs("new", 5), [rs("old", 0)]))).toEqual([["new", 7]]);
  });

  test("in a rollout all share in proportion, the largest takes the rest", () => {
    const d = deployment(20, 0, 1);
    const actions = planScaling(d, rs("new", 5, 5, 1, 10), [rs("old", 5, 5, 2, 10)]);
    expect(sizes(actions)).toEqual([
      ["new", 10],
      ["old", 10],
    ]);
  });

  test("upstream's example: 10 to 30 with 3 surge, 5 + 8", () => {
    const d = deployment(30, 3, 2);
    const actions = planScaling(d, rs("new", 5, 0, 1, 13), [rs("old", 8, 8, 2, 13)]);
    expect(sizes(actions)).toEqual([
      ["old", 20],
      ["new", 13],
    ]);
  });

  test("down to nothing", () => {
    const actions = planScaling(deployment(0), rs("new", 3, 3, 1, 8), [rs("old", 5, 5, 2, 8)]);
    expect(sizes(actions)).toEqual([
      ["old", 0],
      ["new", 0],
    ]);
  });

  test("a scaling event is a size other than the annotated one", () => {
    expect(isScalingEvent(deployment(8), [rs("new", 5, 5, 1, 8)])).toBe(false);
    expect(isScalingEvent(deployment(9), [rs("new", 5, 5, 1, 8)])).toBe(true);
    expect(isScalingEvent(deployment(9), [rs("new", 0, 0, 1, 8)])).toBe(false);
  });
});

test("cleanup keeps the limit, the busy and the unsettled", () => {
  const d = deployment(1);
  if (d.spec !== undefined) d.spec.revisionHistoryLimit = 1;
  const unsettled = rs("u", 0, 0, 9);
  unsettled.metadata = { ...unsettled.metadata, generation: 2 };
  const victims = planCleanup(d, [
    rs("a", 0, 0, 3),
    unsettled,
    rs("b", 0, 0, 8),
    rs("busy", 1, 1, 7),
    rs("c", 0, 0, 1),
  ]);
  expect(victims.map(({ metadata }) => metadata?.name)).toEqual(["b", "a"]);
});

describe("annotations of the new ReplicaSet", () => {
  test("the Deployment's are copied, its own bookkeeping is not", () => {
    const d = deployment(1);
    d.metadata = {
      ...d.metadata,
      annotations: {
        team: "a",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
        "deployment.kubernetes.io/revision": "9",
      },
    };
    expect(newReplicaSetAnnotations(d, {}, 3n)).toEqual({ team: "a", "deployment.kubernetes.io/revision": "3" });
  });

  test("a rollback keeps the former revisions", () => {
    const before = { "deployment.kubernetes.io/revision": "2", "deployment.kubernetes.io/revision-history": "1" };
    expect(newReplicaSetAnnotations(deployment(1), before, 5n)).toEqual({
      "deployment.kubernetes.io/revision": "5",
      "deployment.kubernetes.io/revision-history": "1,2",
    });
  });

  test("revisions are 64-bit integers; what is none counts as 0", () => {
    const withRevision = (revision: string): ReplicaSet => ({
      metadata: { annotations: { "deployment.kubernetes.io/revision": revision } },
    });
    const sets = ["3546343826724305832", "12", "x", "99999999999999999999"].map(withRevision);
    expect(maxRevision(sets) + 1n).toBe(3546343826724305833n);
    expect(maxRevision([withRevision("x")])).toBe(0n);
  });

  test("a revision never goes back", () => {
    const before = { "deployment.kubernetes.io/revision": "7" };
    expect(newReplicaSetAnnotations(deployment(1), before, 5n)).toEqual(before);
  });
});

test("the new ReplicaSet is the oldest of the same template, the hash aside", () => {
  const withTemplate = (name: string, image: string, age: number): ReplicaSet => {
    const one = rs(name, 1, 1, age);
    if (one.spec === undefined) throw new Error("no spec");
    one.spec.template = {
      metadata: { labels: { app: "web", "pod-template-hash": name } },
      spec: { containers: [{ name: "c", image }] },
    };
    return one;
  };
  const d = deployment(1);
  if (d.spec !== undefined)
    d.spec.template = { spec: { containers: [{ image: "b", name: "c" }] }, metadata: { labels: { app: "web" } } };
  const found = findNewReplicaSet(d, [withTemplate("x", "a", 9), withTemplate("y", "b", 1), withTemplate("z", "b", 5)]);
  expect(found?.metadata?.name).toBe("z");
});

describe("conditions", () => {
  const progressing = (reason: string, status = "True", minutesAgo = 1) => ({
    type: "Progressing",
    status,
    reason,
    lastUpdateTime: new Date(NOW - minutesAgo * 60_000).toISOString(),
    lastTransitionTime: new Date(NOW - minutesAgo * 60_000).toISOString(),
  });
  const reasonOf = (d: Deployment, newRS: ReplicaSet, old: ReplicaSet[] = []) => {
    const condition = rolloutStatus(d, newRS, old, NOW).conditions?.find(({ type }) => type === "Progressing");
    return [condition?.status, condition?.reason, condition?.message];
  };

  test("complete", () => {
    expect(reasonOf(deployment(3), rs("new", 3))).toEqual([
      "True",
      "NewReplicaSetAvailable",
      'ReplicaSet "new" has successfully progressed.',
    ]);
  });

  test("progress", () => {
    const d = deployment(3, 1, 0, { conditions: [progressing("NewReplicaSetCreated")] });
    expect(reasonOf(d, rs("new", 3, 1))).toEqual(["True", "ReplicaSetUpdated", 'ReplicaSet "new" is progressing.']);
  });

  test("stuck for longer than the deadline", () => {
    const status = { replicas: 3, updatedReplicas: 3, conditions: [progressing("ReplicaSetUpdated", "True", 11)] };
    expect(reasonOf(deployment(3, 1, 0, status), rs("new", 3, 0))).toEqual([
      "False",
      "ProgressDeadlineExceeded",
      'ReplicaSet "new" has timed out progressing.',
    ]);
  });

  test("a pod that dies after the rollout is no lack of progress", () => {
    const status = { replicas: 3, updatedReplicas: 3, conditions: [progressing("NewReplicaSetAvailable", "True", 99)] };
    expect(reasonOf(deployment(3, 1, 0, status), rs("new", 3, 2))[1]).toBe("NewReplicaSetAvailable");
  });

  test("available or not", () => {
    const available = (n: number) =>
      rolloutStatus(deployment(3, 1, 1), rs("new", 3, n), [], NOW).conditions?.find(({ type }) => type === "Available");
    expect(available(2)).toMatchObject({ status: "True", reason: "MinimumReplicasAvailable" });
    expect(available(1)).toMatchObject({ status: "False", reason: "MinimumReplicasUnavailable" });
  });

  test("the check comes a second after the deadline, and not for a finished rollout", () => {
    const running = { conditions: [progressing("ReplicaSetUpdated")] };
    expect(progressCheckDelay(deployment(3), running, NOW)).toBe(9 * 60_000 + 1000);
    expect(
      progressCheckDelay(deployment(3), { conditions: [progressing("NewReplicaSetAvailable")] }, NOW),
    ).toBeUndefined();
  });

  test("pause and resume", () => {
    const d = deployment(3);
    if (d.spec !== undefined) d.spec.paused = true;
    const paused = pausedConditions(d, NOW);
    expect(paused).toMatchObject([{ status: "Unknown", reason: "DeploymentPaused" }]);
    const resumed = deployment(3, 1, 0, { conditions: paused ?? [] });
    expect(pausedConditions(resumed, NOW)).toMatchObject([{ status: "Unknown", reason: "DeploymentResumed" }]);
  });
});
