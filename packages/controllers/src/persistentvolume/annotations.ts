// Annotations of volumes and claims: https://kubernetes.io/docs/reference/labels-annotations-taints/
import type { PersistentVolume, PersistentVolumeClaim } from "@knots/api/core/v1";

/** The claim went through binding; what follows is about a volume it has (or lost). */
export const BIND_COMPLETED = "pv.kubernetes.io/bind-completed";
/** The controller bound the two, so it may undo it. */
export const BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller";
export const PROVISIONED_BY = "pv.kubernetes.io/provisioned-by";
/** Where the claim's first consumer goes: the scheduler's word. */
export const SELECTED_NODE = "volume.kubernetes.io/selected-node";
export const STORAGE_PROVISIONER = "volume.kubernetes.io/storage-provisioner";
export const BETA_STORAGE_PROVISIONER = "volume.beta.kubernetes.io/storage-provisioner";
export const BETA_STORAGE_CLASS = "volume.beta.kubernetes.io/storage-class";

export function annotated(object: PersistentVolume | PersistentVolumeClaim, name: string): boolean {
  return object.metadata?.annotations?.[name] !== undefined;
}

/** The class a claim asks for; "" for none; undefined where it leaves that to the default. */
export function classOf({ metadata, spec }: PersistentVolumeClaim): string | undefined {
  return metadata?.annotations?.[BETA_STORAGE_CLASS] ?? spec?.storageClassName;
}

export function volumeClass({ metadata, spec }: PersistentVolume): string {
  return metadata?.annotations?.[BETA_STORAGE_CLASS] ?? spec?.storageClassName ?? "";
}

/** Whether the volume says it is for this claim: bound to it, or put aside for it by name. */
export function isBoundTo(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const { claimRef } = volume.spec ?? {};
  if (claimRef === undefined) return false;
  if (claimRef.name !== claim.metadata?.name || claimRef.namespace !== claim.metadata?.namespace) return false;
  return !claimRef.uid || claimRef.uid === claim.metadata?.uid;
}
