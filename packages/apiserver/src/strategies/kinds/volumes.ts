import type { PersistentVolume, PersistentVolumeSpec, SecretReference } from "@knots/api/core/v1";
import { Quantity, formatTime, isDNS1123Label, isDNS1123Subdomain } from "@knots/machinery";
import { posix } from "node:path";
import { defaultPersistentVolume } from "../defaults/volume-claim.ts";
import { semanticEqual } from "../equality.ts";
import { FieldPath, forbidden, invalid, notSupported, required } from "../field.ts";
import type { FieldError } from "../field.ts";
import type { Strategy } from "../types.ts";
import { describeDifference } from "../validation/difference.ts";
import { immutable } from "../validation/metadata.ts";
import { validateNoBackSteps } from "../validation/paths.ts";
import { validateNodeSelector } from "../validation/scheduling.ts";
import { VOLUME_MODES, validateAccessModes, validateClassName } from "../validation/volume-claim.ts";
import { HOST_PATH_TYPES } from "../validation/volumes.ts";
import { volumeWarnings } from "../warnings/kinds.ts";
import { validateDriverName } from "./storage-kinds.ts";

const SPEC = FieldPath.root("spec");
const RECLAIM = ["Delete", "Recycle", "Retain"];
const MOUNT_OPTIONS = "volume.beta.kubernetes.io/mount-options";
const ZERO = Quantity.parse("0");

/** What a volume can be, in the order in which upstream looks, under the names that it has in errors. */
const SOURCES: readonly (readonly [field: keyof PersistentVolumeSpec, name: string])[] = [
  ["hostPath", "hostPath"],
  ["gcePersistentDisk", "gcePersistentDisk"],
  ["awsElasticBlockStore", "awsElasticBlockStore"],
  ["glusterfs", "glusterfs"],
  ["flocker", "flocker"],
  ["nfs", "nfs"],
  ["rbd", "rbd"],
  ["quobyte", "quobyte"],
  ["cephfs", "cephFS"],
  ["iscsi", "iscsi"],
  ["cinder", "cinder"],
  ["fc", "fc"],
  ["flexVolume", "flexVolume"],
  ["azureFile", "azureFile"],
  ["vsphereVolume", "vsphereVolume"],
  ["photonPersistentDisk", "photonPersistentDisk"],
  ["portworxVolume", "portworxVolume"],
  ["azureDisk", "azureDisk"],
  ["scaleIO", "scaleIO"],
  ["local", "local"],
  ["storageos", "storageos"],
  ["csi", "csi"],
];
/** The others do not know mount options, which the annotation was for. */
const MOUNTED_WITH_OPTIONS = new Set<string>(
  "gcePersistentDisk awsElasticBlockStore glusterfs nfs rbd quobyte iscsi cinder cephfs azureFile vsphereVolume azureDisk portworxVolume".split(
    " ",
  ),
);

const sourcesOf = (spec: PersistentVolumeSpec | undefined): typeof SOURCES =>
  SOURCES.filter(([field]) => spec?.[field] !== undefined);

function validateCapacity(capacity: Readonly<Record<string, string>> = {}, errors: FieldError[]): void {
  const at = SPEC.child("capacity");
  const names = Object.keys(capacity);
  if (names.length === 0) errors.push(required(at, ""));
  if (!("storage" in capacity) || names.length > 1) errors.push(notSupported(at, capacity, ["storage"]));
  for (const [name, value] of Object.entries(capacity)) {
    const quantity = Quantity.parse(value);
    if (quantity.value() < 0) errors.push(invalid(at.key(name), quantity.value(), "must be a valid resource quantity"));
    if (quantity.cmp(ZERO) <= 0) errors.push(invalid(at.key(name), value, "must be greater than zero"));
  }
}

function validateSecret(secret: SecretReference | undefined, path: FieldPath, errors: FieldError[]): void {
  if (secret === undefined) return;
  const { name = "", namespace = "" } = secret;
  if (name === "") errors.push(required(path.child("name"), ""));
  else for (const why of isDNS1123Subdomain(name)) errors.push(invalid(path.child("name"), name, why));
  if (namespace === "") errors.push(required(path.child("namespace"), ""));
  else for (const why of isDNS1123Label(namespace)) errors.push(invalid(path.child("namespace"), namespace, why));
}

const SECRETS = [
  "controllerPublishSecretRef",
  "controllerExpandSecretRef",
  "nodePublishSecretRef",
  "nodeExpandSecretRef",
] as const;

function validateSource(spec: PersistentVolumeSpec, field: string, errors: FieldError[]): void {
  const at = SPEC.child(field);
  const { hostPath, local, nfs, csi } = spec;
  if (field === "hostPath" && hostPath !== undefined) {
    if (!hostPath.path) return void errors.push(required(at.child("path"), ""));
    validateNoBackSteps(hostPath.path, at.child("path"), errors);
    if (!HOST_PATH_TYPES.includes(hostPath.type ?? ""))
      errors.push(notSupported(at.child("type"), hostPath.type, HOST_PATH_TYPES));
  } else if (field === "local" && local !== undefined) {
    if (!local.path) errors.push(required(at.child("path"), ""));
    else validateNoBackSteps(local.path, at.child("path"), errors);
    if (!spec.nodeAffinity) errors.push(required(SPEC.child("nodeAffinity"), "Local volume requires node affinity"));
  } else if (field === "nfs" && nfs !== undefined) {
    if (!nfs.server) errors.push(required(at.child("server"), ""));
    if (!nfs.path) errors.push(required(at.child("path"), ""));
    if (!(nfs.path ?? "").startsWith("/")) errors.push(invalid(at.child("path"), nfs.path, "must be an absolute path"));
  } else if (field === "csi" && csi !== undefined) {
    validateDriverName(csi.driver, at.child("driver"), errors);
    if (!csi.volumeHandle) errors.push(required(at.child("volumeHandle"), ""));
    for (const secret of SECRETS) validateSecret(csi[secret], at.child(secret), errors);
  }
}

