import type { Job, JobCondition, JobStatus } from "@knots/api/batch/v1";
import { jobs } from "@knots/api/batch/v1";
import type { Pod } from "@knots/api/core/v1";
import type { Client, EventRecorder } from "@knots/client";
import { formatTime } from "@knots/machinery";
import { semanticEqual } from "../framework/equality.ts";
import { isBeingDeleted, metaOf } from "../framework/objects.ts";
import type { OwnWrites } from "../framework/own-writes.ts";
import { withoutZeroes } from "../replicaset/status.ts";
import { nextBackoffRecord } from "./backoff.ts";
import type { BackoffRecord } from "./backoff.ts";
import { ensureCondition, newJobCondition, trueCondition } from "./conditions.ts";
import { completionsReached, deadlineRemaining, decideEnd, isComplete } from "./finish.ts";
import { NO_CHANGES } from "./job-pods.ts";
import type { JobPods, PodChanges } from "./job-pods.ts";
import { observeJob } from "./observed.ts";
import type { JobObservation } from "./observed.ts";
import { planJob } from "./plan.ts";
import { isSuspended } from "./pods.ts";
import { countFinished, isSettled, settleUncounted, uidsWithFinalizer } from "./tracking.ts";

export interface SyncDeps {
  readonly client: Client;
  readonly recorder: EventRecorder;
  readonly pods: JobPods;
  readonly now: number;
  readonly writes: OwnWrites;
  /** No write of ours is still to be seen in the cache. */
  readonly settled: boolean;
  readonly backoff: BackoffRecord | undefined;
  readonly finalizerRemoved: ReadonlySet<string>;
  /** Called once newly finished pods are in a stored status. */
  counted(backoff: BackoffRecord): void;
  /** Called with uids of pods whose finalizer was taken off. */
  released(uids: ReadonlySet<string>): void;
}

export interface SyncResult {
  readonly requeueAfterMs?: number;
  readonly error?: unknown;
}

/** One step of a Job that is not finished: pods, then the exact count of those that ended, then status. */
export async function syncJob(key: string, cached: Job, pods: readonly Pod[], deps: SyncDeps): Promise<SyncResult> {
  const { now } = deps;
  const job = structuredClone(cached);
  const status: JobStatus = (job.status ??= {});
  if (status.startTime === undefined && !isSuspended(job)) status.startTime = formatTime(new Date(now));
  const seen = observeJob(job, pods, deps.finalizerRemoved);
  const backoff = nextBackoffRecord(deps.backoff, seen.newSucceeded, seen.newFailed);
  let end = decideEnd(seen, now);
  let changes: PodChanges = NO_CHANGES;
  // Past the deadline there is nothing to wait for: what is left to happen, happens to the pods.
  let wait = end === undefined ? deadlineRemaining(job, now) : undefined;
  if (end !== undefined) {
    changes = await deps.pods.delete(key, job, seen.activePods, true);
    // Pods that could not be deleted, or that the cache does not show yet, would escape the count.
    if (changes.deleted !== seen.activePods.length || !deps.settled) end = undefined;
  } else {
    let managed = false;
    if (deps.settled && !isBeingDeleted(job)) {
      const plan = planJob(seen, backoff, now);
      managed = true;
      if (plan.kind === "wait") wait = Math.min(wait ?? plan.ms, plan.ms);
      if (plan.kind === "create") changes = await deps.pods.create(key, job, plan, seen.delayedDeletion);
      if (plan.kind === "delete") changes = await deps.pods.delete(key, job, plan.pods, false);
    }
    if (isComplete(seen, activeAfter(seen, changes))) end = completionsReached(now);
    else if (managed) updateSuspended(job, deps);
  }
  status.active = activeAfter(seen, changes);
  status.ready = Math.max(0, seen.ready - changes.deletedReady);
  status.terminating = seen.terminating + changes.deleted;
  const error = await track(cached, job, seen, end, backoff, deps);
  return {
    ...(wait === undefined ? {} : { requeueAfterMs: wait }),
    ...((error ?? changes.error) === undefined ? {} : { error: error ?? changes.error }),
  };
}

function activeAfter(seen: JobObservation, changes: PodChanges): number {
  return seen.activePods.length + changes.created - changes.deleted;
}

function updateSuspended(job: Job, { recorder, now }: SyncDeps): void {
  const status = (job.status ??= {});
  const suspended = isSuspended(job);
  const next = suspended
    ? newJobCondition("Suspended", "True", "JobSuspended", "Job suspended", now)
    : newJobCondition("Suspended", "False", "JobResumed", "Job resumed", now);
  const { conditions, changed } = ensureCondition(status.conditions ?? [], next);
  if (!changed) return;
  status.conditions = conditions;
  recorder.event(job, "Normal", suspended ? "Suspended" : "Resumed", suspended ? "Job suspended" : "Job resumed");
  // The deadline runs anew: it must not have gone by while the Job slept.
  if (!suspended) status.startTime = formatTime(new Date(now));
}

/** Stores what finished before its finalizers go, takes them off, and stores the settled counters. */
async function track(
  cached: Job,
  job: Job,
  seen: JobObservation,
  end: JobCondition | undefined,
  backoff: BackoffRecord,
  deps: SyncDeps,
): Promise<unknown> {
  const counting = countFinished(seen, job.status ?? {}, end);
  let status = counting.status;
  // The reason is stored before the finalizers go, so that a restart in between comes to the same end.
  if (end !== undefined && trueCondition(status.conditions, end.type as "FailureTarget") === undefined) {
    status = { ...status, conditions: [...(status.conditions ?? []), end] };
  }
  let current = await store(cached, { ...job, status }, deps);
  deps.counted(backoff);
  const { released, error } = await deps.pods.release(counting.release);
  deps.released(released);
  status = settleUncounted(current.status ?? {}, uidsWithFinalizer(seen, released));
  let finished: JobCondition | undefined;
  // A Job has ended when all is counted and no pod of it runs any more.
  const quiet = (status.active ?? 0) === 0 && (status.terminating ?? 0) === 0;
  if (end !== undefined && error === undefined && !counting.truncated && isSettled(status) && quiet) {
    finished = finalCondition(end, deps.now);
    status = {
      ...status,
      conditions: ensureCondition(status.conditions ?? [], finished).conditions,
      ...(finished.type === "Complete" ? { completionTime: formatTime(new Date(deps.now)) } : {}),
    };
  }
  current = await store(current, { ...current, status }, deps);
  if (finished?.type === "Complete") deps.recorder.event(current, "Normal", "Completed", "Job completed");
  else if (finished !== undefined) {
    deps.recorder.event(current, "Warning", finished.reason ?? "", finished.message ?? "");
  }
  return error;
}

function finalCondition(end: JobCondition, now: number): JobCondition {
  const type = end.type === "SuccessCriteriaMet" ? "Complete" : "Failed";
  return newJobCondition(type, "True", end.reason ?? "", end.message ?? "", now);
}

async function store(previous: Job, next: Job, deps: SyncDeps): Promise<Job> {
  if (
    semanticEqual(withoutZeroes(previous.status ?? {}), withoutZeroes(next.status ?? {})) &&
    previous.status?.uncountedTerminatedPods !== undefined
  ) {
    return { ...next, metadata: previous.metadata ?? {} };
  }
  return deps.writes.note(await deps.client.resource(jobs, metaOf(next).namespace).updateStatus(next));
}
