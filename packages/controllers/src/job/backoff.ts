import type { Pod } from "@knots/api/core/v1";
import { finishTime } from "./pods.ts";

/** Delay after the first failure; doubles with each further one. */
export const DEFAULT_POD_FAILURE_BACKOFF = 10_000;
export const MAX_POD_FAILURE_BACKOFF = 10 * 60_000;

/** What the back-off of a Job's pods depends on. */
export interface BackoffRecord {
  readonly failuresSinceSuccess: number;
  /** ms */
  readonly lastFailure?: number;
}

/** The record after these newly finished pods: a success starts the count anew. */
export function nextBackoffRecord(
  record: BackoffRecord | undefined,
  succeeded: readonly Pod[],
  failed: readonly Pod[],
): BackoffRecord {
  const previous = record ?? { failuresSinceSuccess: 0 };
  const lastSuccess = succeeded.length > 0 ? Math.max(...succeeded.map(finishTime)) : undefined;
  const failures = failed.map(finishTime).filter((time) => lastSuccess === undefined || time > lastSuccess);
  const base = lastSuccess === undefined ? previous.failuresSinceSuccess : 0;
  if (failures.length === 0) return lastSuccess === undefined ? previous : { failuresSinceSuccess: 0 };
  return { failuresSinceSuccess: base + failures.length, lastFailure: Math.max(...failures) };
}

/** Ms until the next pod may be created; 0 when it may be now. */
export function remainingBackoff(failures: number, lastFailure: number | undefined, now: number): number {
  if (failures === 0 || lastFailure === undefined) return 0;
  const delay = Math.min(MAX_POD_FAILURE_BACKOFF, DEFAULT_POD_FAILURE_BACKOFF * 2 ** Math.min(failures - 1, 30));
  return Math.max(0, lastFailure + delay - now);
}
