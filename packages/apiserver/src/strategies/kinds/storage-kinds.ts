// Storage classes and what drivers tell of themselves (upstream: pkg/apis/storage/validation).
import type {
  CSIDriver,
  CSINode,
  CSINodeDriver,
  CSIStorageCapacity,
  StorageClass,
  TokenRequest,
  VolumeAttachment,
  VolumeAttachmentSpec,
  VolumeAttributesClass,
  VolumeError,
} from "@knots/api/storage/v1";
import type { TopologySelectorTerm } from "@knots/api/core/v1";
import { isDNS1123Subdomain, isQualifiedName, Quantity } from "@knots/machinery";
import { STATUS_WITHOUT_METADATA } from "../default-strategy.ts";
import { defaultCSIDriver, defaultStorageClass } from "../defaults/policies.ts";
import { semanticEqual } from "../equality.ts";
import { duplicate, FieldPath, forbidden, invalid, notSupported, required, tooLong } from "../field.ts";
import type { FieldError } from "../field.ts";
import type { Strategy } from "../types.ts";
import { forEachRepeated } from "../validation/repeated.ts";
import { isSound, validateLabelSelector } from "../validation/label-selector.ts";
import { immutable } from "../validation/metadata.ts";
import { validateDriverName } from "../validation/driver-name.ts";
import { invalidFor, NON_NEGATIVE } from "../validation/names.ts";
import { nonNegativeFields } from "../validation/numbers.ts";
import { validateLabelName } from "../validation/scheduling.ts";
import { storageCapacityWarnings, storageClassWarnings } from "../warnings/kinds.ts";
import { validateVolumeSpec } from "./volumes.ts";

const SPEC = FieldPath.root("spec");
const STATUS = FieldPath.root("status");
const PARAMETERS = FieldPath.root("parameters");
const MAX_PARAMETERS = 512;
const MAX_PARAMETERS_SIZE = 256 * 1024;
const MAX_METADATA_SIZE = 256 * 1024;
const MAX_ERROR_SIZE = 1024;
const MAX_NODE_ID = 192;
const MIN_UPDATE_PERIOD = 10;
const MIN_TOKEN_SECONDS = 600;
const INT32_RANGE = "must be between 0 and 2147483647, inclusive";

/** A driver's name, of which letters may be capital. */
function validateProvisioner(name: string | undefined, path: FieldPath, errors: FieldError[]): void {
  if (!name) errors.push(required(path, ""));
  else invalidFor(isQualifiedName(name.toLowerCase()), name.toLowerCase(), path, errors);
}

const sizeOf = (map: Readonly<Record<string, string>>): number =>
  Object.entries(map).reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);

function validateParameters(parameters: Readonly<Record<string, string>> = {}, errors: FieldError[]): void {
  const keys = Object.keys(parameters);
  if (keys.length > MAX_PARAMETERS) return void errors.push(tooLong(PARAMETERS, "", MAX_PARAMETERS));
  if (keys.includes("")) errors.push(invalid(PARAMETERS, "", "field can not be empty."));
  if (sizeOf(parameters) > MAX_PARAMETERS_SIZE) errors.push(tooLong(PARAMETERS, "", MAX_PARAMETERS_SIZE));
}

function validateTopologies(terms: readonly TopologySelectorTerm[], path: FieldPath, errors: FieldError[]): void {
  const seen = new Set<string>();
  for (const [index, { matchLabelExpressions = [] }] of terms.entries()) {
    const at = path.index(index).child("matchLabelExpressions");
    const term = new Map<string, string[]>();
    for (const [place, { key, values = [] }] of matchLabelExpressions.entries()) {
      const where = at.index(place);
      if (values.length === 0) errors.push(required(where.child("values"), ""));
      forEachRepeated(
        values,
        (value) => value,
        (value, i) => errors.push(duplicate(where.child("values").index(i), value)),
      );
      validateLabelName(key, where.child("key"), errors);
      if (term.has(key)) errors.push(duplicate(where.child("key"), key));
      term.set(key, [...new Set(values)].sort());
    }
    const same = JSON.stringify([...term].sort(([a], [b]) => (a < b ? -1 : 1)));
    // Upstream begins with as many empty terms as there are terms: one that asks for nothing repeats those.
    if (seen.has(same) || term.size === 0) errors.push(duplicate(at, ""));
    seen.add(same);
  }
}

