import type { Pod } from "@knots/api/core/v1";
import type { ResourceClaim } from "@knots/api/resource/v1";
import { podOfExtendedClaim } from "@knots/machinery";
import type { ClusterEvent } from "../../framework/events.ts";
import type { PodInfo } from "../../framework/pod-info.ts";
import { namesClaim, usesClaims } from "./pod-claims.ts";

/** Whether an event may help a pod that waits for devices; `asksForDevices`: by extended resources. Pure. */
export function claimHint(
  { pod }: PodInfo,
  event: ClusterEvent,
  old: unknown,
  current: unknown,
  asksForDevices: (info: PodInfo) => boolean,
): boolean {
  switch (event) {
    case "ResourceClaimChange":
      return claimHelps(pod, old as ResourceClaim | undefined, current as ResourceClaim | undefined);
    case "AssignedPodDelete":
      // What a pod had reserved and did not bind comes back without a word of the API server.
      return old !== undefined && (usesClaims((old as PodInfo).pod) || asksForDevices(old as PodInfo));
    case "ResourceSliceChange":
      // Also one that is gone: a pool may be complete without it.
      return true;
    default:
      return true;
  }
}

function claimHelps(pod: Pod, old: ResourceClaim | undefined, current: ResourceClaim | undefined): boolean {
  if (old?.status?.allocation !== undefined && current?.status?.allocation === undefined) return true;
  // One left over from another attempt is gone.
  if (current === undefined && old !== undefined && podOfExtendedClaim(old)?.uid === pod.metadata?.uid) return true;
  if (current === undefined || !namesClaim(pod, current)) return false;
  if (old === undefined || old.metadata?.uid !== current.metadata?.uid) return true;
  const { status, metadata } = current;
  return (
    JSON.stringify(old.status ?? {}) !== JSON.stringify(status ?? {}) ||
    JSON.stringify(old.metadata?.ownerReferences) !== JSON.stringify(metadata?.ownerReferences)
  );
}
