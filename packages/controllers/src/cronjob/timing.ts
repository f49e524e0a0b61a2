import type { CronJob } from "@knots/api/batch/v1";
import { creationTime, timeOf } from "../framework/objects.ts";
import type { Schedule } from "./schedule.ts";

/** A moment after the due instant, so that the clock has surely passed it. */
const NEXT_SCHEDULE_DELTA = 100;
/** With more missed runs than this a warning asks for a starting deadline. */
const MANY_MISSED = 100;

export interface RecentRun {
  /** Nothing before this instant is considered. */
  readonly earliest: number;
  /** The last due instant that has come, after `earliest`. */
  readonly due: number | undefined;
  readonly missed: "none" | "few" | "many";
}

/**
 * The most recent due instant. Throws where the schedule never comes twice. Pure.
 * @param honourDeadline runs older than startingDeadlineSeconds do not count
 */
export function mostRecentRun(cronJob: CronJob, now: number, schedule: Schedule, honourDeadline: boolean): RecentRun {
  let earliest = timeOf(cronJob.status?.lastScheduleTime) ?? creationTime(cronJob);
  const deadline = cronJob.spec?.startingDeadlineSeconds;
  if (honourDeadline && deadline !== undefined) earliest = Math.max(earliest, now - deadline * 1000);
  const first = schedule.next(earliest);
  const second = first === undefined ? undefined : schedule.next(first);
  if (first === undefined || second === undefined) {
    throw new Error("time difference between two schedules is less than 1 second");
  }
  if (now < first) return { earliest, due: undefined, missed: "none" };
  if (now < second) return { earliest, due: first, missed: "none" };
  const interval = second - first;
  const missed = Math.floor((now - first) / interval) + 1;
  // A leap near to now, by a rough count of intervals (one less, as they need not be equal): no walk through years.
  let due: number | undefined;
  let t = schedule.next(first + (missed - 2) * interval);
  for (; t !== undefined && t <= now; t = schedule.next(t)) due = t;
  return { earliest, due, missed: missed > MANY_MISSED ? "many" : "few" };
}

/** Ms until the CronJob is to be looked at again. */
export function untilNextRun(cronJob: CronJob, now: number, schedule: Schedule): number | undefined {
  let from: number;
  try {
    const recent = mostRecentRun(cronJob, now, schedule, false);
    from = recent.due ?? (recent.missed === "none" ? recent.earliest : now);
  } catch {
    from = now; // a schedule that comes at most once more
  }
  const next = schedule.next(from);
  return next === undefined ? undefined : Math.max(0, next + NEXT_SCHEDULE_DELTA - now);
}