function validateStorageClass(storageClass: StorageClass): FieldError[] {
  const errors: FieldError[] = [];
  const { provisioner, parameters, reclaimPolicy, volumeBindingMode, allowedTopologies = [] } = storageClass;
  validateProvisioner(provisioner, FieldPath.root("provisioner"), errors);
  validateParameters(parameters, errors);
  if (reclaimPolicy && !["Delete", "Retain"].includes(reclaimPolicy))
    errors.push(notSupported(FieldPath.root("reclaimPolicy"), reclaimPolicy, ["Delete", "Retain"]));
  const modes = ["Immediate", "WaitForFirstConsumer"];
  const at = FieldPath.root("volumeBindingMode");
  if (volumeBindingMode === undefined) errors.push(required(at, ""));
  else if (!modes.includes(volumeBindingMode)) errors.push(notSupported(at, volumeBindingMode, modes));
  validateTopologies(allowedTopologies, FieldPath.root("allowedTopologies"), errors);
  return errors;
}

function forbidUpdates<T extends object>(next: T, old: T, fields: readonly (keyof T & string)[], errors: FieldError[]) {
  for (const field of fields)
    if (!semanticEqual(next[field], old[field]))
      errors.push(forbidden(FieldPath.root(field), `updates to ${field} are forbidden.`));
}

