import type { CronJob, Job } from "@knots/api/batch/v1";
import { compareStrings, timeOf } from "../framework/objects.ts";
import { mostRecentRun, untilNextRun } from "./timing.ts";
import { parseSchedule } from "./schedule.ts";
import { Zone } from "./zoned-time.ts";

export interface CronEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

export interface CronDecision {
  /** The due instant to start a Job for, ms. */
  readonly start?: number;
  /** Active Jobs are to go first. */
  readonly replace?: boolean;
  readonly zone?: Zone;
  readonly events: readonly CronEvent[];
  readonly requeueAfterMs?: number;
}

/** Whether a Job is to be started now, and when to look again. Pure. */
export function decideRun(cronJob: CronJob, now: number, localZone: string): CronDecision {
  const { spec, status } = cronJob;
  const warn = (reason: string, message: string): CronEvent => ({ type: "Warning", reason, message });
  if (spec === undefined || cronJob.metadata?.deletionTimestamp !== undefined) return { events: [] };
  let zone: Zone;
  try {
    zone = new Zone(spec.timeZone ?? localZone);
  } catch {
    return {
      events: [warn("UnknownTimeZone", `invalid timeZone: "${spec.timeZone}": unknown time zone ${spec.timeZone}`)],
    };
  }
  if (spec.suspend === true) return { events: [] };
  const events: CronEvent[] = [];
  if (spec.schedule.includes("TZ")) {
    // Such schedules are refused by now; those that were stored before go on.
    const message =
      `CRON_TZ or TZ used in schedule "${spec.schedule}" is not officially supported, ` +
      "see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details";
    events.push(warn("UnsupportedSchedule", message));
  }
  let schedule;
  try {
    schedule = parseSchedule(spec.schedule, zone);
  } catch (error) {
    // A change of the schedule is what can mend it, and that is an event.
    const message = `unparseable schedule: "${spec.schedule}" : ${(error as Error).message}`;
    return { events: [...events, warn("UnparseableSchedule", message)] };
  }
  const wait = untilNextRun(cronJob, now, schedule);
  const later = (...more: CronEvent[]): CronDecision => ({
    events: [...events, ...more],
    ...(wait === undefined ? {} : { requeueAfterMs: wait }),
  });
  let recent;
  try {
    recent = mostRecentRun(cronJob, now, schedule, true);
  } catch (error) {
    const message = `invalid schedule: ${spec.schedule} : ${(error as Error).message}`;
    return { events: [...events, warn("InvalidSchedule", message)] };
  }
  const { due } = recent;
  if (due === undefined) return later();
  if (recent.missed === "many") {
    const message = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew";
    events.push(warn("TooManyMissedTimes", message));
  }
  const deadline = spec.startingDeadlineSeconds;
  if (deadline !== undefined && due + deadline * 1000 < now) {
    return later(warn("MissSchedule", `Missed scheduled time to start a job: ${rfc1123z(due)}`));
  }
  const active = status?.active ?? [];
  const started = active.some((ref) => ref.name === jobName(cronJob, due)) || timeOf(status?.lastScheduleTime) === due;
  if (started) return later();
  if (spec.concurrencyPolicy === "Forbid" && active.length > 0) {
    const message = "Not starting job because prior execution is running and concurrency policy is Forbid";
    return later({ type: "Normal", reason: "JobAlreadyActive", message });
  }
  return { start: due, replace: spec.concurrencyPolicy === "Replace", zone, events };
}

/** One name for one due instant, so that no crash can start a run twice. */
export function jobName(cronJob: CronJob, due: number): string {
  return `${cronJob.metadata?.name ?? ""}-${Math.floor(due / 60_000)}`;
}

function rfc1123z(ms: number): string {
  return new Date(ms).toUTCString().replace("GMT", "+0000");
}

/** Finished Jobs beyond the history limits, oldest first. Pure. */
export function surplusHistory(cronJob: CronJob, jobs: readonly Job[]): Job[] {
  const finishedAs = (type: string): Job[] =>
    jobs
      .filter((job) => job.status?.conditions?.some((c) => c.type === type && c.status === "True"))
      .toSorted(
        (a, b) =>
          (timeOf(a.status?.startTime) ?? Infinity) - (timeOf(b.status?.startTime) ?? Infinity) ||
          compareStrings(a.metadata?.name ?? "", b.metadata?.name ?? ""),
      );
  const surplus = (list: Job[], limit: number | undefined): Job[] =>
    limit === undefined ? [] : list.slice(0, Math.max(0, list.length - limit));
  return [
    ...surplus(finishedAs("Complete"), cronJob.spec?.successfulJobsHistoryLimit),
    ...surplus(finishedAs("Failed"), cronJob.spec?.failedJobsHistoryLimit),
  ];
}
