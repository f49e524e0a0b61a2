// Jobs on real containers: what is counted, what is tried again, what ends them.
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jobs, type Job, type JobSpec } from "@knots/api/batch/v1";
import { pods, type Pod } from "@knots/api/core/v1";
import type { KubeObject } from "@knots/machinery";
import { describe, expect, test } from "vitest";
import { controllerOf, hasCluster, IDLE, nameOf, Place, shell, template } from "./place.ts";

const INDEX = "batch.kubernetes.io/job-completion-index";
const LABEL = "job-name=work";

function job(script: string, spec: Partial<JobSpec> = {}, pod: object = {}): Job {
  return {
    metadata: { name: "work" },
    spec: { template: template({}, shell(script), { restartPolicy: "Never", ...pod }), ...spec },
  };
}

function condition(of: Job, type: string): { reason?: string | undefined; message?: string | undefined } | undefined {
  return of.status?.conditions?.find((each) => each.type === type && each.status === "True");
}

const complete = async (place: Place): Promise<Job> =>
  await place.until(jobs, "work", "complete", (each) => condition(each, "Complete") !== undefined);
const failed = async (place: Place): Promise<Job> =>
  await place.until(jobs, "work", "failed", (each) => condition(each, "Failed") !== undefined);
const running = (pod: Pod): boolean => pod.status?.phase === "Running";
const indexOf = (pod: KubeObject): number => Number(pod.metadata?.annotations?.[INDEX]);

