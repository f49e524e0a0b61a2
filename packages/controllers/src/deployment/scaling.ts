import type { Deployment, ReplicaSet } from "@knots/api/apps/v1";
import { DESIRED_REPLICAS, intAnnotation, MAX_REPLICAS } from "./annotations.ts";
import { isRollingUpdate, maxSurge } from "./limits.ts";
import { active, activeOrLatest, availableOf, bySize, replicasOf, specReplicas } from "./replica-sets.ts";

/** Set `rs` to `replicas` (which may be its size already: then only its size annotations are brought up to date). */
export interface ScaleAction {
  readonly rs: ReplicaSet;
  readonly replicas: number;
}

/** Whether the user scaled the Deployment since its RSs were sized. */
export function isScalingEvent(deployment: Deployment, replicaSets: readonly ReplicaSet[]): boolean {
  return active(replicaSets).some((rs) => {
    const desired = intAnnotation(rs, DESIRED_REPLICAS);
    return desired !== undefined && desired !== replicasOf(deployment);
  });
}

/** Size the new RS may have now, given the pods all RSs ask for. `own` is its present size. */
export function newReplicaSetSize(deployment: Deployment, all: readonly ReplicaSet[], own: number): number {
  const desired = replicasOf(deployment);
  if (!isRollingUpdate(deployment)) return desired;
  const total = desired + maxSurge(deployment);
  const current = specReplicas(all);
  if (current >= total) return own;
  return own + Math.min(total - current, desired - own);
}

function isSaturated(deployment: Deployment, rs: ReplicaSet | undefined): boolean {
  const desired = replicasOf(deployment);
  return (
    rs !== undefined &&
    replicasOf(rs) === desired &&
    intAnnotation(rs, DESIRED_REPLICAS) === desired &&
    availableOf(rs) === desired
  );
}

/**
 * What follows from a scaled (or paused) Deployment: its one RS takes the new size; in the middle of a rollout the difference
 * is spread over all RSs in proportion to their sizes, so that a bad template does not gain share. Pure.
 */
export function planScaling(
  deployment: Deployment,
  newRS: ReplicaSet | undefined,
  oldRSs: readonly ReplicaSet[],
): ScaleAction[] {
  const only = activeOrLatest(newRS, oldRSs);
  const desired = replicasOf(deployment);
  if (only !== undefined) return replicasOf(only) === desired ? [] : [{ rs: only, replicas: desired }];
  if (isSaturated(deployment, newRS)) return active(oldRSs).map((rs) => ({ rs, replicas: 0 }));
  if (!isRollingUpdate(deployment)) return [];
  return planProportions(deployment, active(newRS === undefined ? oldRSs : [...oldRSs, newRS]));
}

function planProportions(deployment: Deployment, replicaSets: readonly ReplicaSet[]): ScaleAction[] {
  const desired = replicasOf(deployment);
  const allowed = desired > 0 ? desired + maxSurge(deployment) : 0;
  const toAdd = allowed - specReplicas(replicaSets);
  const sorted = toAdd === 0 ? replicaSets : replicaSets.toSorted(bySize(toAdd > 0 ? "newer" : "older"));
  let added = 0;
  const sizes = sorted.map((rs) => {
    const share = proportion(rs, deployment, toAdd, added);
    added += share;
    return { rs, replicas: replicasOf(rs) + share };
  });
  // What rounding left over goes to the largest.
  return sizes.map(({ rs, replicas }, i) => ({
    rs,
    replicas: i === 0 ? Math.max(0, replicas + toAdd - added) : replicas,
  }));
}

function proportion(rs: ReplicaSet, deployment: Deployment, toAdd: number, added: number): number {
  if (replicasOf(rs) === 0 || toAdd === 0 || toAdd === added) return 0;
  const share = fraction(rs, deployment);
  const left = toAdd - added;
  return toAdd > 0 ? Math.min(share, left) : Math.max(share, left);
}

function fraction(rs: ReplicaSet, deployment: Deployment): number {
  const size = replicasOf(rs);
  if (replicasOf(deployment) === 0) return -size;
  const before = intAnnotation(rs, MAX_REPLICAS) || deployment.status?.replicas || 0;
  if (before === 0) return 0;
  return Math.round((size * (replicasOf(deployment) + maxSurge(deployment))) / before) - size;
}
