import type { DeploymentCondition, DeploymentStatus } from "@knots/api/apps/v1";
import { formatTime } from "@knots/machinery";

export type ConditionType = "Available" | "Progressing" | "ReplicaFailure";

/** Upstream's reasons of the Progressing condition. */
export const Reason = {
  newReplicaSetAvailable: "NewReplicaSetAvailable",
  newReplicaSetCreated: "NewReplicaSetCreated",
  foundNewReplicaSet: "FoundNewReplicaSet",
  replicaSetUpdated: "ReplicaSetUpdated",
  replicaSetCreateError: "ReplicaSetCreateError",
  progressDeadlineExceeded: "ProgressDeadlineExceeded",
  paused: "DeploymentPaused",
  resumed: "DeploymentResumed",
} as const;

export function newCondition(
  type: ConditionType,
  status: "True" | "False" | "Unknown",
  reason: string,
  message: string,
  now: number,
): DeploymentCondition {
  const time = formatTime(new Date(now));
  return { type, status, lastUpdateTime: time, lastTransitionTime: time, reason, message };
}

export function conditionOf(
  status: DeploymentStatus | undefined,
  type: ConditionType,
): DeploymentCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

/** `conditions` with `next` in place; untouched where the same status and reason stand already. */
export function withCondition(
  conditions: readonly DeploymentCondition[],
  next: DeploymentCondition,
): DeploymentCondition[] {
  const current = conditions.find((condition) => condition.type === next.type);
  if (current?.status === next.status && current.reason === next.reason) return [...conditions];
  const transition = current?.status === next.status ? current.lastTransitionTime : next.lastTransitionTime;
  return [
    ...withoutCondition(conditions, next.type as ConditionType),
    { ...next, ...(transition === undefined ? {} : { lastTransitionTime: transition }) },
  ];
}

export function withoutCondition(
  conditions: readonly DeploymentCondition[],
  type: ConditionType,
): DeploymentCondition[] {
  return conditions.filter((condition) => condition.type !== type);
}
