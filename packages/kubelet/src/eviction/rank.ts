/** Which pod goes first when the node runs out of something. Pure. */
import type { Pod } from "@knots/api/core/v1";
import { podRequests } from "@knots/machinery";
import { isCriticalPod, wholeValue } from "../cm/resources.ts";

export interface PodUsage {
  readonly pod: Pod;
  /** Bytes in use of what is short. */
  readonly usage: number;
}

/** Those above their request first, then by priority, then by how far above. Critical pods are never evicted. */
export function rankForEviction(pods: readonly PodUsage[], resource: "memory" | "ephemeral-storage"): Pod[] {
  const judged = pods
    .filter(({ pod }) => !isCriticalPod(pod))
    .map(({ pod, usage }) => {
      const requests: Readonly<Record<string, { toString(): string }>> = podRequests(pod.spec ?? { containers: [] });
      return { pod, over: usage - wholeValue(requests[resource]?.toString()), priority: pod.spec?.priority ?? 0 };
    });
  return judged
    .toSorted((a, b) => Number(b.over > 0) - Number(a.over > 0) || a.priority - b.priority || b.over - a.over)
    .map(({ pod }) => pod);
}
