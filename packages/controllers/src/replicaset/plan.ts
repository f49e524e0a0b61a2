import type { Pod } from "@knots/api/core/v1";
import { chooseVictims } from "./victims.ts";

/** Most pods created or deleted in one reconciliation. */
export const BURST_REPLICAS = 500;

export type ReplicaPlan =
  | { readonly kind: "none" }
  | { readonly kind: "create"; readonly count: number }
  | { readonly kind: "delete"; readonly victims: readonly Pod[] };

/**
 * What brings the number of active pods to `desired`. Pure.
 * @param related asked only when pods must go: the active pods of all ReplicaSets of the same owner
 */
export function planReplicas(
  activePods: readonly Pod[],
  desired: number,
  related: () => readonly Pod[],
  now: number,
): ReplicaPlan {
  const difference = activePods.length - desired;
  if (difference === 0) return { kind: "none" };
  if (difference < 0) return { kind: "create", count: Math.min(-difference, BURST_REPLICAS) };
  const count = Math.min(difference, BURST_REPLICAS);
  return { kind: "delete", victims: chooseVictims(activePods, related(), count, now) };
}