function validateSources(spec: PersistentVolumeSpec, errors: FieldError[]): void {
  const [first, ...more] = sourcesOf(spec);
  if (first === undefined) errors.push(required(SPEC, "must specify a volume type"));
  else validateSource(spec, first[0], errors);
  for (const [field, name] of more)
    if (field !== "flexVolume") errors.push(forbidden(SPEC.child(name), "may not specify more than 1 volume type"));
}

function validateVolume(volume: PersistentVolume): FieldError[] {
  const errors: FieldError[] = [];
  const spec = volume.spec ?? {};
  const modes = spec.accessModes ?? [];
  if (modes.length === 0) errors.push(required(SPEC.child("accessModes"), ""));
  validateAccessModes(modes, SPEC.child("accessModes"), errors);
  validateCapacity(spec.capacity, errors);
  const policy = spec.persistentVolumeReclaimPolicy;
  const atPolicy = SPEC.child("persistentVolumeReclaimPolicy");
  if (policy && !RECLAIM.includes(policy)) errors.push(notSupported(atPolicy, policy, RECLAIM));
  if (spec.nodeAffinity) {
    const at = SPEC.child("nodeAffinity").child("required");
    if (spec.nodeAffinity.required) validateNodeSelector(spec.nodeAffinity.required, at, errors);
    else errors.push(required(at, "must specify required node constraints"));
  }
  validateSources(spec, errors);
  if (spec.hostPath?.path && /^\/+$/.test(posix.normalize(spec.hostPath.path)) && policy === "Recycle")
    errors.push(forbidden(atPolicy, "may not be 'recycle' for a hostPath mount of '/'"));
  if (spec.storageClassName) validateClassName(spec.storageClassName, SPEC.child("storageClassName"), errors);
  if (spec.volumeMode !== undefined && !VOLUME_MODES.includes(spec.volumeMode))
    errors.push(notSupported(SPEC.child("volumeMode"), spec.volumeMode, VOLUME_MODES));
  const attributes = spec.volumeAttributesClassName;
  if (attributes !== undefined) {
    const at = SPEC.child("volumeAttributesClassName");
    if (attributes === "") errors.push(required(at, "an empty string is disallowed"));
    else validateClassName(attributes, at, errors);
    if (!spec.csi) errors.push(required(SPEC.child("csi"), "has to be specified when using volumeAttributesClassName"));
  }
  const options = volume.metadata?.annotations?.[MOUNT_OPTIONS];
  if (options !== undefined && !sourcesOf(spec).some(([field]) => MOUNTED_WITH_OPTIONS.has(field))) {
    const at = FieldPath.root("metadata").child("annotations").child(MOUNT_OPTIONS);
    errors.push(forbidden(at, "may not specify mount options for this volume type"));
  }
  return errors;
}

function validateChange(next: PersistentVolume, old: PersistentVolume): FieldError[] {
  const errors: FieldError[] = [];
  const [after, before] = [next, old].map(({ spec }) =>
    Object.fromEntries(sourcesOf(spec).map(([field]) => [field, spec?.[field]])),
  );
  // A secret for expanding may be named later.
  const { csi } = next.spec ?? {};
  if (after !== undefined && csi !== undefined && old.spec?.csi && !old.spec.csi.controllerExpandSecretRef) {
    const { controllerExpandSecretRef: _secret, ...rest } = csi;
    after["csi"] = rest;
  }
  if (!semanticEqual(after, before)) {
    const why = `spec.persistentvolumesource is immutable after creation\n${describeDifference(after, before)}`;
    errors.push(forbidden(SPEC.child("persistentvolumesource"), why));
  }
  immutable(next.spec?.volumeMode, old.spec?.volumeMode, FieldPath.root("volumeMode"), errors);
  if (old.spec?.nodeAffinity !== undefined)
    immutable(next.spec?.nodeAffinity, old.spec.nodeAffinity, FieldPath.root("nodeAffinity"), errors);
  if (old.spec?.volumeAttributesClassName !== undefined && next.spec?.volumeAttributesClassName === undefined) {
    const at = SPEC.child("volumeAttributesClassName");
    errors.push(forbidden(at, "update from non-nil value to nil is forbidden"));
  }
  return errors;
}

export const persistentVolumeStrategy: Strategy<PersistentVolume> = {
  warnings: (volume) => volumeWarnings(volume),
  defaults: defaultPersistentVolume,
  prepareForCreate(volume, { now }) {
    volume.status = { phase: "Pending", lastPhaseTransitionTime: formatTime(new Date(now)) };
  },
  validate: validateVolume,
  validateUpdate: (next, old) => [...validateVolume(next), ...validateChange(next, old)],
  fieldLabels: (volume) => ({ name: volume.metadata?.name ?? "" }),
  subresources: {
    status: {
      /** When the phase last changed is noted, unless the client says it itself. */
      prepareForUpdate(next, old, { now }) {
        const before = old.status?.lastPhaseTransitionTime;
        const given = next.status?.lastPhaseTransitionTime;
        const changed = (next.status?.phase ?? "") !== (old.status?.phase ?? "");
        let time = given;
        if (!changed) time ??= before;
        else if (given === undefined || given === before) time = formatTime(new Date(now));
        if (time !== given && time !== undefined) next.status = { ...next.status, lastPhaseTransitionTime: time };
      },
    },
  },
};
