import type { Job, JobStatus } from "@knots/api/batch/v1";
import type { Pod } from "@knots/api/core/v1";
import { describe, expect, test } from "vitest";
import { nextBackoffRecord, remainingBackoff } from "./backoff.ts";
import { failJobMessage, judgeFailure } from "./failure-policy.ts";
import { decideEnd } from "./finish.ts";
import { IndexSet } from "./indexes.ts";
import { observeJob } from "./observed.ts";
import { planJob } from "./plan.ts";
import { COMPLETION_INDEX, INDEX_FAILURE_COUNT, JOB_TRACKING_FINALIZER } from "./pods.ts";
import { syncJob, type SyncDeps } from "./sync.ts";
import { jobPod } from "./template.ts";
import { countFinished, settleUncounted } from "./tracking.ts";

const NOW = Date.parse("2026-11-24T12:00:00Z");

function job(spec: Partial<NonNullable<Job["spec"]>> = {}, status: JobStatus = {}): Job {
  return {
    metadata: { name: "j", namespace: "ns", uid: "job" },
    spec: {
      completions: 4,
      parallelism: 2,
      backoffLimit: 6,
      template: { spec: { containers: [{ name: "c" }] } },
      ...spec,
    },
    status,
  };
}

interface Shape {
  readonly index?: number;
  readonly exitCode?: number;
  readonly failures?: number;
  readonly released?: boolean;
  readonly going?: boolean;
}

function pod(name: string, phase: string, shape: Shape = {}): Pod {
  return {
    metadata: {
      name,
      namespace: "ns",
      uid: name,
      ...(shape.released === true ? {} : { finalizers: [JOB_TRACKING_FINALIZER] }),
      ...(shape.going === true ? { deletionTimestamp: "2026-11-24T11:00:00Z" } : {}),
      annotations: {
        ...(shape.index === undefined ? {} : { [COMPLETION_INDEX]: String(shape.index) }),
        ...(shape.failures === undefined ? {} : { [INDEX_FAILURE_COUNT]: String(shape.failures) }),
      },
    },
    status: {
      phase,
      containerStatuses: [
        {
          name: "c",
          image: "",
          imageID: "",
          ready: false,
          restartCount: 0,
          ...(shape.exitCode === undefined
            ? {}
            : { state: { terminated: { exitCode: shape.exitCode, finishedAt: "2026-11-24T11:00:00Z" } } }),
        },
      ],
    },
  };
}

const observe = (of: Job, ...pods: Pod[]) => observeJob(of, pods, new Set());
const NO_BACKOFF = { failuresSinceSuccess: 0 };

test.each([
  [[], ""],
  [[3], "3"],
  [[1, 0], "0,1"],
  [[5, 1, 3, 4, 7], "1,3-5,7"],
])("indexes %j are written %j", (members, text) => {
  expect(new IndexSet(members).toString()).toBe(text);
  expect([...IndexSet.parse(text, 100)].toSorted((a, b) => a - b)).toEqual(members.toSorted((a, b) => a - b));
});

test("indexes beyond completions are dropped", () => {
  expect(IndexSet.parse("0-9", 3).toString()).toBe("0-2");
});

