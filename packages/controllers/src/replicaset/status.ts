import type { ReplicaSetCondition, ReplicaSetStatus } from "@knots/api/apps/v1";
import type { Pod } from "@knots/api/core/v1";
import { formatTime } from "@knots/machinery";
import { semanticEqual } from "../framework/equality.ts";
import { isAvailable, isReady } from "../framework/pod-state.ts";

export interface ReplicaStatusInput {
  readonly generation: number;
  readonly previous: ReplicaSetStatus | undefined;
  /** spec.replicas */
  readonly desired: number;
  readonly minReadySeconds: number;
  readonly templateLabels: Readonly<Record<string, string>>;
  readonly activePods: readonly Pod[];
  /** Pods on their way out; undefined where the kind has no such field. */
  readonly terminatingReplicas: number | undefined;
  /** What creating or deleting pods failed with, this time. */
  readonly failure: string | undefined;
  readonly now: number;
}

/** The status that follows from what was seen. Pure. */
export function replicaStatus(input: ReplicaStatusInput): ReplicaSetStatus {
  const { activePods, now } = input;
  const labels = Object.entries(input.templateLabels);
  const ready = activePods.filter(isReady);
  const conditions = failureConditions(input);
  return {
    replicas: activePods.length,
    fullyLabeledReplicas: activePods.filter((pod) => labels.every(([k, v]) => pod.metadata?.labels?.[k] === v)).length,
    readyReplicas: ready.length,
    availableReplicas: ready.filter((pod) => isAvailable(pod, input.minReadySeconds, now)).length,
    ...(input.terminatingReplicas === undefined ? {} : { terminatingReplicas: input.terminatingReplicas }),
    observedGeneration: input.generation,
    ...(conditions.length > 0 ? { conditions } : {}),
  };
}

function failureConditions(input: ReplicaStatusInput): ReplicaSetCondition[] {
  const conditions = input.previous?.conditions ?? [];
  const rest = conditions.filter((condition) => condition.type !== "ReplicaFailure");
  if (input.failure === undefined) return rest;
  if (rest.length < conditions.length) return conditions; // it says so already; the first failure's words stay
  const reason = input.activePods.length < input.desired ? "FailedCreate" : "FailedDelete";
  return [
    ...rest,
    {
      type: "ReplicaFailure",
      status: "True",
      reason,
      message: input.failure,
      lastTransitionTime: formatTime(new Date(input.now)),
    },
  ];
}

/** Whether writing `next` would change nothing; zero and absent counts are the same. */
export function sameReplicaStatus(previous: ReplicaSetStatus | undefined, next: ReplicaSetStatus): boolean {
  return semanticEqual(withoutZeroes(previous ?? {}), withoutZeroes(next));
}

/** Drops counters that are 0, as their absence means the same. */
export function withoutZeroes(status: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(status).filter(([, value]) => value !== 0));
}
