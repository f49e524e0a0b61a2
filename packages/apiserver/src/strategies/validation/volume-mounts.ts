// What containers do with their pod's volumes.
import type { Container, VolumeDevice, VolumeMount } from "@knots/api/core/v1";
import type { FieldError, FieldPath } from "../field.ts";
import { forbidden, invalid, notFound, notSupported, required } from "../field.ts";
import { validateDescendingPath } from "./paths.ts";

/** What a container needs to know of its pod's volumes: which names exist, which are claims. */
export type VolumeNames = ReadonlyMap<string, { readonly isClaim: boolean }>;

const PROPAGATIONS = ["Bidirectional", "HostToContainer", "None"];
const RECURSIVE = ["Disabled", "Enabled", "IfPossible"];

export function validateMounts(
  container: Container,
  volumes: VolumeNames,
  path: FieldPath,
  errors: FieldError[],
): void {
  const { volumeMounts, volumeDevices = [] } = container;
  if (volumeMounts === undefined) return;
  const paths = new Set<string>();
  const deviceNames = new Set(volumeDevices.map(({ name }) => name));
  const devicePaths = new Set(volumeDevices.map(({ devicePath }) => devicePath));
  volumeMounts.forEach((mount, index) => {
    const at = path.index(index);
    if (!mount.name) errors.push(required(at.child("name")));
    if (!volumes.has(mount.name)) errors.push(notFound(at.child("name"), mount.name));
    if (!mount.mountPath) errors.push(required(at.child("mountPath")));
    if (paths.has(mount.mountPath)) errors.push(invalid(at.child("mountPath"), mount.mountPath, "must be unique"));
    paths.add(mount.mountPath);
    if (deviceNames.has(mount.name))
      errors.push(invalid(at.child("name"), mount.name, "must not already exist in volumeDevices"));
    if (devicePaths.has(mount.mountPath))
      errors.push(invalid(at.child("mountPath"), mount.mountPath, "must not already exist as a path in volumeDevices"));
    // From here on upstream's paths lack the index.
    if (mount.subPath) validateDescendingPath(mount.subPath, path.child("subPath"), errors);
    if (mount.subPathExpr) {
      if (mount.subPath) {
        const why = "subPathExpr and subPath are mutually exclusive";
        errors.push(invalid(at.child("subPathExpr"), mount.subPathExpr, why));
      }
      validateDescendingPath(mount.subPathExpr, path.child("subPathExpr"), errors);
    }
    validatePropagation(mount.mountPropagation, container, path.child("mountPropagation"), errors);
    validateRecursiveReadOnly(mount, path.child("recursiveReadOnly"), errors);
  });
}

function validatePropagation(
  propagation: string | undefined,
  { securityContext }: Container,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (propagation === undefined) return;
  if (!PROPAGATIONS.includes(propagation)) errors.push(notSupported(path, propagation, PROPAGATIONS));
  if (propagation !== "Bidirectional" || securityContext?.privileged) return;
  errors.push(forbidden(path, "Bidirectional mount propagation is available only to privileged containers"));
}

function validateRecursiveReadOnly(
  { recursiveReadOnly, readOnly, mountPropagation = "None" }: VolumeMount,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (recursiveReadOnly === undefined || recursiveReadOnly === "Disabled") return;
  if (!RECURSIVE.includes(recursiveReadOnly)) return void errors.push(notSupported(path, recursiveReadOnly, RECURSIVE));
  if (readOnly !== true) errors.push(forbidden(path, "may only be specified when readOnly is true"));
  if (mountPropagation !== "None")
    errors.push(forbidden(path, "may only be specified when mountPropagation is None or not specified"));
}

const BACKSTEPS = "can not contain backsteps ('..')";

export function validateDevices(
  { volumeDevices, volumeMounts = [] }: { volumeDevices?: VolumeDevice[]; volumeMounts?: VolumeMount[] },
  volumes: VolumeNames,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (volumeDevices === undefined) return;
  const names = new Set<string>();
  const paths = new Set<string>();
  const mountNames = new Set(volumeMounts.map(({ name }) => name));
  const mountPaths = new Set(volumeMounts.map(({ mountPath }) => mountPath));
  volumeDevices.forEach(({ name, devicePath }, index) => {
    const [atName, atPath] = [path.index(index).child("name"), path.index(index).child("devicePath")];
    const volume = volumes.get(name);
    if (!name) errors.push(required(atName));
    if (names.has(name)) errors.push(invalid(atName, name, "must be unique"));
    if (volume === undefined) errors.push(notFound(atName, name));
    else if (!volume.isClaim) {
      const why = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
      errors.push(invalid(atName, name, why));
    }
    if (!devicePath) errors.push(required(atPath));
    if (paths.has(devicePath)) errors.push(invalid(atPath, devicePath, "must be unique"));
    if (devicePath?.split("/").includes("..")) errors.push(invalid(atPath, devicePath, BACKSTEPS));
    else paths.add(devicePath);
    if (mountNames.has(name)) errors.push(invalid(atName, name, "must not already exist in volumeMounts"));
    if (mountPaths.has(devicePath))
      errors.push(invalid(atPath, devicePath, "must not already exist as a path in volumeMounts"));
    if (name) names.add(name);
  });
}
