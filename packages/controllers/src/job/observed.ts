import type { Job } from "@knots/api/batch/v1";
import type { Pod } from "@knots/api/core/v1";
import { isActive, isReady, isTerminating } from "../framework/pod-state.ts";
import { judgeFailure } from "./failure-policy.ts";
import { IndexSet } from "./indexes.ts";
import {
  completionIndex,
  finishTime,
  hasBackoffLimitPerIndex,
  hasTrackingFinalizer,
  INDEX_FAILURE_COUNT,
  INDEX_IGNORED_FAILURE_COUNT,
  intAnnotation,
  isIndexed,
  isPodFailed,
} from "./pods.ts";

/** Everything a decision about a Job is made of. */
export interface JobObservation {
  readonly job: Job;
  /** Pods that belong to the Job. */
  readonly pods: readonly Pod[];
  readonly activePods: readonly Pod[];
  readonly ready: number;
  /** Pods on their way out. */
  readonly terminating: number;
  /** Pods whose finalizer has been removed already, though the cache does not show it yet. */
  readonly finalizerRemoved: ReadonlySet<string>;
  /** Finished pods that no status counted yet. */
  readonly newSucceeded: readonly Pod[];
  readonly newFailed: readonly Pod[];
  /** Counted, waiting and new ones together. */
  readonly succeeded: number;
  readonly failed: number;
  /** With Indexed. */
  readonly previouslySucceeded: IndexSet;
  readonly succeededIndexes: IndexSet;
  /** With backoffLimitPerIndex. */
  readonly failedIndexes: IndexSet | undefined;
  /** The last failed pod of each index that is to be tried again: it keeps the failure count until it is replaced. */
  readonly delayedDeletion: ReadonlyMap<number, Pod>;
}

/** Takes stock. Pure. */
export function observeJob(job: Job, pods: readonly Pod[], finalizerRemoved: ReadonlySet<string>): JobObservation {
  const indexed = isIndexed(job);
  const completions = job.spec?.completions ?? 0;
  const uncounted = job.status?.uncountedTerminatedPods;
  const waitingSucceeded = new Set(uncounted?.succeeded);
  const waitingFailed = new Set(uncounted?.failed);
  const uidOf = (pod: Pod): string => pod.metadata?.uid ?? "";
  // Not yet processed, and (with Indexed) of an index the Job has.
  const valid = pods.filter(
    (pod) =>
      hasTrackingFinalizer(pod) &&
      !finalizerRemoved.has(uidOf(pod)) &&
      (!indexed || completionIndex(pod, completions) !== undefined),
  );
  const newSucceeded = valid.filter((pod) => pod.status?.phase === "Succeeded" && !waitingSucceeded.has(uidOf(pod)));
  const newFailed = valid.filter((pod) => isPodFailed(pod, job) && !waitingFailed.has(uidOf(pod)));
  const activePods = pods.filter(isActive);
  const previouslySucceeded = indexed ? IndexSet.parse(job.status?.completedIndexes, completions) : new IndexSet();
  const indexesOf = (some: readonly Pod[]): number[] =>
    some.map((pod) => completionIndex(pod, completions)).filter((index) => index !== undefined);
  const succeededIndexes = indexed
    ? previouslySucceeded.with(
        indexesOf(pods.filter((pod) => pod.status?.phase === "Succeeded" && hasTrackingFinalizer(pod))),
      )
    : previouslySucceeded;
  const perIndex = indexed && hasBackoffLimitPerIndex(job);
  const failedIndexes = perIndex
    ? IndexSet.parse(job.status?.failedIndexes, completions).with(
        indexesOf(pods.filter((pod) => hasTrackingFinalizer(pod) && failsIndex(job, pod))),
      )
    : undefined;
  return {
    job,
    pods,
    activePods,
    ready: activePods.filter(isReady).length,
    terminating: pods.filter(isTerminating).length,
    finalizerRemoved,
    newSucceeded,
    newFailed,
    succeeded: indexed
      ? succeededIndexes.size
      : (job.status?.succeeded ?? 0) + waitingSucceeded.size + newSucceeded.length,
    failed:
      (job.status?.failed ?? 0) + waitingFailed.size + newFailed.filter((pod) => judgeFailure(job, pod).counts).length,
    previouslySucceeded,
    succeededIndexes,
    failedIndexes,
    delayedDeletion:
      failedIndexes === undefined
        ? new Map<number, Pod>()
        : delayedDeletions(job, valid, new Set(indexesOf(activePods)), succeededIndexes, failedIndexes),
  };
}

function failsIndex(job: Job, pod: Pod): boolean {
  if (!isPodFailed(pod, job)) return false;
  const verdict = judgeFailure(job, pod);
  if (verdict.action === "FailIndex") return true;
  return verdict.counts && intAnnotation(pod, INDEX_FAILURE_COUNT) >= (job.spec?.backoffLimitPerIndex ?? 0);
}

/** Failures of the pod's index before it, ignored ones included. */
export function absoluteFailureCount(pod: Pod): number {
  return intAnnotation(pod, INDEX_FAILURE_COUNT) + intAnnotation(pod, INDEX_IGNORED_FAILURE_COUNT);
}

function delayedDeletions(
  job: Job,
  valid: readonly Pod[],
  activeIndexes: ReadonlySet<number>,
  succeeded: IndexSet,
  failed: IndexSet,
): Map<number, Pod> {
  const last = new Map<number, Pod>();
  for (const pod of valid) {
    const index = completionIndex(pod, job.spec?.completions ?? 0);
    if (index === undefined || !isPodFailed(pod, job)) continue;
    // An active pod of the index carries the count; an index that is done needs none.
    if (activeIndexes.has(index) || succeeded.has(index) || failed.has(index)) continue;
    const other = last.get(index);
    const isLater =
      other === undefined ||
      (absoluteFailureCount(other) <= absoluteFailureCount(pod) && finishTime(pod) >= finishTime(other));
    if (isLater) last.set(index, pod);
  }
  return last;
}
