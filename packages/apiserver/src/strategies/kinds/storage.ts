import type { PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimSpec } from "@knots/api/core/v1";
import { Quantity } from "@knots/machinery";
import { defaultPersistentVolume, defaultPersistentVolumeClaim } from "../defaults/volume-claim.ts";
import { semanticEqual } from "../equality.ts";
import { FieldPath, forbidden, invalid, notSupported, required } from "../field.ts";
import type { FieldError } from "../field.ts";
import type { Strategy } from "../types.ts";
import { claimWarnings, volumeWarnings } from "../warnings/kinds.ts";
import { describeDifference } from "../validation/difference.ts";
import { immutable } from "../validation/metadata.ts";
import { nameIsDNSSubdomain } from "../validation/names.ts";
import { oneOf } from "../validation/numbers.ts";
import { validateNodeSelector } from "../validation/scheduling.ts";
import { VOLUME_MODES, validateAccessModes, validateClaimSpec } from "../validation/volume-claim.ts";

const SPEC = FieldPath.root("spec");
const RECLAIM = ["Delete", "Recycle", "Retain"];

function validateClaim(claim: PersistentVolumeClaim): FieldError[] {
  const errors: FieldError[] = [];
  validateClaimSpec(claim.spec ?? {}, SPEC, errors);
  return errors;
}

/** A claim asks for the same thing twice in two words; keep them equal. */
function mirrorDataSource(claim: PersistentVolumeClaim): void {
  const spec = claim.spec;
  if (!spec) return;
  if (spec.dataSource && !spec.dataSourceRef) spec.dataSourceRef = { ...spec.dataSource };
  else if (spec.dataSourceRef && !spec.dataSource && !spec.dataSourceRef.namespace) {
    const kinds = ["PersistentVolumeClaim", "VolumeSnapshot"];
    if (kinds.includes(spec.dataSourceRef.kind)) {
      const { namespace: _namespace, ...source } = spec.dataSourceRef;
      spec.dataSource = source;
    }
  }
}

const ALLOWED_CHANGES =
  "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";

export const persistentVolumeClaimStrategy: Strategy<PersistentVolumeClaim> = {
  warnings: (claim) => claimWarnings(claim),
  defaults: defaultPersistentVolumeClaim,
  prepareForCreate(claim) {
    claim.status = { phase: "Pending" };
    mirrorDataSource(claim);
  },
  validate: validateClaim,
  validateUpdate(next, old) {
    const errors = validateClaim(next);
    const comparable = (spec: PersistentVolumeClaimSpec | undefined): PersistentVolumeClaimSpec => {
      const copy = structuredClone(spec ?? {});
      // The controller binds it, and may give it the class it lacked.
      if (!old.spec?.volumeName) delete copy.volumeName;
      if (old.spec?.storageClassName === undefined) delete copy.storageClassName;
      if (old.status?.phase === "Bound" && copy.resources?.requests) delete copy.resources.requests.storage;
      delete copy.volumeAttributesClassName;
      return copy;
    };
    const after = comparable(next.spec);
    const before = comparable(old.spec);
    if (!semanticEqual(after, before))
      errors.push(forbidden(SPEC, `${ALLOWED_CHANGES}\n${describeDifference(after, before)}`));
    const size = next.spec?.resources?.requests?.storage;
    const oldSize = old.spec?.resources?.requests?.storage;
    if (size !== undefined && oldSize !== undefined && Quantity.parse(size).cmp(Quantity.parse(oldSize)) < 0) {
      const capacity = old.status?.capacity?.storage;
      if (capacity === undefined || Quantity.parse(size).cmp(Quantity.parse(capacity)) <= 0) {
        const at = SPEC.child("resources").child("requests").child("storage");
        errors.push(forbidden(at, "field can not be less than status.capacity"));
      }
    }
    return errors;
  },
};

/** Fields of a volume's spec that are not its source. */
const NOT_SOURCES = new Set([
  "capacity",
  "accessModes",
  "claimRef",
  "persistentVolumeReclaimPolicy",
  "storageClassName",
  "mountOptions",
  "volumeMode",
  "nodeAffinity",
  "volumeAttributesClassName",
]);

