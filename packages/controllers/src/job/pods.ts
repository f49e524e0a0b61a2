import type { Job } from "@knots/api/batch/v1";
import type { Pod } from "@knots/api/core/v1";
import { creationTime, timeOf } from "../framework/objects.ts";
import { podCondition } from "../framework/pod-state.ts";

/** Keeps a finished pod in the API until it has been counted. */
export const JOB_TRACKING_FINALIZER = "batch.kubernetes.io/job-tracking";
/** Annotation and label of the pods of Indexed Jobs. */
export const COMPLETION_INDEX = "batch.kubernetes.io/job-completion-index";
/** How often the index failed before this pod, by backoffLimitPerIndex' count. */
export const INDEX_FAILURE_COUNT = "batch.kubernetes.io/job-index-failure-count";
/** How often it failed in ways that podFailurePolicy ignores. */
export const INDEX_IGNORED_FAILURE_COUNT = "batch.kubernetes.io/job-index-ignored-failure-count";

export function hasTrackingFinalizer(pod: Pod): boolean {
  return pod.metadata?.finalizers?.includes(JOB_TRACKING_FINALIZER) ?? false;
}

export function isIndexed(job: Job): boolean {
  return job.spec?.completionMode === "Indexed";
}

export function isSuspended(job: Job): boolean {
  return job.spec?.suspend === true;
}

export function hasBackoffLimitPerIndex(job: Job): boolean {
  return job.spec?.backoffLimitPerIndex !== undefined;
}

/** Complete or Failed. */
export function isFinished(job: Job): boolean {
  return (job.status?.conditions ?? []).some(
    ({ type, status }) => (type === "Complete" || type === "Failed") && status === "True",
  );
}

/** The pod's index, or undefined where it has none or one the Job does not have. */
export function completionIndex(pod: Pod, completions: number): number | undefined {
  const text = pod.metadata?.annotations?.[COMPLETION_INDEX];
  if (text === undefined || !/^\d+$/.test(text)) return undefined;
  const index = Number(text);
  return index < completions ? index : undefined;
}

/** Whether a pod is replaced only once it has failed for good, not as soon as it is being deleted. */
export function onlyReplaceFailedPods(job: Job): boolean {
  return job.spec?.podReplacementPolicy === "Failed" || job.spec?.podFailurePolicy !== undefined;
}

/** Failed; or being deleted, when such pods are replaced at once: its node may never say how it ended. */
export function isPodFailed(pod: Pod, job: Job): boolean {
  if (pod.status?.phase === "Failed") return true;
  if (onlyReplaceFailedPods(job)) return false;
  return pod.metadata?.deletionTimestamp !== undefined && pod.status?.phase !== "Succeeded";
}

/** When the pod ended, ms: the last of its containers, else as near as can be told. */
export function finishTime(pod: Pod): number {
  const ends = (pod.status?.containerStatuses ?? [])
    .map((status) => timeOf(status.state?.terminated?.finishedAt))
    .filter((time) => time !== undefined);
  if (ends.length > 0) return Math.max(...ends);
  const ready = podCondition(pod, "Ready");
  const unreadySince = ready?.status === "False" ? timeOf(ready.lastTransitionTime) : undefined;
  return unreadySince ?? deletionRequested(pod) ?? creationTime(pod);
}

function deletionRequested(pod: Pod): number | undefined {
  const deadline = timeOf(pod.metadata?.deletionTimestamp);
  return deadline === undefined ? undefined : deadline - (pod.metadata?.deletionGracePeriodSeconds ?? 0) * 1000;
}

export function intAnnotation(pod: Pod, name: string): number {
  const value = Number(pod.metadata?.annotations?.[name] ?? 0);
  return Number.isSafeInteger(value) && value >= 0 ? value : 0;
}