describe("planJob", () => {
  const plan = (of: Job, ...pods: Pod[]) => planJob(observe(of, ...pods), NO_BACKOFF, NOW);

  test("as many as parallelism allows and completions need", () => {
    expect(plan(job())).toEqual({ kind: "create", count: 2 });
    expect(plan(job({}, { succeeded: 3 }))).toEqual({ kind: "create", count: 1 });
    expect(plan(job({}, { succeeded: 3 }), pod("a", "Running"))).toEqual({ kind: "none" });
  });

  test("too many active ones go", () => {
    expect(plan(job({ parallelism: 1 }), pod("a", "Running"), pod("b", "Pending"))).toMatchObject({
      kind: "delete",
      pods: [{ metadata: { name: "b" } }],
    });
  });

  test("a suspended Job loses its pods", () => {
    expect(plan(job({ suspend: true }), pod("a", "Running"))).toMatchObject({ kind: "delete", pods: { length: 1 } });
  });

  test("a work queue takes no new pods once one succeeded", () => {
    const queue = job({ parallelism: 3 });
    delete queue.spec?.completions;
    expect(plan(queue, pod("a", "Running"))).toEqual({ kind: "create", count: 2 });
    expect(plan(queue, pod("a", "Running"), pod("b", "Succeeded"))).toEqual({ kind: "none" });
  });

  test("the lowest free indexes, and of one index only one pod", () => {
    const indexed = job({ completionMode: "Indexed" }, { completedIndexes: "0", succeeded: 1 });
    expect(plan(indexed, pod("a", "Running", { index: 2 }))).toEqual({ kind: "create", count: 1, indexes: [1] });
    expect(plan(indexed, pod("a", "Running", { index: 2 }), pod("b", "Pending", { index: 2 }))).toMatchObject({
      kind: "delete",
      pods: [{ metadata: { name: "b" } }],
    });
  });

  test("waits out the back-off", () => {
    const seen = observe(job());
    expect(planJob(seen, { failuresSinceSuccess: 2, lastFailure: NOW - 5000 }, NOW)).toEqual({
      kind: "wait",
      ms: 15_000,
    });
  });

  test("with podReplacementPolicy Failed a terminating pod is not replaced yet", () => {
    const failed = job({ podReplacementPolicy: "Failed" });
    const going = pod("b", "Running", { going: true });
    expect(plan(failed, pod("a", "Running"), going)).toEqual({ kind: "none" });
    expect(plan(job(), pod("a", "Running"), going)).toEqual({ kind: "create", count: 1 });
  });
});

describe("exact counting", () => {
  test("a finished pod is noted once, counted when its finalizer is gone", () => {
    const first = countFinished(
      observe(job(), pod("a", "Succeeded"), pod("b", "Failed"), pod("c", "Running")),
      {},
      undefined,
    );
    expect(first.status.uncountedTerminatedPods).toEqual({ succeeded: ["a"], failed: ["b"] });
    expect(first.release.map(({ metadata }) => metadata?.name)).toEqual(["a", "b"]);
    expect(settleUncounted(first.status, new Set())).toMatchObject({
      succeeded: 1,
      failed: 1,
      uncountedTerminatedPods: {},
    });
    // The next look still shows the pods with their finalizers: nothing is noted again.
    const again = countFinished(
      observe(job({}, first.status), pod("a", "Succeeded"), pod("b", "Failed")),
      first.status,
      undefined,
    );
    expect(again.status.uncountedTerminatedPods).toEqual({ succeeded: ["a"], failed: ["b"] });
  });

  test("uncounted pods count once for the decision", () => {
    const seen = observe(
      job({}, { succeeded: 1, failed: 1, uncountedTerminatedPods: { succeeded: ["a"], failed: ["b"] } }),
      pod("a", "Succeeded"),
      pod("b", "Failed"),
      pod("d", "Failed"),
    );
    expect([seen.succeeded, seen.failed]).toEqual([2, 3]);
  });

  test("an index that succeeded twice counts once", () => {
    const of = job({ completionMode: "Indexed" }, { completedIndexes: "1", succeeded: 1 });
    const seen = observe(of, pod("a", "Succeeded", { index: 1 }), pod("b", "Succeeded", { index: 2 }));
    expect(countFinished(seen, of.status ?? {}, undefined).status).toMatchObject({
      succeeded: 2,
      completedIndexes: "1,2",
    });
  });
});

describe("decideEnd", () => {
  const reason = (of: Job, ...pods: Pod[]) => decideEnd(observe(of, ...pods), NOW)?.reason;

  test.each([
    ["below the limit", job({ backoffLimit: 1 }), [pod("a", "Failed")], undefined],
    ["above the limit", job({ backoffLimit: 1 }, { failed: 1 }), [pod("a", "Failed")], "BackoffLimitExceeded"],
    [
      "past its deadline",
      job({ activeDeadlineSeconds: 60 }, { startTime: "2026-11-24T11:59:00Z" }),
      [],
      "DeadlineExceeded",
    ],
    [
      "suspended past its deadline",
      job({ activeDeadlineSeconds: 60, suspend: true }, { startTime: "2026-11-24T11:59:00Z" }),
      [],
      undefined,
    ],
    [
      "its index failed for good, others too many",
      job({ completionMode: "Indexed", backoffLimitPerIndex: 0, maxFailedIndexes: 0, backoffLimit: 99 }),
      [pod("a", "Failed", { index: 1, failures: 0 })],
      "MaxFailedIndexesExceeded",
    ],
    [
      "every index has ended, some failed",
      job(
        { completionMode: "Indexed", backoffLimitPerIndex: 0, completions: 2, backoffLimit: 99 },
        { completedIndexes: "0" },
      ),
      [pod("a", "Failed", { index: 1, failures: 0 })],
      "FailedIndexes",
    ],
    [
      "the success policy is met",
      job({ completionMode: "Indexed", successPolicy: { rules: [{ succeededIndexes: "0,2", succeededCount: 1 }] } }),
      [pod("a", "Succeeded", { index: 2 })],
      "SuccessPolicy",
    ],
  ])("%s", (_what, of, pods, want) => {
    expect(reason(of, ...pods)).toBe(want);
  });
});