describe.skipIf(!hasCluster)("jobs", { concurrent: true }, () => {
  test("a Job runs to completion though its tasks fail once and are restarted in place", async () => {
    await using place = await Place.open("job");
    const main = shell("[ -e /kept/once ] && exit 0; touch /kept/once; exit 1", {
      volumeMounts: [{ name: "kept", mountPath: "/kept" }],
    });
    const kept = { volumes: [{ name: "kept", emptyDir: {} }], restartPolicy: "OnFailure" };
    await place.of(jobs).create({
      metadata: { name: "work" },
      spec: { parallelism: 2, completions: 4, template: template({}, main, kept) },
    });
    expect((await complete(place)).status).toMatchObject({ succeeded: 4 });
    const all = await place.pods({ labelSelector: LABEL });
    expect(all.map(({ status }) => status?.containerStatuses?.[0]?.restartCount)).toEqual([1, 1, 1, 1]);
  });

  test("pods of an Indexed Job know their index: annotation, label, environment and host name", async () => {
    await using place = await Place.open("job");
    const script = 'echo "$JOB_COMPLETION_INDEX $(hostname)"';
    await place.of(jobs).create(job(script, { completionMode: "Indexed", completions: 4, parallelism: 2 }));
    expect((await complete(place)).status).toMatchObject({ succeeded: 4, completedIndexes: "0-3" });
    const all = await place.pods({ labelSelector: LABEL });
    expect(new Set(all.map(indexOf))).toEqual(new Set([0, 1, 2, 3]));
    for (const pod of all) {
      const index = indexOf(pod);
      expect(pod.metadata?.labels?.[INDEX]).toBe(String(index));
      expect(pod.spec?.hostname).toBe(`work-${index}`);
      expect(nameOf(pod)).toMatch(new RegExp(`^work-${index}-`));
      expect(await place.kubectl(`logs ${nameOf(pod)}`)).toBe(`${index} work-${index}\n`);
    }
  });

  test("a Job adopts an orphan of its own and releases a pod whose labels no longer match", async () => {
    await using place = await Place.open("job");
    const { metadata } = await place.of(jobs).create(job(IDLE, { parallelism: 2, completions: 2 }));
    const mine = (pod: Pod): boolean => controllerOf(pod) === metadata?.uid;
    const [first, second] = await place.untilPods("two pods run", LABEL, (all) => all.filter(running).length === 2);
    const orphan = nameOf(first ?? {});
    await place.of(pods).patch(orphan, { metadata: { ownerReferences: null } }, { type: "merge" });
    await place.until(pods, orphan, "adopted again", mine);
    expect(await place.pods({ labelSelector: LABEL })).toHaveLength(2);

    const stranger = nameOf(second ?? {});
    const labels = Object.fromEntries(Object.keys(second?.metadata?.labels ?? {}).map((label) => [label, null]));
    await place.of(pods).patch(stranger, { metadata: { labels } }, { type: "merge" });
    const released = await place.until(pods, stranger, "released", (pod) => controllerOf(pod) === undefined);
    expect(released.metadata?.finalizers ?? []).toEqual([]);
    // Another takes its place, and the one that was released runs on.
    await place.untilPods(
      "two pods again",
      LABEL,
      (all) => all.filter((pod) => running(pod) && mine(pod)).length === 2,
    );
    expect(running(await place.of(pods).get(stranger))).toBe(true);
  });

  test("a deleted Job takes its running pods along", async () => {
    await using place = await Place.open("job");
    await place.of(jobs).create(job(IDLE, { parallelism: 2, completions: 4 }));
    await place.until(jobs, "work", "two pods are ready", ({ status }) => status?.active === 2 && status.ready === 2);
    await place.of(jobs).delete("work", { propagationPolicy: "Foreground" });
    await place.untilGone(jobs, "work");
    expect(await place.pods()).toEqual([]);
  });

  test("a Job's status is patched, replaced and read apart from the rest", async () => {
    await using place = await Place.open("job");
    await place.of(jobs).create(job(IDLE));
    const { status } = await place.until(jobs, "work", "active", (each) => each.status?.active === 1);
    const start = status?.startTime ?? "";
    const patch = { metadata: { annotations: { patched: "yes" } }, status: { startTime: start } };
    const patched = await place.of(jobs).patch("work", patch, { type: "merge", subresource: "status" });
    expect(patched.metadata?.annotations).toMatchObject({ patched: "yes" });

    const extra = { type: "Observed", status: "True" as const, reason: "Test", message: "seen" };
    const replaced = await place.eventually("the status is replaced", async () => {
      const now = await place.of(jobs).get("work");
      const conditions = [...(now.status?.conditions ?? []), extra];
      return await place.of(jobs).updateStatus({ ...now, status: { ...now.status, conditions } });
    });
    expect(replaced.status?.conditions).toContainEqual(expect.objectContaining(extra));
    const read = (await place.of(jobs).getSubresource("work", "status")) as Job;
    expect(read.status?.conditions).toContainEqual(expect.objectContaining(extra));
    expect(read.status?.startTime).toBe(start);
  });

  test("a Job is made suspended, patched, replaced, resumed, listed by label and deleted with its collection", async () => {
    await using place = await Place.open("job");
    const labels = { life: place.namespace };
    const made = job("exit 0", { suspend: true, parallelism: 2, completions: 2 });
    await place.of(jobs).create({ ...made, metadata: { name: "work", labels } });
    await place.until(jobs, "work", "suspended", (each) => condition(each, "Suspended")?.reason === "JobSuspended");
    expect((await place.event("work", "Suspended")).message).toBe("Job suspended");
    expect(await place.pods()).toEqual([]);

    const patched = await place
      .of(jobs)
      .patch("work", { metadata: { labels: { more: "yes" } } }, { type: "strategic" });
    expect(patched.metadata?.labels).toEqual({ ...labels, more: "yes" });
    await place.eventually("it is replaced", async () => {
      const now = await place.of(jobs).get("work");
      const metadata = { ...now.metadata, annotations: { updated: "yes" } };
      return await place.of(jobs).update({ ...now, metadata, spec: { ...now.spec, suspend: false } } as Job);
    });
    expect((await complete(place)).metadata?.annotations).toMatchObject({ updated: "yes" });
    expect((await place.event("work", "Resumed")).message).toBe("Job resumed");

    const selector = { labelSelector: `life=${place.namespace}` };
    const { items } = await place.client.resource(jobs).list(selector);
    expect(items.map(({ metadata }) => metadata?.namespace)).toEqual([place.namespace]);
    await place.of(jobs).deleteCollection({ propagationPolicy: "Background" }, selector);
    await place.untilGone(jobs, "work");
    await place.untilPods("its pods are gone", "", (all) => all.length === 0);
  });

  test("an exit code that the pod failure policy names fails the Job at once", async () => {
    await using place = await Place.open("job");
    const onExitCodes = { containerName: "main", operator: "In", values: [42] };
    // One pod of an index fails; the other would run for long.
    const script = `[ "$JOB_COMPLETION_INDEX" = 0 ] && exit 42; ${IDLE}`;
    await place.of(jobs).create(
      job(script, {
        completionMode: "Indexed",
        completions: 2,
        parallelism: 2,
        backoffLimit: 6,
        podFailurePolicy: { rules: [{ action: "FailJob", onExitCodes }] },
      }),
    );
    const ended = await failed(place);
    expect(condition(ended, "Failed")?.reason).toBe("PodFailurePolicy");
    expect(condition(ended, "Failed")?.message).toMatch(
      /^Container main for pod \S+\/work-0-\w+ failed with exit code 42 matching FailJob rule at index 0$/,
    );
    await place.untilPods("nothing runs", LABEL, (all) => !all.some(running));
  });

  test("a failure by disruption is ignored where the pod failure policy says so", async () => {
    await using place = await Place.open("job");
    // Nodes share the files of this machine: a mark there outlives the pod.
    const marks = mkdtempSync(join(tmpdir(), "knots-marks-"));
    try {
      const script = `[ -e /marks/$JOB_COMPLETION_INDEX ] && exit 0; trap 'exit 1' TERM; touch /marks/$JOB_COMPLETION_INDEX; sleep 3600 & wait`;
      const main = shell(script, { volumeMounts: [{ name: "marks", mountPath: "/marks" }] });
      const volumes = [{ name: "marks", hostPath: { path: marks } }];
      await place.of(jobs).create({
        metadata: { name: "work" },
        spec: {
          completionMode: "Indexed",
          completions: 2,
          parallelism: 2,
          backoffLimit: 0,
          podFailurePolicy: {
            rules: [
              { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] },
              { action: "FailJob", onExitCodes: { operator: "NotIn", values: [0] } },
            ],
          },
          template: template({}, main, { volumes, restartPolicy: "Never", terminationGracePeriodSeconds: 30 }),
        },
      });
      await place.eventually("both have left their mark", () =>
        Promise.resolve(existsSync(join(marks, "0")) && existsSync(join(marks, "1"))),
      );
      for (const pod of await place.pods({ labelSelector: LABEL })) {
        await place.of(pods).createSubresource(nameOf(pod), "eviction", {
          apiVersion: "policy/v1",
          kind: "Eviction",
          metadata: { name: nameOf(pod), namespace: place.namespace },
        });
      }
      expect((await complete(place)).status).toMatchObject({ succeeded: 2, completedIndexes: "0,1" });
    } finally {
      rmSync(marks, { recursive: true, force: true });
    }
  });

  test("every index is tried within its own limit of failures though others fail", async () => {
    await using place = await Place.open("job");
    await place.of(jobs).create(
      job("exit $((JOB_COMPLETION_INDEX % 2))", {
        completionMode: "Indexed",
        completions: 4,
        parallelism: 2,
        backoffLimitPerIndex: 1,
      }),
    );
    const ended = await failed(place);
    expect(condition(ended, "Failed")).toMatchObject({ reason: "FailedIndexes", message: "Job has failed indexes" });
    // Each odd index failed twice: once, and once more when it was tried again.
    expect(ended.status).toMatchObject({ completedIndexes: "0,2", failedIndexes: "1,3", succeeded: 2, failed: 4 });
  });

  test("a FailIndex rule fails an index without trying it again", async () => {
    await using place = await Place.open("job");
    await place.of(jobs).create(
      job('[ "$JOB_COMPLETION_INDEX" = 0 ] && exit 42; exit 0', {
        completionMode: "Indexed",
        completions: 2,
        parallelism: 2,
        backoffLimitPerIndex: 3,
        podFailurePolicy: { rules: [{ action: "FailIndex", onExitCodes: { operator: "In", values: [42] } }] },
      }),
    );
    const ended = await failed(place);
    expect(condition(ended, "Failed")?.reason).toBe("FailedIndexes");
    expect(ended.status).toMatchObject({ completedIndexes: "1", failedIndexes: "0", succeeded: 1, failed: 1 });
  });

  test("more failed indexes than maxFailedIndexes end the Job", async () => {
    await using place = await Place.open("job");
    // The first two fail; the others would run for long.
    await place.of(jobs).create(
      job(`[ "$JOB_COMPLETION_INDEX" -lt 2 ] && exit 1; ${IDLE}`, {
        completionMode: "Indexed",
        completions: 4,
        parallelism: 4,
        backoffLimitPerIndex: 0,
        maxFailedIndexes: 1,
      }),
    );
    const ended = await failed(place);
    expect(condition(ended, "Failed")).toMatchObject({
      reason: "MaxFailedIndexesExceeded",
      message: "Job has exceeded the specified maximal number of failed indexes",
    });
    expect(ended.status?.failedIndexes).toMatch(/^0,1/);
    await place.untilPods("nothing runs", LABEL, (all) => !all.some(running));
  });

  describe("with a success policy", () => {
    const succeed = async (script: string, completions: number, rule: object): Promise<Job> => {
      await using place = await Place.open("job");
      const successPolicy = { rules: [rule] };
      const indexed = { completionMode: "Indexed" as const, completions, parallelism: completions };
      await place.of(jobs).create(job(script, { ...indexed, successPolicy }));
      const met = await place.until(jobs, "work", "criteria met", (each) => {
        return condition(each, "SuccessCriteriaMet") !== undefined;
      });
      expect(condition(met, "SuccessCriteriaMet")).toMatchObject({
        reason: "SuccessPolicy",
        message: "Matched rules at index 0",
      });
      const ended = await complete(place);
      expect(condition(ended, "Complete")?.reason).toBe("SuccessPolicy");
      await place.untilPods("nothing runs", LABEL, (all) => !all.some(running));
      return ended;
    };
    const onlyTheFirst = `[ "$JOB_COMPLETION_INDEX" = 0 ] && exit 0; ${IDLE}`;

    test("a Job succeeds when all indexes did", async () => {
      const { status } = await succeed("exit 0", 2, { succeededIndexes: "0-1" });
      expect(status).toMatchObject({ succeeded: 2, completedIndexes: "0,1" });
    });

    test("a Job succeeds with the indexes that are named, others pending", async () => {
      const { status } = await succeed(onlyTheFirst, 2, { succeededIndexes: "0" });
      expect(status).toMatchObject({ succeeded: 1, completedIndexes: "0" });
    });

    test("a Job succeeds with as many indexes as are asked for, others pending", async () => {
      const { status } = await succeed(onlyTheFirst, 4, { succeededCount: 1 });
      expect(status).toMatchObject({ succeeded: 1, completedIndexes: "0" });
    });
  });
});