export const storageClassStrategy: Strategy<StorageClass> = {
  warnings: (storageClass) => storageClassWarnings(storageClass),
  defaults: defaultStorageClass,
  validate: validateStorageClass,
  validateUpdate(next, old) {
    const errors = validateStorageClass(next);
    for (const field of ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"] as const)
      immutable(next[field], old[field], FieldPath.root(field), errors);
    return errors;
  },
};

function validateTokenRequests(requests: readonly TokenRequest[], path: FieldPath, errors: FieldError[]): void {
  const audiences = new Set<string>();
  for (const [index, { audience, expirationSeconds }] of requests.entries()) {
    const at = path.index(index);
    if (audiences.has(audience)) {
      errors.push(duplicate(at.child("audience"), audience));
      continue;
    }
    audiences.add(audience);
    if (expirationSeconds === undefined) continue;
    const tell = (why: string): void =>
      void errors.push(invalid(at.child("expirationSeconds"), expirationSeconds, why));
    if (expirationSeconds < MIN_TOKEN_SECONDS) tell("may not specify a duration less than 10 minutes");
    if (expirationSeconds > 2 ** 32) tell("may not specify a duration larger than 2^32 seconds");
  }
}

/** Its name is none of metadata's: letters may be capital. */
function validateDriver({ metadata, spec }: CSIDriver): FieldError[] {
  const errors: FieldError[] = [];
  validateDriverName(metadata?.name, FieldPath.root("name"), errors);
  const {
    fsGroupPolicy,
    tokenRequests = [],
    volumeLifecycleModes = [],
    nodeAllocatableUpdatePeriodSeconds: period,
  } = spec ?? {};
  for (const [field, name] of [
    ["attachRequired", "attachedRequired"],
    ["podInfoOnMount", "podInfoOnMount"],
    ["storageCapacity", "storageCapacity"],
  ] as const)
    if (spec?.[field] === undefined) errors.push(required(SPEC.child(name), ""));
  const policies = ["File", "None", "ReadWriteOnceWithFSType"];
  if (fsGroupPolicy !== undefined && !policies.includes(fsGroupPolicy))
    errors.push(notSupported(SPEC.child("fsGroupPolicy"), fsGroupPolicy, policies));
  validateTokenRequests(tokenRequests, SPEC.child("tokenRequests"), errors);
  const modes = ["Persistent", "Ephemeral"];
  for (const mode of volumeLifecycleModes)
    if (!modes.includes(mode)) errors.push(notSupported(SPEC.child("volumeLifecycleModes"), mode, modes));
  if (spec?.seLinuxMount === undefined) errors.push(required(SPEC.child("seLinuxMount"), ""));
  if (period !== undefined && period < MIN_UPDATE_PERIOD) {
    const at = SPEC.child("nodeAllocatableUpdatePeriodSeconds");
    errors.push(invalid(at, period, "must be greater than or equal to 10 seconds"));
  }
  if (spec?.serviceAccountTokenInSecrets !== undefined && tokenRequests.length === 0) {
    const why = "serviceAccountTokenInSecrets is set but no tokenRequests are specified";
    errors.push(invalid(SPEC.child("serviceAccountTokenInSecrets"), spec.serviceAccountTokenInSecrets, why));
  }
  return errors;
}

export const csiDriverStrategy: Strategy<CSIDriver> = {
  allowUnconditionalUpdate: false,
  defaults: defaultCSIDriver,
  validate: validateDriver,
  validateUpdate(next, old) {
    const errors = validateDriver(next);
    immutable(next.spec?.attachRequired, old.spec?.attachRequired, SPEC.child("attachedRequired"), errors);
    const modes = SPEC.child("volumeLifecycleModes");
    immutable(next.spec?.volumeLifecycleModes, old.spec?.volumeLifecycleModes, modes, errors);
    return errors;
  },
};

/** `names`: of the drivers before it. */
function validateNodeDriver(driver: CSINodeDriver, names: Set<string>, path: FieldPath, errors: FieldError[]): void {
  const { name, nodeID, allocatable, topologyKeys = [] } = driver;
  validateDriverName(name, path.child("name"), errors);
  const at = path.child("nodeID");
  if (!nodeID) errors.push(required(at, ""));
  if (Buffer.byteLength(nodeID) > MAX_NODE_ID)
    errors.push(invalid(at, nodeID, `must be ${MAX_NODE_ID} characters or less`));
  nonNegativeFields(allocatable, ["count"], path.child("allocatable"), errors);
  if (names.has(name)) errors.push(duplicate(path.child("name"), name));
  names.add(name);
  const keys = new Set<string>();
  for (const key of topologyKeys) {
    if (key === "") errors.push(required(path, ""));
    if (keys.has(key)) errors.push(duplicate(path, key));
    keys.add(key);
    invalidFor(isQualifiedName(key), key, path, errors);
  }
}

function validateCSINode({ spec }: CSINode): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  for (const [index, driver] of (spec?.drivers ?? []).entries())
    validateNodeDriver(driver, names, SPEC.child("drivers").index(index), errors);
  return errors;
}

export const csiNodeStrategy: Strategy<CSINode> = {
  allowUnconditionalUpdate: false,
  validate: validateCSINode,
  validateUpdate(next, old) {
    const errors = validateCSINode(next);
    // How much fits is the driver's to say again (MutableCSINodeAllocatableCount).
    const fixed = ({ allocatable: _allocatable, ...rest }: CSINodeDriver): object => rest;
    const known = new Map((old.spec?.drivers ?? []).map((driver) => [driver.name, driver]));
    for (const after of next.spec?.drivers ?? []) {
      const before = known.get(after.name);
      if (before !== undefined) immutable(fixed(after), fixed(before), SPEC.child("drivers"), errors);
    }
    return errors;
  },
};

function validateVolumeError(error: VolumeError | undefined, path: FieldPath, errors: FieldError[]): void {
  const { message = "", errorCode } = error ?? {};
  // Upstream names another limit than it keeps.
  if (Buffer.byteLength(message) > MAX_ERROR_SIZE) errors.push(tooLong(path.child("message"), "", MAX_METADATA_SIZE));
  if (errorCode !== undefined && errorCode < 0) errors.push(invalid(path.child("errorCode"), errorCode, INT32_RANGE));
}

