import type { Deployment, ReplicaSet } from "@knots/api/apps/v1";
import type { PodTemplateSpec } from "@knots/api/core/v1";
import { semanticEqual } from "../framework/equality.ts";
import { byAge, creationTime } from "../framework/objects.ts";

/** spec.replicas of a Deployment or RS, defaulted. */
export function replicasOf(object: Deployment | ReplicaSet): number {
  return object.spec?.replicas ?? 1;
}

export function availableOf(rs: ReplicaSet): number {
  return rs.status?.availableReplicas ?? 0;
}

/** RSs that ask for pods. */
export function active(replicaSets: readonly ReplicaSet[]): ReplicaSet[] {
  return replicaSets.filter((rs) => replicasOf(rs) > 0);
}

/** Sum of spec.replicas. */
export function specReplicas(replicaSets: readonly ReplicaSet[]): number {
  return replicaSets.reduce((sum, rs) => sum + replicasOf(rs), 0);
}

/** Sum of a counter of status. */
export function statusSum(
  replicaSets: readonly ReplicaSet[],
  counter: "replicas" | "readyReplicas" | "availableReplicas" | "terminatingReplicas",
): number {
  return replicaSets.reduce((sum, rs) => sum + (rs.status?.[counter] ?? 0), 0);
}

/** The oldest RS whose template is the Deployment's, the hash label aside. */
export function findNewReplicaSet(deployment: Deployment, replicaSets: readonly ReplicaSet[]): ReplicaSet | undefined {
  const wanted = deployment.spec?.template;
  return replicaSets.toSorted(byAge).find((rs) => templatesEqual(rs.spec?.template, wanted));
}

export function templatesEqual(a: PodTemplateSpec | undefined, b: PodTemplateSpec | undefined): boolean {
  return semanticEqual(withoutHash(a), withoutHash(b));
}

function withoutHash(template: PodTemplateSpec | undefined): PodTemplateSpec | undefined {
  const labels = template?.metadata?.labels;
  if (template === undefined || labels?.["pod-template-hash"] === undefined) return template;
  const { "pod-template-hash": _, ...rest } = labels;
  return { ...template, metadata: { ...template.metadata, labels: rest } };
}

/** Larger first; of the same size the newer (or the older) first. */
export function bySize(tie: "newer" | "older"): (a: ReplicaSet, b: ReplicaSet) => number {
  return (a, b) => replicasOf(b) - replicasOf(a) || (tie === "newer" ? byAge(b, a) : byAge(a, b));
}

/** The one RS that asks for pods, or with none the new or else the newest one; undefined when several do. */
export function activeOrLatest(newRS: ReplicaSet | undefined, oldRSs: readonly ReplicaSet[]): ReplicaSet | undefined {
  const all = newRS === undefined ? [...oldRSs] : [...oldRSs, newRS];
  const running = active(all);
  if (running.length === 1) return running[0];
  if (running.length > 1) return undefined;
  return newRS ?? oldRSs.toSorted((a, b) => creationTime(b) - creationTime(a))[0];
}
