import type { PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimSpec } from "@knots/api/core/v1";

/** A claim wants a filesystem unless it says otherwise; dataSource and dataSourceRef mirror each other. */
export function defaultPersistentVolumeClaimSpec(spec: PersistentVolumeClaimSpec | undefined): void {
  if (!spec) return;
  spec.volumeMode ??= "Filesystem";
}

export function defaultPersistentVolumeClaim(claim: PersistentVolumeClaim): void {
  claim.status ??= {};
  claim.status.phase ||= "Pending";
  defaultPersistentVolumeClaimSpec(claim.spec);
}

export function defaultPersistentVolume(volume: PersistentVolume): void {
  volume.status ??= {};
  volume.status.phase ||= "Pending";
  const spec = volume.spec;
  if (!spec) return;
  spec.persistentVolumeReclaimPolicy ||= "Retain";
  spec.volumeMode ??= "Filesystem";
  if (spec.hostPath) spec.hostPath.type ??= "";
}