function validateAttachment({ spec, status }: VolumeAttachment): FieldError[] {
  const errors: FieldError[] = [];
  const { attacher, nodeName, source }: Partial<VolumeAttachmentSpec> = spec ?? {};
  if (!attacher) errors.push(required(SPEC.child("attacher"), ""));
  const at = SPEC.child("source");
  const { persistentVolumeName, inlineVolumeSpec } = source ?? {};
  const one = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
  if (persistentVolumeName === undefined && inlineVolumeSpec === undefined) errors.push(required(at, one));
  else if (persistentVolumeName !== undefined && inlineVolumeSpec !== undefined) errors.push(forbidden(at, one));
  else if (persistentVolumeName === "")
    errors.push(required(at.child("persistentVolumeName"), "must specify non empty persistentVolumeName"));
  else if (inlineVolumeSpec !== undefined)
    validateVolumeSpec(inlineVolumeSpec, { name: "", inline: true }, at.child("inlineVolumeSpec"), errors);
  invalidFor(isDNS1123Subdomain(nodeName ?? ""), nodeName ?? "", SPEC.child("nodeName"), errors);
  if (sizeOf(status?.attachmentMetadata ?? {}) > MAX_METADATA_SIZE)
    errors.push(tooLong(STATUS.child("attachmentMetadata"), "", MAX_METADATA_SIZE));
  validateVolumeError(status?.attachError, STATUS.child("attachError"), errors);
  validateVolumeError(status?.detachError, STATUS.child("detachError"), errors);
  return errors;
}

export const volumeAttachmentStrategy: Strategy<VolumeAttachment> = {
  allowUnconditionalUpdate: false,
  validate(attachment) {
    const errors = validateAttachment(attachment);
    const { attacher, source } = attachment.spec ?? {};
    if (attacher) validateDriverName(attacher, SPEC.child("attacher"), errors);
    const name = source?.persistentVolumeName;
    if (name !== undefined)
      invalidFor(isDNS1123Subdomain(name), name, SPEC.child("source").child("persistentVolumeName"), errors);
    return errors;
  },
  validateUpdate(next, old) {
    const errors = validateAttachment(next);
    immutable(next.spec, old.spec, SPEC, errors);
    return errors;
  },
  subresources: { status: { ...STATUS_WITHOUT_METADATA, validateUpdate: validateAttachment } },
};

function validateAttributesClass({ driverName, parameters = {} }: VolumeAttributesClass): FieldError[] {
  const errors: FieldError[] = [];
  validateProvisioner(driverName, FieldPath.root("driverName"), errors);
  validateParameters(parameters, errors);
  if (Object.keys(parameters).length === 0)
    errors.push(required(PARAMETERS, "must contain at least one key/value pair"));
  return errors;
}

export const volumeAttributesClassStrategy: Strategy<VolumeAttributesClass> = {
  validate: validateAttributesClass,
  validateUpdate(next, old) {
    const errors: FieldError[] = [];
    forbidUpdates(next, old, ["driverName", "parameters"], errors);
    return [...errors, ...validateAttributesClass(next)];
  },
};

function validateStorageCapacity(
  { nodeTopology, storageClassName, capacity }: CSIStorageCapacity,
  old?: CSIStorageCapacity,
): FieldError[] {
  const errors: FieldError[] = [];
  const anyValues = !isSound(old?.nodeTopology);
  validateLabelSelector(nodeTopology, FieldPath.root("nodeTopology"), errors, { anyValues });
  invalidFor(isDNS1123Subdomain(storageClassName), storageClassName, FieldPath.root("storageClassName"), errors);
  if (capacity !== undefined && Quantity.parse(capacity).cmp(Quantity.parse("0")) < 0)
    errors.push(invalid(FieldPath.root("capacity"), capacity, NON_NEGATIVE));
  return errors;
}

export const csiStorageCapacityStrategy: Strategy<CSIStorageCapacity> = {
  allowUnconditionalUpdate: false,
  warnings: (capacity) => storageCapacityWarnings(capacity),
  validate: (capacity) => validateStorageCapacity(capacity),
  validateUpdate(next, old) {
    const errors = validateStorageCapacity(next, old);
    immutable(next.nodeTopology, old.nodeTopology, FieldPath.root("nodeTopology"), errors);
    immutable(next.storageClassName, old.storageClassName, FieldPath.root("storageClassName"), errors);
    return errors;
  },
};
