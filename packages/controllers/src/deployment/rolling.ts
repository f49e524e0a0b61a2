import type { Deployment, ReplicaSet } from "@knots/api/apps/v1";
import { byAge } from "../framework/objects.ts";
import { maxUnavailable } from "./limits.ts";
import { active, availableOf, replicasOf, specReplicas, statusSum } from "./replica-sets.ts";
import { newReplicaSetSize } from "./scaling.ts";
import type { ScaleAction } from "./scaling.ts";

/**
 * The next step of a rolling update: grow the new RS if the surge allows, else shrink the old ones as far as availability
 * allows. Empty when there is nothing to do now. Pure.
 */
export function planRollingUpdate(
  deployment: Deployment,
  newRS: ReplicaSet,
  oldRSs: readonly ReplicaSet[],
): ScaleAction[] {
  const up = planNew(deployment, newRS, oldRSs);
  return up.length > 0 ? up : planOld(deployment, newRS, active(oldRSs).toSorted(byAge));
}

function planNew(deployment: Deployment, newRS: ReplicaSet, oldRSs: readonly ReplicaSet[]): ScaleAction[] {
  const desired = replicasOf(deployment);
  const own = replicasOf(newRS);
  const size = own > desired ? desired : newReplicaSetSize(deployment, [...oldRSs, newRS], own);
  return size === own ? [] : [{ rs: newRS, replicas: size }];
}

function planOld(deployment: Deployment, newRS: ReplicaSet, oldRSs: readonly ReplicaSet[]): ScaleAction[] {
  if (specReplicas(oldRSs) === 0) return [];
  const minAvailable = replicasOf(deployment) - maxUnavailable(deployment);
  // The new RS's unavailable pods count as missing: else a bad template could take the last good pods with it.
  const newUnavailable = replicasOf(newRS) - availableOf(newRS);
  const maxScaledDown = specReplicas([...oldRSs, newRS]) - minAvailable - newUnavailable;
  if (maxScaledDown <= 0) return [];
  const sizes = new Map(oldRSs.map((rs) => [rs, replicasOf(rs)]));
  return [
    ...cleanUnhealthy(oldRSs, sizes, maxScaledDown),
    ...shrink(oldRSs, sizes, statusSum([...oldRSs, newRS], "availableReplicas") - minAvailable),
  ];
}

// Pods that are not available anyway go first: their deletion costs no availability, and they would block the rollout.
function cleanUnhealthy(oldRSs: readonly ReplicaSet[], sizes: Map<ReplicaSet, number>, budget: number): ScaleAction[] {
  const actions: ScaleAction[] = [];
  for (const rs of oldRSs) {
    const size = sizes.get(rs) ?? 0;
    const count = Math.min(budget, size - availableOf(rs));
    if (size === 0 || count <= 0) continue;
    budget -= count;
    sizes.set(rs, size - count);
    actions.push({ rs, replicas: size - count });
  }
  return actions;
}

function shrink(oldRSs: readonly ReplicaSet[], sizes: Map<ReplicaSet, number>, budget: number): ScaleAction[] {
  const actions: ScaleAction[] = [];
  for (const rs of oldRSs) {
    const size = sizes.get(rs) ?? 0;
    const count = Math.min(budget, size);
    if (count <= 0) continue;
    budget -= count;
    sizes.set(rs, size - count);
    actions.push({ rs, replicas: size - count });
  }
  return actions;
}

/** Old RSs beyond spec.revisionHistoryLimit that are empty and settled, oldest first. Pure. */
export function planCleanup(deployment: Deployment, oldRSs: readonly ReplicaSet[]): ReplicaSet[] {
  const limit = deployment.spec?.revisionHistoryLimit;
  if (limit === undefined || limit === 2 ** 31 - 1) return [];
  const cleanable = oldRSs.filter((rs) => rs.metadata?.deletionTimestamp === undefined);
  return cleanable
    .toSorted(byAge)
    .slice(0, Math.max(0, cleanable.length - limit))
    .filter(
      (rs) =>
        (rs.status?.replicas ?? 0) === 0 &&
        replicasOf(rs) === 0 &&
        (rs.metadata?.generation ?? 0) <= (rs.status?.observedGeneration ?? 0),
    );
}
