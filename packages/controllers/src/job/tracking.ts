import type { JobCondition, JobStatus, UncountedTerminatedPods } from "@knots/api/batch/v1";
import type { Pod } from "@knots/api/core/v1";
import { judgeFailure } from "./failure-policy.ts";
import type { JobObservation } from "./observed.ts";
import { completionIndex, hasTrackingFinalizer, isIndexed, isPodFailed } from "./pods.ts";

/** Most uids kept in status.uncountedTerminatedPods at a time. */
export const MAX_UNCOUNTED_PODS = 500;

export interface Counting {
  /** Status with the newly finished pods noted. Must be stored before any finalizer goes. */
  readonly status: JobStatus;
  /** Pods whose finalizer may go once that status is stored. */
  readonly release: readonly Pod[];
  /** More finished pods wait than one step may note. */
  readonly truncated: boolean;
}

/**
 * Exact counting, first step: notes each finished pod, once, by uid (an Indexed success by its index), so that a crash
 * between the writes neither forgets nor repeats it. Pure.
 * @param end why the Job ends, if it does: then pods that still run are failed ones, unless it ends well
 */
export function countFinished(seen: JobObservation, status: JobStatus, end: JobCondition | undefined): Counting {
  const { job } = seen;
  const indexed = isIndexed(job);
  const completions = job.spec?.completions ?? 0;
  const noted = settleUncounted(status, uidsWithFinalizer(seen, new Set()));
  const succeeded = [...(noted.uncountedTerminatedPods?.succeeded ?? [])];
  const failed = [...(noted.uncountedTerminatedPods?.failed ?? [])];
  const newIndexes: number[] = [];
  const release: Pod[] = [];
  let truncated = false;
  const order = (pod: Pod): number => completionIndex(pod, completions) ?? -1;
  for (const pod of indexed ? seen.pods.toSorted((a, b) => order(a) - order(b)) : seen.pods) {
    const uid = pod.metadata?.uid ?? "";
    if (!hasTrackingFinalizer(pod) || seen.finalizerRemoved.has(uid)) continue;
    const podFailed = isPodFailed(pod, job);
    if (!mayRelease(seen, pod, podFailed, end)) continue;
    release.push(pod);
    const index = completionIndex(pod, completions);
    if (pod.status?.phase === "Succeeded" && !failed.includes(uid)) {
      if (!indexed) {
        if (!succeeded.includes(uid)) succeeded.push(uid);
      } else if (index !== undefined && !seen.previouslySucceeded.has(index)) newIndexes.push(index);
    } else if (podFailed || (end !== undefined && end.type !== "SuccessCriteriaMet")) {
      const counts = !podFailed || judgeFailure(job, pod).counts;
      if (counts && !failed.includes(uid) && (!indexed || index !== undefined)) failed.push(uid);
    }
    if (newIndexes.length + succeeded.length + failed.length >= MAX_UNCOUNTED_PODS) {
      truncated = true;
      break;
    }
  }
  const next: JobStatus = { ...noted, uncountedTerminatedPods: uncounted(succeeded, failed) };
  if (indexed) {
    const completed = seen.previouslySucceeded.with(newIndexes);
    next.succeeded = completed.size;
    if (completed.size > 0 || status.completedIndexes !== undefined) next.completedIndexes = completed.toString();
    if (seen.failedIndexes !== undefined) next.failedIndexes = seen.failedIndexes.toString();
  }
  return { status: next, release, truncated };
}

/** Uids of pods that still hold the finalizer, those of `released` aside. */
export function uidsWithFinalizer(seen: JobObservation, released: ReadonlySet<string>): Set<string> {
  const uids = seen.pods
    .filter((pod) => hasTrackingFinalizer(pod))
    .map((pod) => pod.metadata?.uid ?? "")
    .filter((uid) => !seen.finalizerRemoved.has(uid) && !released.has(uid));
  return new Set(uids);
}

/** Second step: what was noted and has lost its finalizer becomes part of the counters. Pure. */
export function settleUncounted(status: JobStatus, withFinalizer: ReadonlySet<string>): JobStatus {
  const noted = status.uncountedTerminatedPods;
  const succeeded = (noted?.succeeded ?? []).filter((uid) => withFinalizer.has(uid));
  const failed = (noted?.failed ?? []).filter((uid) => withFinalizer.has(uid));
  const countedSucceeded = (noted?.succeeded?.length ?? 0) - succeeded.length;
  const countedFailed = (noted?.failed?.length ?? 0) - failed.length;
  return {
    ...status,
    uncountedTerminatedPods: uncounted(succeeded, failed),
    ...(countedSucceeded > 0 ? { succeeded: (status.succeeded ?? 0) + countedSucceeded } : {}),
    ...(countedFailed > 0 ? { failed: (status.failed ?? 0) + countedFailed } : {}),
  };
}

export function isSettled(status: JobStatus): boolean {
  const noted = status.uncountedTerminatedPods;
  return (noted?.succeeded?.length ?? 0) === 0 && (noted?.failed?.length ?? 0) === 0;
}

function uncounted(succeeded: string[], failed: string[]): UncountedTerminatedPods {
  return { ...(succeeded.length > 0 ? { succeeded } : {}), ...(failed.length > 0 ? { failed } : {}) };
}

function mayRelease(seen: JobObservation, pod: Pod, podFailed: boolean, end: JobCondition | undefined): boolean {
  if (seen.job.metadata?.deletionTimestamp !== undefined || end !== undefined) return true;
  if (!podFailed && pod.status?.phase !== "Succeeded") return false;
  // It still carries the failure count that its successor is to continue.
  return ![...seen.delayedDeletion.values()].some((delayed) => delayed.metadata?.uid === pod.metadata?.uid);
}
