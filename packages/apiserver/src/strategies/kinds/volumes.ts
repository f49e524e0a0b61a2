import type {
  NodeSelectorRequirement,
  PersistentVolume,
  PersistentVolumeSpec,
  VolumeNodeAffinity,
} from "@knots/api/core/v1";
import { Quantity, formatTime } from "@knots/machinery";
import { posix } from "node:path";
import { defaultPersistentVolume } from "../defaults/volume-claim.ts";
import { semanticEqual } from "../equality.ts";
import { FieldPath, forbidden, invalid, notSupported, required } from "../field.ts";
import type { FieldError } from "../field.ts";
import type { Strategy } from "../types.ts";
import { describeDifference } from "../validation/difference.ts";
import { immutable } from "../validation/metadata.ts";
import { sourcesOf, validatePersistentSource } from "../validation/persistent-volume-sources.ts";
import { hasImpossibleValues, validateNodeSelector } from "../validation/scheduling.ts";
import { VOLUME_MODES, validateAccessModes, validateClassName } from "../validation/volume-claim.ts";
import { volumeWarnings } from "../warnings/kinds.ts";

const SPEC = FieldPath.root("spec");
const RECLAIM = ["Delete", "Recycle", "Retain"];
const MOUNT_OPTIONS = "volume.beta.kubernetes.io/mount-options";
const ZERO = Quantity.parse("0");

/** The others do not know mount options, which the annotation was for. */
const MOUNTED_WITH_OPTIONS = new Set<string>(
  "gcePersistentDisk awsElasticBlockStore glusterfs nfs rbd quobyte iscsi cinder cephfs azureFile vsphereVolume azureDisk portworxVolume".split(
    " ",
  ),
);

function validateCapacity(capacity: Readonly<Record<string, string>>, at: FieldPath, errors: FieldError[]): void {
  const names = Object.keys(capacity);
  if (names.length === 0) errors.push(required(at, ""));
  if (!("storage" in capacity) || names.length > 1) errors.push(notSupported(at, capacity, ["storage"]));
  for (const [name, value] of Object.entries(capacity)) {
    const quantity = Quantity.parse(value);
    if (quantity.value() < 0) errors.push(invalid(at.key(name), quantity.value(), "must be a valid resource quantity"));
    if (quantity.cmp(ZERO) <= 0) errors.push(invalid(at.key(name), value, "must be greater than zero"));
  }
}

const NOT_INLINE = "may not be specified in the context of inline volumes";

interface VolumeContext {
  readonly name: string;
  /** It stands in a VolumeAttachment, and is a CSI driver's. */
  readonly inline: boolean;
  /** What is stored, of an update. */
  readonly old?: PersistentVolumeSpec;
}

export function validateVolumeSpec(
  spec: PersistentVolumeSpec,
  { name, inline, old }: VolumeContext,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (inline) {
    if (spec.claimRef) errors.push(forbidden(path.child("claimRef"), NOT_INLINE));
    if (Object.keys(spec.capacity ?? {}).length > 0) errors.push(forbidden(path.child("capacity"), NOT_INLINE));
    if (!spec.csi) errors.push(required(path.child("csi"), "has to be specified in the context of inline volumes"));
  }
  const modes = spec.accessModes ?? [];
  if (modes.length === 0) errors.push(required(path.child("accessModes"), ""));
  validateAccessModes(modes, path.child("accessModes"), errors);
  if (!inline) validateCapacity(spec.capacity ?? {}, path.child("capacity"), errors);
  const policy = spec.persistentVolumeReclaimPolicy;
  const atPolicy = path.child("persistentVolumeReclaimPolicy");
  if (policy && inline && policy !== "Retain")
    errors.push(forbidden(atPolicy, "may only be Retain in the context of inline volumes"));
  else if (policy && !RECLAIM.includes(policy)) errors.push(notSupported(atPolicy, policy, RECLAIM));
  if (spec.nodeAffinity && inline) errors.push(forbidden(path.child("nodeAffinity"), NOT_INLINE));
  else if (spec.nodeAffinity) {
    const at = path.child("nodeAffinity").child("required");
    const anyValues = hasImpossibleValues(old?.nodeAffinity?.required);
    if (spec.nodeAffinity.required) validateNodeSelector(spec.nodeAffinity.required, at, errors, anyValues);
    else errors.push(required(at, "must specify required node constraints"));
  }
  validatePersistentSource(spec, name, path, errors);
  if (spec.hostPath?.path && /^\/+$/.test(posix.normalize(spec.hostPath.path)) && policy === "Recycle")
    errors.push(forbidden(atPolicy, "may not be 'recycle' for a hostPath mount of '/'"));
  if (spec.storageClassName && inline) errors.push(forbidden(path.child("storageClassName"), NOT_INLINE));
  else if (spec.storageClassName) validateClassName(spec.storageClassName, path.child("storageClassName"), errors);
  if (inline && spec.volumeMode !== undefined && spec.volumeMode !== "Filesystem") {
    const why = "may not specify volumeMode other than Filesystem in the context of inline volumes";
    errors.push(forbidden(path.child("volumeMode"), why));
  } else if (spec.volumeMode !== undefined && !VOLUME_MODES.includes(spec.volumeMode))
    errors.push(notSupported(path.child("volumeMode"), spec.volumeMode, VOLUME_MODES));
  const attributes = spec.volumeAttributesClassName;
  if (attributes !== undefined) {
    const at = path.child("volumeAttributesClassName");
    if (attributes === "") errors.push(required(at, "an empty string is disallowed"));
    else validateClassName(attributes, at, errors);
    if (!spec.csi) errors.push(required(path.child("csi"), "has to be specified when using volumeAttributesClassName"));
  }
}

