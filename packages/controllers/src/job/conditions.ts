import type { JobCondition } from "@knots/api/batch/v1";
import { formatTime } from "@knots/machinery";

export type JobConditionType = "Complete" | "Failed" | "FailureTarget" | "SuccessCriteriaMet" | "Suspended";

export function newJobCondition(
  type: JobConditionType,
  status: "True" | "False",
  reason: string,
  message: string,
  now: number,
): JobCondition {
  const time = formatTime(new Date(now));
  return { type, status, lastProbeTime: time, lastTransitionTime: time, reason, message };
}

export function trueCondition(
  conditions: readonly JobCondition[] | undefined,
  type: JobConditionType,
): JobCondition | undefined {
  return conditions?.find((condition) => condition.type === type && condition.status === "True");
}

/** Sets a condition; `changed` is false where it stands already (or, for False, never stood). */
export function ensureCondition(
  conditions: readonly JobCondition[],
  next: JobCondition,
): { conditions: JobCondition[]; changed: boolean } {
  const index = conditions.findIndex((condition) => condition.type === next.type);
  const current = conditions[index];
  if (current === undefined) {
    return next.status === "False"
      ? { conditions: [...conditions], changed: false }
      : { conditions: [...conditions, next], changed: true };
  }
  const same = current.status === next.status && current.reason === next.reason && current.message === next.message;
  if (same) return { conditions: [...conditions], changed: false };
  return { conditions: conditions.with(index, next), changed: true };
}
