import type { PersistentVolumeClaim, Pod } from "@knots/api/core/v1";
import type { Listers } from "../../framework/handle.ts";

/** What a pod's claims mean for where it can go. */
export interface PodClaims {
  /** Bound to volumes: the pod must go where they can be reached. */
  readonly bound: readonly PersistentVolumeClaim[];
  /** Of a class that waits for its first consumer: bound once the pod has a node. */
  readonly delayed: readonly PersistentVolumeClaim[];
  /** Must be bound before the pod can be placed, and are not. */
  readonly immediate: readonly PersistentVolumeClaim[];
}

/** Names of the claims of a pod; an ephemeral volume's claim is named for pod and volume. */
export function claimNames(pod: Pod): { name: string; ephemeral: boolean }[] {
  return (pod.spec?.volumes ?? []).flatMap((volume): { name: string; ephemeral: boolean }[] => {
    if (volume.persistentVolumeClaim !== undefined) {
      return [{ name: volume.persistentVolumeClaim.claimName, ephemeral: false }];
    }
    if (volume.ephemeral !== undefined)
      return [{ name: `${pod.metadata?.name ?? ""}-${volume.name}`, ephemeral: true }];
    return [];
  });
}

/** Where the claim's first consumer goes. */
export const SELECTED_NODE = "volume.kubernetes.io/selected-node";
const BIND_COMPLETED = "pv.kubernetes.io/bind-completed";

export function isBound(claim: PersistentVolumeClaim): boolean {
  return !!claim.spec?.volumeName && claim.metadata?.annotations?.[BIND_COMPLETED] !== undefined;
}

/** Sorts the pod's claims. A string is why the pod cannot be placed before something else happens. Pure. */
export function podClaims(pod: Pod, listers: Listers): PodClaims | string {
  const bound: PersistentVolumeClaim[] = [];
  const delayed: PersistentVolumeClaim[] = [];
  const immediate: PersistentVolumeClaim[] = [];
  const namespace = pod.metadata?.namespace ?? "";
  for (const { name, ephemeral } of claimNames(pod)) {
    const claim = listers.claim(namespace, name);
    if (claim === undefined) {
      return ephemeral
        ? `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"`
        : `persistentvolumeclaim "${name}" not found`;
    }
    if (claim.status?.phase === "Lost")
      return `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec?.volumeName ?? ""}"`;
    if (claim.metadata?.deletionTimestamp !== undefined) return `persistentvolumeclaim "${name}" is being deleted`;
    if (ephemeral && !claim.metadata?.ownerReferences?.some(({ uid }) => uid === pod.metadata?.uid)) {
      return `PVC ${namespace}/${name} was not created for pod ${namespace}/${pod.metadata?.name ?? ""} (pod is not owner)`;
    }
    if (isBound(claim)) bound.push(claim);
    else if (waitsForConsumer(claim, listers) && !claim.spec?.volumeName) delayed.push(claim);
    else immediate.push(claim);
  }
  return { bound, delayed, immediate };
}

function waitsForConsumer(claim: PersistentVolumeClaim, listers: Listers): boolean {
  const className = claim.spec?.storageClassName ?? "";
  return listers.storageClass(className)?.volumeBindingMode === "WaitForFirstConsumer";
}