function volumeSources(volume: PersistentVolume): [string, unknown][] {
  return Object.entries(volume.spec ?? {}).filter(([key, value]) => !NOT_SOURCES.has(key) && value !== undefined);
}

function validateVolume(volume: PersistentVolume): FieldError[] {
  const errors: FieldError[] = [];
  const spec = volume.spec ?? {};
  const modes = spec.accessModes ?? [];
  if (modes.length === 0) errors.push(required(SPEC.child("accessModes"), ""));
  validateAccessModes(modes, SPEC.child("accessModes"), errors);
  const capacity = spec.capacity ?? {};
  if (Object.keys(capacity).length === 0) errors.push(required(SPEC.child("capacity"), ""));
  else if (!("storage" in capacity) || Object.keys(capacity).length > 1) {
    errors.push(notSupported(SPEC.child("capacity"), capacity, ["storage"]));
  }
  for (const name in capacity) {
    const value = capacity[name] ?? "0";
    if (Quantity.parse(value).cmp(Quantity.parse("0")) <= 0) {
      errors.push(invalid(SPEC.child("capacity").key(name), value, "must be greater than zero"));
    }
  }
  oneOf(spec.persistentVolumeReclaimPolicy, RECLAIM, SPEC.child("persistentVolumeReclaimPolicy"), errors);
  if (spec.nodeAffinity?.required) {
    validateNodeSelector(spec.nodeAffinity.required, SPEC.child("nodeAffinity").child("required"), errors);
  }
  const sources = volumeSources(volume);
  if (sources.length === 0) errors.push(required(SPEC, "must specify a volume type"));
  for (const [kind] of sources.slice(1))
    errors.push(forbidden(SPEC.child(kind), "may not specify more than 1 volume type"));
  if (spec.local) {
    if (!spec.local.path) errors.push(required(SPEC.child("local").child("path"), ""));
    if (!spec.nodeAffinity) errors.push(required(SPEC.child("nodeAffinity"), "Local volume requires node affinity"));
  }
  if (spec.hostPath && !spec.hostPath.path) errors.push(required(SPEC.child("hostPath").child("path"), ""));
  if (spec.csi) {
    if (!spec.csi.driver) errors.push(required(SPEC.child("csi").child("driver"), ""));
    if (!spec.csi.volumeHandle) errors.push(required(SPEC.child("csi").child("volumeHandle"), ""));
  }
  if (spec.storageClassName) {
    for (const message of nameIsDNSSubdomain(spec.storageClassName, false)) {
      errors.push(invalid(SPEC.child("storageClassName"), spec.storageClassName, message));
    }
  }
  if (spec.volumeMode !== undefined) oneOf(spec.volumeMode, VOLUME_MODES, SPEC.child("volumeMode"), errors);
  return errors;
}

export const persistentVolumeStrategy: Strategy<PersistentVolume> = {
  warnings: (volume) => volumeWarnings(volume),
  defaults: defaultPersistentVolume,
  prepareForCreate(volume) {
    volume.status = { phase: "Pending" };
  },
  validate: validateVolume,
  validateUpdate(next, old) {
    const errors = validateVolume(next);
    const after = Object.fromEntries(volumeSources(next));
    const before = Object.fromEntries(volumeSources(old));
    if (!semanticEqual(after, before)) {
      const why = `spec.persistentvolumesource is immutable after creation\n${describeDifference(after, before)}`;
      errors.push(forbidden(SPEC.child("persistentvolumesource"), why));
    }
    immutable(next.spec?.volumeMode, old.spec?.volumeMode, FieldPath.root("volumeMode"), errors);
    if (old.spec?.nodeAffinity?.required) {
      immutable(next.spec?.nodeAffinity, old.spec.nodeAffinity, FieldPath.root("nodeAffinity"), errors);
    }
    return errors;
  },
  fieldLabels: (volume) => ({ name: volume.metadata?.name ?? "" }),
};
