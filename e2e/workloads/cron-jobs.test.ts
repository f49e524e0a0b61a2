// CronJobs on a real clock, whose smallest step is a minute: all of them start together and wait together.
import { cronJobs, jobs, type CronJob, type CronJobSpec, type Job } from "@knots/api/batch/v1";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { controllerOf, hasCluster, IDLE, nameOf, Place, shell, template } from "./place.ts";

function cronJob(name: string, spec: Partial<CronJobSpec> = {}): CronJob {
  return {
    metadata: { name },
    spec: {
      schedule: "* * * * *",
      jobTemplate: { spec: { template: template({}, shell(IDLE), { restartPolicy: "OnFailure" }) } },
      ...spec,
    },
  };
}

describe.skipIf(!hasCluster)("cron jobs", () => {
  let place: Place;
  beforeAll(async () => {
    place = await Place.open("cron");
    const of = place.of(cronJobs);
    await of.create(cronJob("allow"));
    await of.create(cronJob("forbid", { concurrencyPolicy: "Forbid" }));
    await of.create(cronJob("replace", { concurrencyPolicy: "Replace" }));
    await of.create(cronJob("suspended", { suspend: true }));
  });
  afterAll(async () => {
    await place[Symbol.asyncDispose]();
  });

  /** The jobs that a CronJob has made and that are there, the oldest first. */
  async function jobsOf(name: string): Promise<Job[]> {
    const { metadata } = await place.of(cronJobs).get(name);
    const { items } = await place.of(jobs).list();
    return items
      .filter((job) => controllerOf(job) === metadata?.uid)
      .toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  }
  const active = async (name: string): Promise<number> =>
    (await place.of(cronJobs).get(name)).status?.active?.length ?? 0;

  describe("by the minute", { concurrent: true }, () => {
    test("jobs of a CronJob run beside each other", async () => {
      await place.eventually("two are active", async () => (await active("allow")) >= 2);
      const made = await jobsOf("allow");
      // Each is of the minute that its name tells.
      const minutes = made.map((job) => Number(nameOf(job).split("-").at(-1)));
      expect((minutes[1] ?? 0) - (minutes[0] ?? 0)).toBe(1);
      expect((await place.event("allow", "SuccessfulCreate")).message).toBe(`Created job ${nameOf(made[0] ?? {})}`);
    });

    test("Forbid starts no job while the one before runs", async () => {
      // The Event tells that the next minute has come.
      const { message } = await place.event("forbid", "JobAlreadyActive");
      expect(message).toBe("Not starting job because prior execution is running and concurrency policy is Forbid");
      expect(await active("forbid")).toBe(1);
      expect(await jobsOf("forbid")).toHaveLength(1);
    });

    test("Replace ends the job before and starts the next", async () => {
      const [first = {}] = await place.eventually("one is there", async () => {
        const all = await jobsOf("replace");
        return all.length > 0 && all;
      });
      await place.untilGone(jobs, nameOf(first));
      await place.eventually("another has taken its place", async () => {
        const [next] = await jobsOf("replace");
        return next !== undefined && nameOf(next) !== nameOf(first);
      });
      expect((await place.event("replace", "SuccessfulDelete")).message).toBe(`Deleted job ${nameOf(first)}`);
      expect(await active("replace")).toBe(1);
    });

    test("a suspended CronJob starts no job, though its minutes pass", async () => {
      await place.eventually("others have had their minute", async () => (await jobsOf("allow")).length >= 2);
      expect(await jobsOf("suspended")).toEqual([]);
      expect((await place.of(cronJobs).get("suspended")).status?.lastScheduleTime).toBeUndefined();
    });

    test("CronJobs are made, read, listed, watched, updated, patched and deleted, their status too", async () => {
      await using own = await Place.open("cron");
      const of = own.of(cronJobs);
      const seen: string[] = [];
      const stop = own.watch(cronJobs, ({ type }) => seen.push(type));
      const labels = { life: own.namespace };
      const selector = { labelSelector: `life=${own.namespace}` };
      const groups = (await own.client.request("GET", "/apis/batch")) as { versions: { version: string }[] };
      expect(groups.versions.map(({ version }) => version)).toContain("v1");
      // It never comes: 30 February.
      for (const name of ["a", "b", "c"]) {
        const made = cronJob(name, { schedule: "0 0 30 2 *" });
        await of.create({ ...made, metadata: { name, labels } });
      }
      expect((await of.get("a")).metadata?.labels).toEqual(labels);
      expect((await of.list(selector)).items.map(nameOf)).toEqual(["a", "b", "c"]);
      expect((await own.client.resource(cronJobs).list(selector)).items).toHaveLength(3);
      await own.eventually("the watch has begun", () => Promise.resolve(seen.length >= 3));
      const patched = await of.patch("a", { metadata: { annotations: { patched: "yes" } } }, { type: "merge" });
      expect(patched.metadata?.annotations).toEqual({ patched: "yes" });
      const annotations = { ...patched.metadata?.annotations, updated: "yes" };
      const updated = await of.update({ ...patched, metadata: { ...patched.metadata, annotations } });
      expect(updated.metadata?.annotations).toEqual({ patched: "yes", updated: "yes" });
      await own.eventually("the watch saw it", () => Promise.resolve(seen.includes("MODIFIED")));

      const lastScheduleTime = "2026-01-01T00:00:00Z";
      const status = await of.patch("a", { status: { lastScheduleTime } }, { type: "merge", subresource: "status" });
      expect(status.status?.lastScheduleTime).toBe(lastScheduleTime);
      const later = "2026-01-02T00:00:00Z";
      const newer = await of.updateStatus({ ...status, status: { ...status.status, lastScheduleTime: later } });
      expect(newer.status?.lastScheduleTime).toBe(later);
      const read = (await of.getSubresource("a", "status")) as CronJob;
      expect(read.status?.lastScheduleTime).toBe(later);

      await of.delete("a");
      await own.untilGone(cronJobs, "a");
      await of.deleteCollection({}, selector);
      await own.eventually("all are gone", async () => (await of.list(selector)).items.length === 0);
      await own.eventually("the watch saw them go", () => {
        return Promise.resolve(seen.filter((type) => type === "DELETED").length === 3);
      });
      await stop();
    });
  });
});
