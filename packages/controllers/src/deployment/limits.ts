import type { Deployment } from "@knots/api/apps/v1";
import { scaledValue } from "../framework/int-or-percent.ts";

const MAX_INT32 = 2 ** 31 - 1;

export function isRollingUpdate(deployment: Deployment): boolean {
  return (deployment.spec?.strategy?.type ?? "RollingUpdate") === "RollingUpdate";
}

interface Fenceposts {
  readonly surge: number;
  readonly unavailable: number;
}

// Surge rounds up, unavailability down; with neither, a rollout could not take a step, so one pod may be missing.
function fenceposts(deployment: Deployment): Fenceposts {
  const replicas = deployment.spec?.replicas ?? 1;
  const rolling = deployment.spec?.strategy?.rollingUpdate;
  const surge = scaledValue(rolling?.maxSurge ?? 0, replicas, "up");
  const unavailable = scaledValue(rolling?.maxUnavailable ?? 0, replicas, "down");
  return surge === 0 && unavailable === 0 ? { surge, unavailable: 1 } : { surge, unavailable };
}

/** Pods allowed above spec.replicas during a rolling update; 0 with Recreate. */
export function maxSurge(deployment: Deployment): number {
  return isRollingUpdate(deployment) ? fenceposts(deployment).surge : 0;
}

/** Pods that may be missing during a rolling update; 0 with Recreate. */
export function maxUnavailable(deployment: Deployment): number {
  const replicas = deployment.spec?.replicas ?? 1;
  if (!isRollingUpdate(deployment) || replicas === 0) return 0;
  return Math.min(fenceposts(deployment).unavailable, replicas);
}

export function hasProgressDeadline(deployment: Deployment): boolean {
  const seconds = deployment.spec?.progressDeadlineSeconds;
  return seconds !== undefined && seconds !== MAX_INT32;
}

export function hasRevisionHistoryLimit(deployment: Deployment): boolean {
  const limit = deployment.spec?.revisionHistoryLimit;
  return limit !== undefined && limit !== MAX_INT32;
}