/** `old` is what is stored, of an update. */
function validateVolume(volume: PersistentVolume, old?: PersistentVolume): FieldError[] {
  const errors: FieldError[] = [];
  const spec = volume.spec ?? {};
  const name = volume.metadata?.name ?? "";
  validateVolumeSpec(spec, { name, inline: false, old: old?.spec }, SPEC, errors);
  const options = volume.metadata?.annotations?.[MOUNT_OPTIONS];
  if (options !== undefined && !sourcesOf(spec).some((kind) => MOUNTED_WITH_OPTIONS.has(kind))) {
    const at = FieldPath.root("metadata").child("annotations").child(MOUNT_OPTIONS);
    errors.push(forbidden(at, "may not specify mount options for this volume type"));
  }
  return errors;
}

function validateChange(next: PersistentVolume, old: PersistentVolume): FieldError[] {
  const errors: FieldError[] = [];
  const [after, before] = [next, old].map(({ spec }) =>
    Object.fromEntries(sourcesOf(spec).map((kind) => [kind, spec?.[kind]])),
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
  validateAffinityChange(next.spec?.nodeAffinity, old.spec?.nodeAffinity, errors);
  if (old.spec?.volumeAttributesClassName !== undefined && next.spec?.volumeAttributesClassName === undefined) {
    const at = SPEC.child("volumeAttributesClassName");
    errors.push(forbidden(at, "update from non-nil value to nil is forbidden"));
  }
  return errors;
}

/** A volume stays where it is; but the labels that say where have got other names since. */
function validateAffinityChange(
  next: VolumeNodeAffinity | undefined,
  old: VolumeNodeAffinity | undefined,
  errors: FieldError[],
): void {
  if (old === undefined || semanticEqual(next, withNewNames(old, next))) return;
  const why = "field is immutable, except for updating from beta label to GA";
  errors.push(invalid(FieldPath.root("nodeAffinity"), next ?? null, why));
}

const NEW_NAMES = new Map([
  ["failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"],
  ["failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"],
  ["beta.kubernetes.io/os", "kubernetes.io/os"],
  ["beta.kubernetes.io/arch", "kubernetes.io/arch"],
  ["beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type"],
]);

/** The old affinity, with the new name of each label that the new one has in its place. */
function withNewNames(old: VolumeNodeAffinity, next: VolumeNodeAffinity | undefined): VolumeNodeAffinity {
  if (old.required === undefined) return old;
  type Requirements = NodeSelectorRequirement[] | undefined;
  const renamed = (requirements: Requirements, now: Requirements): NodeSelectorRequirement[] =>
    (requirements ?? []).map((requirement, index) => {
      const key = now?.[index]?.key;
      return key !== undefined && NEW_NAMES.get(requirement.key) === key ? { ...requirement, key } : requirement;
    });
  const nodeSelectorTerms = old.required.nodeSelectorTerms.map((term, index) => {
    const now = next?.required?.nodeSelectorTerms[index];
    return {
      ...term,
      matchExpressions: renamed(term.matchExpressions, now?.matchExpressions),
      matchFields: renamed(term.matchFields, now?.matchFields),
    };
  });
  return { ...old, required: { ...old.required, nodeSelectorTerms } };
}

export const persistentVolumeStrategy: Strategy<PersistentVolume> = {
  warnings: (volume) => volumeWarnings(volume),
  defaults: defaultPersistentVolume,
  prepareForCreate(volume, { now }) {
    volume.status = { phase: "Pending", lastPhaseTransitionTime: formatTime(new Date(now)) };
  },
  validate: (volume) => validateVolume(volume),
  validateUpdate: (next, old) => [...validateVolume(next, old), ...validateChange(next, old)],
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