test("a job past its deadline waits for its pods to go, not for the deadline", async () => {
  const since = { lastProbeTime: "2026-11-24T11:55:00Z", lastTransitionTime: "2026-11-24T11:55:00Z" };
  const late = job(
    { activeDeadlineSeconds: 60 },
    {
      startTime: "2026-11-24T11:50:30Z",
      terminating: 1,
      failed: 1,
      uncountedTerminatedPods: {},
      conditions: [{ type: "FailureTarget", status: "True", reason: "DeadlineExceeded", ...since }],
    },
  );
  const unchanged = { deleted: 0, deletedReady: 0, created: 0 };
  const deps = {
    now: NOW,
    settled: true,
    backoff: undefined,
    finalizerRemoved: new Set<string>(),
    pods: {
      delete: () => Promise.resolve(unchanged),
      release: () => Promise.resolve({ released: new Set() }),
    },
    counted: () => undefined,
    released: () => undefined,
  } as unknown as SyncDeps;
  expect(await syncJob("ns/j", late, [pod("a", "Running", { going: true, released: true })], deps)).toEqual({});
  const early = job({ activeDeadlineSeconds: 600 }, { ...late.status, conditions: [] });
  const some = { ...deps, settled: false };
  expect(await syncJob("ns/j", early, [pod("a", "Running", { going: true, released: true })], some)).toEqual({
    requeueAfterMs: 30_000,
  });
});

describe("podFailurePolicy", () => {
  const policy = job({
    podFailurePolicy: {
      rules: [
        { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] },
        { action: "FailJob", onExitCodes: { containerName: "c", operator: "In", values: [42] } },
        { action: "Count", onExitCodes: { operator: "NotIn", values: [1] } },
      ],
    },
  });

  test("the first match decides", () => {
    const evicted = pod("a", "Failed", { exitCode: 42 });
    if (evicted.status !== undefined) evicted.status.conditions = [{ type: "DisruptionTarget", status: "True" }];
    expect(judgeFailure(policy, evicted)).toEqual({ counts: false, action: "Ignore" });
    expect(judgeFailure(policy, pod("b", "Failed", { exitCode: 7 }))).toEqual({ counts: true, action: "Count" });
    expect(judgeFailure(policy, pod("b", "Failed", { exitCode: 1 }))).toEqual({ counts: true });
  });

  test("FailJob says which container and rule", () => {
    expect(failJobMessage(policy, [pod("b", "Running"), pod("a", "Failed", { exitCode: 42 })])).toBe(
      "Container c for pod ns/a failed with exit code 42 matching FailJob rule at index 1",
    );
  });
});

describe("back-off", () => {
  test("doubles up to ten minutes", () => {
    expect([1, 2, 3, 20].map((failures) => remainingBackoff(failures, NOW, NOW))).toEqual([
      10_000, 20_000, 40_000, 600_000,
    ]);
    expect(remainingBackoff(0, undefined, NOW)).toBe(0);
  });

  test("a success starts it anew", () => {
    const record = nextBackoffRecord(
      { failuresSinceSuccess: 3, lastFailure: 1 },
      [pod("a", "Succeeded", { exitCode: 0 })],
      [],
    );
    expect(record).toEqual({ failuresSinceSuccess: 0 });
  });
});

test("an indexed pod knows its index", () => {
  const made = jobPod(job({ completionMode: "Indexed" }), 3, undefined);
  expect(made.metadata).toMatchObject({
    generateName: "j-3-",
    finalizers: [JOB_TRACKING_FINALIZER],
    annotations: { [COMPLETION_INDEX]: "3" },
    labels: { [COMPLETION_INDEX]: "3" },
  });
  expect(made.spec?.hostname).toBe("j-3");
  expect(made.spec?.containers[0]?.env?.[0]?.name).toBe("JOB_COMPLETION_INDEX");
});
