import type { StatefulSet } from "@knots/api/apps/v1";
import type { Pod } from "@knots/api/core/v1";
import { isAvailable, isReady } from "../framework/pod-state.ts";
import { scaledValue } from "../framework/int-or-percent.ts";
import { identityMatches, inRange, ordinalOf, revisionOf, startOrdinal } from "./identity.ts";

export type StatefulAction =
  | { readonly kind: "create"; readonly ordinal: number; readonly revision: string }
  /** `ended`: it is deleted because its phase is Failed or Succeeded. */
  | { readonly kind: "delete"; readonly pod: Pod; readonly ended?: "Failed" | "Succeeded" }
  | { readonly kind: "repair"; readonly pod: Pod; readonly ordinal: number }
  /** The claims of a pod that waits for them are made again. */
  | { readonly kind: "claims"; readonly ordinal: number };

export interface StatefulInput {
  readonly set: StatefulSet;
  /** Pods of the set. */
  readonly pods: readonly Pod[];
  readonly currentRevision: string;
  readonly updateRevision: string;
  /** Whether a claim of that ordinal still belongs to a pod that is gone. */
  readonly hasStaleClaim: (ordinal: number) => boolean;
  /** Whether a claim of that ordinal is not there. */
  readonly lacksClaim: (ordinal: number) => boolean;
  readonly now: number;
}

/**
 * The next writes. With OrderedReady one pod at a time: nothing is created while a lower ordinal is not available, nothing
 * deleted while a higher one terminates; with Parallel all at once. Updates go from the highest ordinal down. Pure.
 */
export function planStatefulSet(input: StatefulInput): StatefulAction[] {
  const { set, now } = input;
  if (set.metadata?.deletionTimestamp !== undefined) return [];
  const ordered = set.spec?.podManagementPolicy !== "Parallel";
  const minReady = set.spec?.minReadySeconds ?? 0;
  const healthy = (pod: Pod | undefined): boolean =>
    pod !== undefined && isRunning(pod) && isAvailable(pod, minReady, now) && !isGoing(pod);
  const { replicas, condemned } = partition(set, input.pods);
  const actions: StatefulAction[] = [];
  let blocked = false;

  for (const [i, pod] of replicas.entries()) {
    const ordinal = startOrdinal(set) + i;
    const outcome = replicaAction(input, pod, ordinal);
    if (outcome !== undefined) actions.push(outcome);
    const waits =
      (outcome !== undefined && outcome.kind !== "repair") ||
      pod === undefined ||
      isGoing(pod) ||
      !isRunning(pod) ||
      !isAvailable(pod, minReady, now);
    blocked ||= pod !== undefined && outcome?.kind === "delete";
    if (waits && ordered) return actions;
  }
  // A pod that ended is replaced before anything else moves.
  if (blocked) return actions;

  const firstUnhealthy = [...replicas, ...condemned.toReversed()].find((pod) => !healthy(pod));
  for (const pod of condemned) {
    if (isGoing(pod)) {
      if (ordered) return actions;
      continue;
    }
    // An unhealthy pod holds up the rest, unless it is the first in trouble: then its removal is the way out.
    if (ordered && !healthy(pod) && pod !== firstUnhealthy) return actions;
    actions.push({ kind: "delete", pod });
    if (ordered) return actions;
  }
  if (set.spec?.updateStrategy?.type === "OnDelete") return actions;
  return [...actions, ...planUpdate(input, replicas, healthy)];
}

function partition(set: StatefulSet, pods: readonly Pod[]): { replicas: (Pod | undefined)[]; condemned: Pod[] } {
  const replicas = Array.from<Pod | undefined>({ length: set.spec?.replicas ?? 1 }).fill(undefined);
  const condemned: { ordinal: number; pod: Pod }[] = [];
  for (const pod of pods) {
    const ordinal = ordinalOf(set, pod);
    if (ordinal === undefined) continue;
    if (inRange(set, ordinal)) replicas[ordinal - startOrdinal(set)] = pod;
    else condemned.push({ ordinal, pod });
  }
  return { replicas, condemned: condemned.toSorted((a, b) => b.ordinal - a.ordinal).map(({ pod }) => pod) };
}

function replicaAction(input: StatefulInput, pod: Pod | undefined, ordinal: number): StatefulAction | undefined {
  if (pod === undefined) {
    if (input.hasStaleClaim(ordinal)) return undefined;
    return { kind: "create", ordinal, revision: revisionFor(input, ordinal) };
  }
  if (isGoing(pod)) return undefined;
  if (pod.status?.phase === "Failed") return { kind: "delete", pod, ended: "Failed" };
  if (pod.status?.phase === "Succeeded") return { kind: "delete", pod, ended: "Succeeded" };
  if (!identityMatches(input.set, pod, ordinal)) return { kind: "repair", pod, ordinal };
  // A claim that was deleted before its pod ran would leave the pod waiting for ever.
  return pod.status?.phase === "Pending" && input.lacksClaim(ordinal) ? { kind: "claims", ordinal } : undefined;
}

/** Which template a new pod gets: below the partition the one the set comes from. */
function revisionFor(input: StatefulInput, ordinal: number): string {
  const { set, currentRevision, updateRevision } = input;
  const strategy = set.spec?.updateStrategy;
  if ((strategy?.type ?? "RollingUpdate") !== "RollingUpdate") return updateRevision;
  const below =
    strategy?.rollingUpdate === undefined
      ? (set.status?.currentReplicas ?? 0)
      : (strategy.rollingUpdate.partition ?? 0);
  return ordinal < startOrdinal(set) + below ? currentRevision : updateRevision;
}

function planUpdate(
  input: StatefulInput,
  replicas: readonly (Pod | undefined)[],
  healthy: (pod: Pod | undefined) => boolean,
): StatefulAction[] {
  const rolling = input.set.spec?.updateStrategy?.rollingUpdate;
  const partitionAt = rolling?.partition ?? 0;
  const limit = rolling?.maxUnavailable;
  // Ordinals count from ordinals.start, the partition from 0 within them.
  const allowed = limit === undefined ? 1 : Math.max(1, scaledValue(limit, replicas.length, "down"));
  let missing = limit === undefined ? 0 : replicas.filter((pod) => !healthy(pod)).length;
  const actions: StatefulAction[] = [];
  for (let i = replicas.length - 1; i >= partitionAt; i--) {
    const pod = replicas[i];
    const outdated = pod !== undefined && revisionOf(pod) !== input.updateRevision && !isGoing(pod);
    if (limit === undefined) {
      if (outdated) return [{ kind: "delete", pod }];
      if (!healthy(pod)) return [];
    } else if (outdated) {
      const wasHealthy = healthy(pod);
      if (wasHealthy && missing >= allowed) break;
      if (wasHealthy) missing++;
      actions.push({ kind: "delete", pod });
    }
  }
  return actions;
}

function isRunning(pod: Pod): boolean {
  return pod.status?.phase === "Running" && isReady(pod);
}

function isGoing(pod: Pod): boolean {
  return pod.metadata?.deletionTimestamp !== undefined;
}
