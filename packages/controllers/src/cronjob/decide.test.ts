import type { CronJob, Job } from "@knots/api/batch/v1";
import { describe, expect, test } from "vitest";
import { decideRun, surplusHistory } from "./decide.ts";

const CREATED = "2026-11-24T10:00:00Z";

function cronJob(spec: Partial<NonNullable<CronJob["spec"]>> = {}, status: CronJob["status"] = {}): CronJob {
  return {
    metadata: { name: "cj", namespace: "ns", uid: "u", creationTimestamp: CREATED },
    spec: { schedule: "0 * * * *", jobTemplate: {}, ...spec },
    status,
  };
}

function decide(job: CronJob, now: string) {
  const decision = decideRun(job, Date.parse(now), "UTC");
  return {
    start: decision.start === undefined ? undefined : new Date(decision.start).toISOString(),
    reasons: decision.events.map(({ reason }) => reason),
    wait: decision.requeueAfterMs,
    replace: decision.replace,
  };
}

describe("decideRun", () => {
  test("waits for the first run, and a moment more", () => {
    expect(decide(cronJob(), "2026-11-24T10:30:00Z")).toMatchObject({ start: undefined, wait: 30 * 60_000 + 100 });
  });

  test("starts when due", () => {
    expect(decide(cronJob(), "2026-11-24T11:00:00.100Z").start).toBe("2026-11-24T11:00:00.000Z");
  });

  test("of several missed runs only the last is made up for", () => {
    expect(decide(cronJob(), "2026-11-24T14:20:00Z")).toMatchObject({ start: "2026-11-24T14:00:00.000Z", reasons: [] });
  });

  test("too many missed runs are warned of", () => {
    const decision = decide(cronJob({ schedule: "* * * * *" }), "2026-11-24T14:20:30Z");
    expect(decision).toMatchObject({ start: "2026-11-24T14:20:00.000Z", reasons: ["TooManyMissedTimes"] });
  });

  test("a run past its starting deadline is given up", () => {
    const decision = decide(cronJob({ startingDeadlineSeconds: 60 }), "2026-11-24T11:10:00Z");
    expect(decision.start).toBeUndefined();
  });

  test("the run of that instant is not started twice", () => {
    const done = cronJob({}, { lastScheduleTime: "2026-11-24T11:00:00Z" });
    expect(decide(done, "2026-11-24T11:00:30Z").start).toBeUndefined();
  });

  test("Forbid waits while one runs; Replace takes its place", () => {
    const active = { active: [{ name: "cj-1", uid: "j" }] };
    expect(decide(cronJob({ concurrencyPolicy: "Forbid" }, active), "2026-11-24T11:00:01Z")).toMatchObject({
      start: undefined,
      reasons: ["JobAlreadyActive"],
    });
    expect(decide(cronJob({ concurrencyPolicy: "Replace" }, active), "2026-11-24T11:00:01Z").replace).toBe(true);
  });

  test("suspended, of an unknown zone, of a bad schedule: nothing is started", () => {
    expect(decide(cronJob({ suspend: true }), "2026-11-24T11:00:01Z")).toMatchObject({ start: undefined, reasons: [] });
    expect(decide(cronJob({ timeZone: "Mars/Base" }), "2026-11-24T11:00:01Z").reasons).toEqual(["UnknownTimeZone"]);
    expect(decide(cronJob({ schedule: "x" }), "2026-11-24T11:00:01Z").reasons).toEqual(["UnparseableSchedule"]);
  });

  test("a zone in the schedule is warned of, and heeded", () => {
    const tokyo = cronJob({ schedule: "TZ=Asia/Tokyo 30 19 * * *" });
    expect(decide(tokyo, "2026-11-24T10:30:05Z")).toMatchObject({
      start: "2026-11-24T10:30:00.000Z",
      reasons: ["UnsupportedSchedule"],
    });
  });

  test("the schedule is read in spec.timeZone", () => {
    const tokyo = cronJob({ schedule: "30 19 * * *", timeZone: "Asia/Tokyo" });
    expect(decide(tokyo, "2026-11-24T10:30:05Z").start).toBe("2026-11-24T10:30:00.000Z");
  });
});

test("history limits delete the oldest finished Jobs of each kind", () => {
  const job = (name: string, type: string, hour: number): Job => ({
    metadata: { name },
    status: {
      startTime: `2026-11-24T0${hour}:00:00Z`,
      conditions: [{ type, status: "True" }],
    },
  });
  const jobs = [job("c3", "Complete", 3), job("c1", "Complete", 1), job("f1", "Failed", 1), job("c2", "Complete", 2)];
  const surplus = surplusHistory(cronJob({ successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 1 }), jobs);
  expect(surplus.map(({ metadata }) => metadata?.name)).toEqual(["c1", "c2"]);
});
