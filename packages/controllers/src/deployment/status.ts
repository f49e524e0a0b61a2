import type { Deployment, DeploymentStatus, ReplicaSet, ReplicaSetCondition } from "@knots/api/apps/v1";
import { timeOf } from "../framework/objects.ts";
import { conditionOf, newCondition, Reason, withCondition, withoutCondition } from "./conditions.ts";
import { hasProgressDeadline, maxUnavailable } from "./limits.ts";
import { replicasOf, specReplicas, statusSum } from "./replica-sets.ts";

/** Counters and the Available condition, as its RSs report them. Pure. */
export function deploymentStatus(
  deployment: Deployment,
  newRS: ReplicaSet | undefined,
  oldRSs: readonly ReplicaSet[],
  now: number,
): DeploymentStatus {
  const all = newRS === undefined ? oldRSs : [...oldRSs, newRS];
  const available = statusSum(all, "availableReplicas");
  const previous = deployment.status;
  const enough = available >= replicasOf(deployment) - maxUnavailable(deployment);
  const condition = enough
    ? newCondition("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.", now)
    : newCondition(
        "Available",
        "False",
        "MinimumReplicasUnavailable",
        "Deployment does not have minimum availability.",
        now,
      );
  return {
    observedGeneration: deployment.metadata?.generation ?? 0,
    replicas: statusSum(all, "replicas"),
    updatedReplicas: newRS?.status?.replicas ?? 0,
    readyReplicas: statusSum(all, "readyReplicas"),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, specReplicas(all) - available),
    terminatingReplicas: statusSum(all, "terminatingReplicas"),
    ...(previous?.collisionCount === undefined ? {} : { collisionCount: previous.collisionCount }),
    conditions: withCondition(previous?.conditions ?? [], condition),
  };
}

/** All pods are of the new template, available, and none is left over. */
export function isComplete(deployment: Deployment, status: DeploymentStatus | undefined): boolean {
  const desired = replicasOf(deployment);
  return (
    (status?.updatedReplicas ?? 0) === desired &&
    (status?.replicas ?? 0) === desired &&
    (status?.availableReplicas ?? 0) === desired &&
    (status?.observedGeneration ?? 0) >= (deployment.metadata?.generation ?? 0)
  );
}

function madeProgress(old: DeploymentStatus | undefined, next: DeploymentStatus): boolean {
  const count = (status: DeploymentStatus | undefined, field: keyof DeploymentStatus): number =>
    (status?.[field] as number | undefined) ?? 0;
  const leftovers = (status: DeploymentStatus | undefined): number =>
    count(status, "replicas") - count(status, "updatedReplicas");
  return (
    count(next, "updatedReplicas") > count(old, "updatedReplicas") ||
    leftovers(next) < leftovers(old) ||
    count(next, "readyReplicas") > count(old, "readyReplicas") ||
    count(next, "availableReplicas") > count(old, "availableReplicas")
  );
}

function timedOut(deployment: Deployment, now: number): boolean {
  const current = conditionOf(deployment.status, "Progressing");
  if (current === undefined || current.reason === Reason.newReplicaSetAvailable) return false;
  if (current.reason === Reason.progressDeadlineExceeded) return true;
  const deadline = deployment.spec?.progressDeadlineSeconds ?? 0;
  return (timeOf(current.lastUpdateTime) ?? 0) + deadline * 1000 < now;
}

/** `deploymentStatus` with what a rollout adds: the Progressing and ReplicaFailure conditions. Pure. */
export function rolloutStatus(
  deployment: Deployment,
  newRS: ReplicaSet | undefined,
  oldRSs: readonly ReplicaSet[],
  now: number,
): DeploymentStatus {
  const status = deploymentStatus(deployment, newRS, oldRSs, now);
  let conditions = status.conditions ?? [];
  const current = conditionOf(deployment.status, "Progressing");
  if (!hasProgressDeadline(deployment)) conditions = withoutCondition(conditions, "Progressing");
  // With one RS whose rollout ended this is a mere resync: a pod that died since is no lack of progress.
  const ended = status.replicas === status.updatedReplicas && current?.reason === Reason.newReplicaSetAvailable;
  if (hasProgressDeadline(deployment) && !ended) {
    const name =
      newRS === undefined ? `Deployment "${deployment.metadata?.name}"` : `ReplicaSet "${newRS.metadata?.name}"`;
    if (isComplete(deployment, status)) {
      const message = `${name} has successfully progressed.`;
      conditions = withCondition(
        conditions,
        newCondition("Progressing", "True", Reason.newReplicaSetAvailable, message, now),
      );
    } else if (madeProgress(deployment.status, status)) {
      // Each sign of progress moves lastUpdateTime, the start of the deadline, even with the same reason.
      const next = newCondition("Progressing", "True", Reason.replicaSetUpdated, `${name} is progressing.`, now);
      if (current?.status === "True" && current.lastTransitionTime !== undefined) {
        next.lastTransitionTime = current.lastTransitionTime;
      }
      conditions = [...withoutCondition(conditions, "Progressing"), next];
    } else if (timedOut(deployment, now)) {
      const message = `${name} has timed out progressing.`;
      conditions = withCondition(
        conditions,
        newCondition("Progressing", "False", Reason.progressDeadlineExceeded, message, now),
      );
    }
  }
  const failure = replicaFailure(newRS) ?? oldRSs.map(replicaFailure).find((condition) => condition !== undefined);
  conditions =
    failure === undefined
      ? withoutCondition(conditions, "ReplicaFailure")
      : withCondition(conditions, {
          type: "ReplicaFailure",
          status: failure.status,
          reason: failure.reason ?? "",
          message: failure.message ?? "",
          ...(failure.lastTransitionTime === undefined
            ? {}
            : { lastTransitionTime: failure.lastTransitionTime, lastUpdateTime: failure.lastTransitionTime }),
        });
  return { ...status, conditions };
}

function replicaFailure(rs: ReplicaSet | undefined): ReplicaSetCondition | undefined {
  return rs?.status?.conditions?.find((condition) => condition.type === "ReplicaFailure");
}

/** Ms after which to look again whether the rollout is stuck; undefined where no deadline runs. */
export function progressCheckDelay(deployment: Deployment, status: DeploymentStatus, now: number): number | undefined {
  const current = conditionOf(status, "Progressing");
  if (!hasProgressDeadline(deployment) || current === undefined) return undefined;
  if (isComplete(deployment, status) || current.reason === Reason.progressDeadlineExceeded) return undefined;
  if (current.reason === Reason.newReplicaSetAvailable) return undefined;
  const deadline = (timeOf(current.lastUpdateTime) ?? now) + (deployment.spec?.progressDeadlineSeconds ?? 0) * 1000;
  return Math.max(0, deadline - now) + 1000;
}

/** The Progressing condition while paused and after; a reported lack of progress stays. Pure. */
export function pausedConditions(deployment: Deployment, now: number): DeploymentStatus["conditions"] {
  const conditions = deployment.status?.conditions ?? [];
  const current = conditionOf(deployment.status, "Progressing");
  if (!hasProgressDeadline(deployment) || current?.reason === Reason.progressDeadlineExceeded) return conditions;
  const saysPaused = current?.reason === Reason.paused;
  const paused = deployment.spec?.paused ?? false;
  if (paused === saysPaused) return conditions;
  const next = paused
    ? newCondition("Progressing", "Unknown", Reason.paused, "Deployment is paused", now)
    : newCondition("Progressing", "Unknown", Reason.resumed, "Deployment is resumed", now);
  return withCondition(conditions, next);
}
