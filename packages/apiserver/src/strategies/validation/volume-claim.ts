import type { PersistentVolumeClaimSpec } from "@knots/api/core/v1";
import { Quantity } from "@knots/machinery";
import type { FieldError, FieldPath } from "../field.ts";
import { forbidden, invalid, notSupported, required } from "../field.ts";
import { validateLabelSelector } from "./label-selector.ts";
import { POSITIVE, nameIsDNSSubdomain } from "./names.ts";

export const ACCESS_MODES = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
export const VOLUME_MODES = ["Block", "Filesystem"];

export function validateAccessModes(modes: readonly string[], path: FieldPath, errors: FieldError[]): void {
  modes.forEach((mode, index) => {
    if (!ACCESS_MODES.includes(mode)) errors.push(notSupported(path.index(index), mode, ACCESS_MODES));
  });
  if (modes.includes("ReadWriteOncePod") && modes.length > 1) {
    errors.push(forbidden(path, "may not use ReadWriteOncePod with other access modes"));
  }
}

export function validateClaimSpec(spec: PersistentVolumeClaimSpec, path: FieldPath, errors: FieldError[]): void {
  const modes = spec.accessModes ?? [];
  if (modes.length === 0) errors.push(required(path.child("accessModes"), "at least 1 access mode is required"));
  validateLabelSelector(spec.selector, path.child("selector"), errors);
  validateAccessModes(modes, path.child("accessModes"), errors);
  const storage = spec.resources?.requests?.storage;
  const storagePath = path.child("resources").key("storage");
  if (storage === undefined) errors.push(required(storagePath, ""));
  else if (Quantity.parse(storage).cmp(Quantity.parse("0")) <= 0) errors.push(invalid(storagePath, storage, POSITIVE));
  if (spec.storageClassName) {
    for (const message of nameIsDNSSubdomain(spec.storageClassName, false)) {
      errors.push(invalid(path.child("storageClassName"), spec.storageClassName, message));
    }
  }
  if (spec.volumeMode !== undefined && !VOLUME_MODES.includes(spec.volumeMode)) {
    errors.push(notSupported(path.child("volumeMode"), spec.volumeMode, VOLUME_MODES));
  }
  for (const field of ["dataSource", "dataSourceRef"] as const) {
    const source = spec[field];
    if (!source) continue;
    if (!source.name) errors.push(required(path.child(field).child("name"), ""));
    if (!source.kind) errors.push(required(path.child(field).child("kind"), ""));
    if (!source.apiGroup && source.kind !== "PersistentVolumeClaim") {
      const why = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
      errors.push(invalid(path.child(field), source.kind, why));
    }
  }
}
