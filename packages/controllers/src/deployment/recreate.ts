import type { ReplicaSet } from "@knots/api/apps/v1";
import type { Pod } from "@knots/api/core/v1";
import { isTerminal } from "../framework/pod-state.ts";
import { statusSum } from "./replica-sets.ts";

/**
 * Whether a pod of an old template may still run: the new ones wait for it (strategy Recreate). Pure.
 * @param podsByOwner pods of the Deployment's RSs, by the uid of their RS
 */
export function oldPodsRunning(
  newRS: ReplicaSet | undefined,
  oldRSs: readonly ReplicaSet[],
  podsByOwner: ReadonlyMap<string, readonly Pod[]>,
): boolean {
  if (statusSum(oldRSs, "replicas") > 0) return true;
  for (const [uid, pods] of podsByOwner) {
    if (newRS?.metadata?.uid === uid) continue;
    if (pods.some((pod) => !isTerminal(pod))) return true;
  }
  return false;
}
