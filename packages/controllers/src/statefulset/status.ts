import type { StatefulSet, StatefulSetStatus } from "@knots/api/apps/v1";
import type { Pod } from "@knots/api/core/v1";
import { isAvailable, isReady } from "../framework/pod-state.ts";
import { revisionOf } from "./identity.ts";

/** Counters, and the end of a rolling update: then the update revision becomes the current one. Pure. */
export function statefulSetStatus(
  set: StatefulSet,
  pods: readonly Pod[],
  currentRevision: string,
  updateRevision: string,
  collisionCount: number,
  now: number,
): StatefulSetStatus {
  const minReady = set.spec?.minReadySeconds ?? 0;
  const created = pods.filter((pod) => (pod.status?.phase ?? "") !== "");
  const ready = pods.filter((pod) => pod.status?.phase === "Running" && isReady(pod));
  const staying = created.filter((pod) => pod.metadata?.deletionTimestamp === undefined);
  const ofRevision = (revision: string): number => staying.filter((pod) => revisionOf(pod) === revision).length;
  const status: StatefulSetStatus = {
    observedGeneration: set.metadata?.generation ?? 0,
    replicas: created.length,
    readyReplicas: ready.length,
    availableReplicas: ready.filter((pod) => isAvailable(pod, minReady, now)).length,
    currentReplicas: ofRevision(currentRevision),
    updatedReplicas: ofRevision(updateRevision),
    currentRevision,
    updateRevision,
    collisionCount,
    ...(set.status?.conditions === undefined ? {} : { conditions: set.status.conditions }),
  };
  const desired = set.spec?.replicas ?? 1;
  const rolling = (set.spec?.updateStrategy?.type ?? "RollingUpdate") === "RollingUpdate";
  const done = status.updatedReplicas === desired && status.replicas === desired && status.readyReplicas === desired;
  if (!rolling || !done) return status;
  return { ...status, currentReplicas: status.updatedReplicas ?? 0, currentRevision: updateRevision };
}
