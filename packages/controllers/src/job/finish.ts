import type { Job, JobCondition } from "@knots/api/batch/v1";
import type { Pod } from "@knots/api/core/v1";
import { timeOf } from "../framework/objects.ts";
import { newJobCondition, trueCondition } from "./conditions.ts";
import { failJobMessage } from "./failure-policy.ts";
import type { JobObservation } from "./observed.ts";
import { isIndexed, isSuspended } from "./pods.ts";
import { matchSuccessPolicy } from "./success-policy.ts";

/**
 * Why the Job is to end before its completions are reached, if it is: a SuccessCriteriaMet or FailureTarget condition (one
 * that stands in status already stays the reason). Pure.
 */
export function decideEnd(seen: JobObservation, now: number): JobCondition | undefined {
  const { job } = seen;
  const conditions = job.status?.conditions;
  const standing = trueCondition(conditions, "SuccessCriteriaMet") ?? trueCondition(conditions, "FailureTarget");
  if (standing !== undefined) return standing;
  const failure = (reason: string, message: string): JobCondition =>
    newJobCondition("FailureTarget", "True", reason, message, now);
  const message = failJobMessage(job, seen.pods);
  if (message !== undefined) return failure("PodFailurePolicy", message);
  if (seen.failed > (job.spec?.backoffLimit ?? 6) || restartsExceedLimit(job, seen.pods)) {
    return failure("BackoffLimitExceeded", "Job has reached the specified backoff limit");
  }
  if (deadlineRemaining(job, now) === 0) {
    return failure("DeadlineExceeded", "Job was active longer than specified deadline");
  }
  if (!isIndexed(job)) return undefined;
  const failed = seen.failedIndexes?.size ?? 0;
  if (job.spec?.maxFailedIndexes !== undefined && failed > job.spec.maxFailedIndexes) {
    return failure("MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes");
  }
  if (failed > 0 && failed + seen.succeededIndexes.size >= (job.spec?.completions ?? 0)) {
    return failure("FailedIndexes", "Job has failed indexes");
  }
  const policy = matchSuccessPolicy(job, seen.succeededIndexes);
  if (policy === undefined) return undefined;
  return newJobCondition("SuccessCriteriaMet", "True", "SuccessPolicy", policy, now);
}

/** Ms left of activeDeadlineSeconds; undefined where none runs. */
export function deadlineRemaining(job: Job, now: number): number | undefined {
  const seconds = job.spec?.activeDeadlineSeconds;
  const start = timeOf(job.status?.startTime);
  if (seconds === undefined || start === undefined || isSuspended(job)) return undefined;
  return Math.max(0, start + seconds * 1000 - now);
}

/** With restartPolicy OnFailure the kubelet restarts containers in place: their restarts count against the limit. */
function restartsExceedLimit(job: Job, pods: readonly Pod[]): boolean {
  if (job.spec?.template?.spec?.restartPolicy !== "OnFailure") return false;
  let restarts = 0;
  for (const { status } of pods) {
    if (status?.phase !== "Running" && status?.phase !== "Pending") continue;
    for (const container of [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])]) {
      restarts += container.restartCount ?? 0;
    }
  }
  const limit = job.spec.backoffLimit ?? 6;
  return limit === 0 ? restarts > 0 : restarts >= limit;
}

/** Whether the wished successes are there. `active`: pods that still run. */
export function isComplete(seen: JobObservation, active: number): boolean {
  const completions = seen.job.spec?.completions;
  if (active > 0) return false;
  return completions === undefined ? seen.succeeded > 0 : seen.succeeded >= completions;
}

export function completionsReached(now: number): JobCondition {
  return newJobCondition(
    "SuccessCriteriaMet",
    "True",
    "CompletionsReached",
    "Reached expected number of succeeded pods",
    now,
  );
}
