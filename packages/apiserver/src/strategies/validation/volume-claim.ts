import type { PersistentVolumeClaimSpec, TypedLocalObjectReference, TypedObjectReference } from "@knots/api/core/v1";
import { isDNS1123Label, isDNS1123Subdomain, Quantity } from "@knots/machinery";
import type { FieldError, FieldPath } from "../field.ts";
import { forbidden, invalid, notSupported, required } from "../field.ts";
import { validateLabelSelector } from "./label-selector.ts";
import { nameIsDNSSubdomain } from "./names.ts";

export const ACCESS_MODES = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
export const VOLUME_MODES = ["Block", "Filesystem"];

export function validateAccessModes(modes: readonly string[], path: FieldPath, errors: FieldError[]): void {
  for (const mode of modes) if (!ACCESS_MODES.includes(mode)) errors.push(notSupported(path, mode, ACCESS_MODES));
  const others = modes.some((mode) => mode !== "ReadWriteOncePod" && ACCESS_MODES.includes(mode));
  if (others && modes.includes("ReadWriteOncePod"))
    errors.push(forbidden(path, "may not use ReadWriteOncePod with other access modes"));
}

export function validateClaimSpec(
  spec: PersistentVolumeClaimSpec,
  path: FieldPath,
  errors: FieldError[],
  old?: PersistentVolumeClaimSpec,
): void {
  const modes = spec.accessModes ?? [];
  if (modes.length === 0) errors.push(required(path.child("accessModes"), "at least 1 access mode is required"));
  validateLabelSelector(spec.selector, path.child("selector"), errors);
  validateAccessModes(modes, path.child("accessModes"), errors);
  const storage = spec.resources?.requests?.storage;
  const storagePath = path.child("resources").key("storage");
  if (storage === undefined) errors.push(required(storagePath, ""));
  else if (Quantity.parse(storage).cmp(Quantity.parse("0")) <= 0)
    errors.push(invalid(storagePath, storage, "must be greater than zero"));
  if (spec.storageClassName) validateClassName(spec.storageClassName, path.child("storageClassName"), errors);
  if (spec.volumeMode !== undefined && !VOLUME_MODES.includes(spec.volumeMode)) {
    errors.push(notSupported(path.child("volumeMode"), spec.volumeMode, VOLUME_MODES));
  }
  for (const field of ["dataSource", "dataSourceRef"] as const) {
    const source = spec[field];
    if (source) validateSource(source, old, path.child(field), errors);
  }
  const { dataSource: source, dataSourceRef: reference } = spec;
  if (source && reference) {
    // Upstream shows the path, of which nothing can be seen.
    if (reference.namespace)
      errors.push(invalid(path, {}, "may not be specified when dataSourceRef.namespace is specified"));
    else if (!sameSource(source, reference)) errors.push(invalid(path, {}, "must match dataSourceRef"));
  }
  if (spec.volumeAttributesClassName)
    validateClassName(spec.volumeAttributesClassName, path.child("volumeAttributesClassName"), errors);
}

const sameSource = (a: TypedLocalObjectReference, b: TypedObjectReference): boolean =>
  a.apiGroup === b.apiGroup && a.kind === b.kind && a.name === b.name;

/** A group that is there already, whatever it is called, lets any be. */
function validateSource(
  { name, kind, apiGroup, namespace }: TypedObjectReference,
  old: PersistentVolumeClaimSpec | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (!name) errors.push(required(path.child("name"), ""));
  if (!kind) errors.push(required(path.child("kind"), ""));
  if (!apiGroup && kind !== "PersistentVolumeClaim")
    errors.push(invalid(path, kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup"));
  const known = old?.dataSource?.apiGroup !== undefined || old?.dataSourceRef?.apiGroup !== undefined;
  if (apiGroup && !known)
    for (const why of isDNS1123Subdomain(apiGroup)) errors.push(invalid(path.child("apiGroup"), apiGroup, why));
  if (namespace)
    for (const why of isDNS1123Label(namespace)) errors.push(invalid(path.child("namespace"), namespace, why));
}

export function validateClassName(name: string, path: FieldPath, errors: FieldError[]): void {
  for (const message of nameIsDNSSubdomain(name, false)) errors.push(invalid(path, name, message));
}
