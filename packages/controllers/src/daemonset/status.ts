import type { DaemonSet, DaemonSetStatus } from "@knots/api/apps/v1";
import type { Node, Pod } from "@knots/api/core/v1";
import { byAge } from "../framework/objects.ts";
import { isAvailable, isReady } from "../framework/pod-state.ts";
import { placementOn } from "./placement.ts";
import { isUpdated } from "./plan.ts";

/** Counters over the nodes; of several pods on one node the oldest counts. Pure. */
export function daemonSetStatus(
  daemonSet: DaemonSet,
  nodes: readonly Node[],
  byNode: ReadonlyMap<string, readonly Pod[]>,
  hash: string,
  now: number,
  observedGeneration: number,
): DaemonSetStatus {
  const minReadySeconds = daemonSet.spec?.minReadySeconds ?? 0;
  let [desired, current, misscheduled, ready, updated, available] = [0, 0, 0, 0, 0, 0];
  for (const node of nodes) {
    const pod = (byNode.get(node.metadata?.name ?? "") ?? []).toSorted(byAge)[0];
    if (!placementOn(daemonSet, node).shouldRun) {
      if (pod !== undefined) misscheduled++;
      continue;
    }
    desired++;
    if (pod === undefined) continue;
    current++;
    if (isReady(pod)) ready++;
    if (isAvailable(pod, minReadySeconds, now)) available++;
    if (isUpdated(pod, hash)) updated++;
  }
  const previous = daemonSet.status;
  return {
    currentNumberScheduled: current,
    numberMisscheduled: misscheduled,
    desiredNumberScheduled: desired,
    numberReady: ready,
    observedGeneration,
    updatedNumberScheduled: updated,
    numberAvailable: available,
    numberUnavailable: desired - available,
    ...(previous?.collisionCount === undefined ? {} : { collisionCount: previous.collisionCount }),
    ...(previous?.conditions === undefined ? {} : { conditions: previous.conditions }),
  };
}
