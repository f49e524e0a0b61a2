import type { Pod } from "@knots/api/core/v1";
import { chooseVictims } from "../replicaset/victims.ts";
import { remainingBackoff } from "./backoff.ts";
import type { BackoffRecord } from "./backoff.ts";
import { absoluteFailureCount } from "./observed.ts";
import type { JobObservation } from "./observed.ts";
import {
  completionIndex,
  finishTime,
  hasBackoffLimitPerIndex,
  isIndexed,
  isSuspended,
  onlyReplaceFailedPods,
} from "./pods.ts";

/** Most pods created or deleted in one reconciliation. */
export const MAX_PODS_PER_SYNC = 500;

export type JobPlan =
  | { readonly kind: "none" }
  | { readonly kind: "delete"; readonly pods: readonly Pod[] }
  /** `indexes` with Indexed, one a pod; else only their number counts. */
  | { readonly kind: "create"; readonly count: number; readonly indexes?: readonly number[] }
  | { readonly kind: "wait"; readonly ms: number };

/** The pods a Job that goes on is to lose or to get. Deletions come first: never both at once. Pure. */
export function planJob(seen: JobObservation, backoff: BackoffRecord, now: number): JobPlan {
  const { job } = seen;
  const active = seen.activePods.length;
  if (isSuspended(job)) {
    return active === 0 ? { kind: "none" } : { kind: "delete", pods: seen.activePods.slice(0, MAX_PODS_PER_SYNC) };
  }
  const want = wantedActive(seen);
  const victims = podsToRemove(seen, Math.max(0, active - want), now);
  if (victims.length > 0) return { kind: "delete", pods: victims.slice(0, MAX_PODS_PER_SYNC) };
  const missing = want - active - (onlyReplaceFailedPods(job) ? seen.terminating : 0);
  if (missing <= 0) return { kind: "none" };
  if (!hasBackoffLimitPerIndex(job)) {
    const ms = remainingBackoff(backoff.failuresSinceSuccess, backoff.lastFailure, now);
    if (ms > 0) return { kind: "wait", ms };
  }
  const count = Math.min(missing, MAX_PODS_PER_SYNC);
  if (!isIndexed(job)) return { kind: "create", count };
  const pending = pendingIndexes(seen, count);
  const indexes = hasBackoffLimitPerIndex(job) ? dueIndexes(seen, pending, now) : { due: pending, wait: 0 };
  if (indexes.due.length > 0) return { kind: "create", count: indexes.due.length, indexes: indexes.due };
  return indexes.wait > 0 ? { kind: "wait", ms: indexes.wait } : { kind: "none" };
}

function wantedActive(seen: JobObservation): number {
  const parallelism = seen.job.spec?.parallelism ?? 1;
  const completions = seen.job.spec?.completions;
  // A work queue: once one pod succeeded the others may finish, but none is added.
  if (completions === undefined) return seen.succeeded > 0 ? seen.activePods.length : parallelism;
  return Math.max(0, Math.min(completions - seen.succeeded, parallelism));
}

function podsToRemove(seen: JobObservation, atLeast: number, now: number): Pod[] {
  const removed: Pod[] = [];
  let left = [...seen.activePods];
  if (isIndexed(seen.job)) {
    const completions = seen.job.spec?.completions ?? 0;
    const byIndex = Map.groupBy(seen.activePods, (pod) => completionIndex(pod, completions));
    left = [];
    for (const [index, pods] of byIndex) {
      const surplus = index === undefined ? pods : chooseVictims(pods, [], pods.length - 1, now);
      removed.push(...surplus);
      left.push(...pods.filter((pod) => !surplus.includes(pod)));
    }
  }
  return removed.length >= atLeast ? removed : [...removed, ...chooseVictims(left, [], atLeast - removed.length, now)];
}

function pendingIndexes(seen: JobObservation, count: number): number[] {
  const completions = seen.job.spec?.completions ?? 0;
  const busy = new Set<number>([...seen.succeededIndexes, ...(seen.failedIndexes ?? [])]);
  const holdsIndex = (pod: Pod): boolean =>
    seen.activePods.includes(pod) ||
    (onlyReplaceFailedPods(seen.job) &&
      pod.metadata?.deletionTimestamp !== undefined &&
      pod.status?.phase !== "Failed" &&
      pod.status?.phase !== "Succeeded");
  for (const pod of seen.pods) {
    const index = holdsIndex(pod) ? completionIndex(pod, completions) : undefined;
    if (index !== undefined) busy.add(index);
  }
  const pending: number[] = [];
  for (let index = 0; index < completions && pending.length < count; index++) {
    if (!busy.has(index)) pending.push(index);
  }
  return pending;
}

/** Indexes whose own back-off is over, or the time until the first one's is. */
function dueIndexes(seen: JobObservation, indexes: readonly number[], now: number): { due: number[]; wait: number } {
  const due: number[] = [];
  let wait = 0;
  for (const index of indexes) {
    const last = seen.delayedDeletion.get(index);
    const ms = last === undefined ? 0 : remainingBackoff(absoluteFailureCount(last) + 1, finishTime(last), now);
    if (ms === 0) due.push(index);
    else wait = wait === 0 ? ms : Math.min(wait, ms);
  }
  return { due, wait };
}
