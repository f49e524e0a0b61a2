import type { PersistentVolume, PersistentVolumeClaim, Pod } from "@knots/api/core/v1";
import { isControlledBy } from "@knots/machinery";

export const CLAIM_FINALIZER = "kubernetes.io/pvc-protection";
export const VOLUME_FINALIZER = "kubernetes.io/pv-protection";

/** The claims a pod names, "namespace/name": its own and those of its ephemeral volumes. */
export function claimsOf(pod: Pod): string[] {
  const { namespace = "", name = "" } = pod.metadata ?? {};
  return (pod.spec?.volumes ?? []).flatMap((volume) => {
    if (volume.persistentVolumeClaim !== undefined) return [`${namespace}/${volume.persistentVolumeClaim.claimName}`];
    return volume.ephemeral === undefined ? [] : [`${namespace}/${name}-${volume.name}`];
  });
}

/** Whether the pod uses the claim: it has a node, and an ephemeral volume's claim is really its own. Pure. */
export function usesClaim(pod: Pod, claim: PersistentVolumeClaim): boolean {
  // A kubelet starts no pod on a claim that is being deleted: one without a node will never use it.
  if ((pod.spec?.nodeName ?? "") === "") return false;
  const wanted = claim.metadata?.name ?? "";
  return (pod.spec?.volumes ?? []).some(
    (volume) =>
      volume.persistentVolumeClaim?.claimName === wanted ||
      (volume.ephemeral !== undefined &&
        `${pod.metadata?.name ?? ""}-${volume.name}` === wanted &&
        isControlledBy(claim, pod)),
  );
}

/** What is to be done about the finalizer. Pure. */
export function protection(
  object: PersistentVolume | PersistentVolumeClaim,
  finalizer: string,
  inUse: () => boolean,
): "add" | "remove" | "keep" {
  const has = object.metadata?.finalizers?.includes(finalizer) === true;
  if (object.metadata?.deletionTimestamp === undefined) return has ? "keep" : "add";
  return has && !inUse() ? "remove" : "keep";
}
