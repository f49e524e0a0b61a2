import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from "@knots/api/core/v1";
import { Quantity, isQualifiedName } from "@knots/machinery";
import { defaultPersistentVolumeClaim } from "../defaults/volume-claim.ts";
import { semanticEqual } from "../equality.ts";
import { FieldPath, forbidden, invalid, notSupported, required } from "../field.ts";
import type { FieldError } from "../field.ts";
import type { Strategy } from "../types.ts";
import { describeDifference } from "../validation/difference.ts";
import { immutable } from "../validation/metadata.ts";
import { NON_NEGATIVE } from "../validation/names.ts";
import { validateClaimSpec } from "../validation/volume-claim.ts";
import { claimWarnings } from "../warnings/kinds.ts";

const SPEC = FieldPath.root("spec");
const STATUS = FieldPath.root("status");
const CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class";

function validateClaim(claim: PersistentVolumeClaim, old?: PersistentVolumeClaim): FieldError[] {
  const errors: FieldError[] = [];
  validateClaimSpec(claim.spec ?? {}, SPEC, errors, old?.spec);
  return errors;
}

/** Another namespace's source needs CrossNamespaceVolumeDataSource, which is off; a source of old is a claim or a snapshot. */
function dropSources(spec: PersistentVolumeClaimSpec | undefined, old?: PersistentVolumeClaimSpec): void {
  if (spec?.dataSourceRef?.namespace && !old?.dataSourceRef?.namespace) delete spec.dataSourceRef;
  const { kind, apiGroup = "" } = spec?.dataSource ?? {};
  const known =
    (kind === "PersistentVolumeClaim" && apiGroup === "") ||
    (kind === "VolumeSnapshot" && apiGroup === "snapshot.storage.k8s.io");
  if (spec?.dataSource && !known && !old?.dataSource && !old?.dataSourceRef) delete spec.dataSource;
}

/** A claim asks for the same thing twice in two words; keep them equal. */
function mirrorDataSource(spec: PersistentVolumeClaimSpec | undefined): void {
  if (spec?.dataSource && !spec.dataSourceRef) spec.dataSourceRef = { ...spec.dataSource };
  else if (spec?.dataSourceRef && !spec.dataSource && !spec.dataSourceRef.namespace) {
    const { namespace: _namespace, ...source } = spec.dataSourceRef;
    spec.dataSource = source;
  }
}

const ALLOWED_CHANGES =
  "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";

const classOf = ({ metadata }: PersistentVolumeClaim): string | undefined => metadata?.annotations?.[CLASS_ANNOTATION];

/** Where the class was in an annotation, or nowhere, it may move into spec; tells whether this update moves it. */
function validateClass(next: PersistentVolumeClaim, old: PersistentVolumeClaim, errors: FieldError[]): boolean {
  const [name, before] = [next.spec?.storageClassName, old.spec?.storageClassName];
  const [annotation, annotated] = [classOf(next), classOf(old)];
  const moves = name !== undefined && before === undefined && (annotated === undefined || name === annotated);
  if (moves && annotated !== undefined && (annotation === undefined || annotation === annotated)) return true;
  if ((annotation ?? "") !== (annotated ?? "")) {
    const at = FieldPath.root("metadata").child("annotations").child(CLASS_ANNOTATION);
    errors.push(invalid(at, annotation ?? "", "field is immutable"));
  }
  return moves;
}

function validateChange(next: PersistentVolumeClaim, old: PersistentVolumeClaim): FieldError[] {
  const errors: FieldError[] = [];
  const after = structuredClone(next.spec ?? {});
  const before = structuredClone(old.spec ?? {});
  const oldSize = old.spec?.resources?.requests?.["storage"] ?? "0";
  // The controller binds it, once.
  if (!before.volumeName && after.volumeName) before.volumeName = after.volumeName;
  if (validateClass(next, old, errors)) delete after.storageClassName;
  if (next.status?.phase === "Bound" && after.resources?.requests) after.resources.requests["storage"] = oldSize;
  delete after.volumeAttributesClassName;
  delete before.volumeAttributesClassName;
  if (!semanticEqual(after, before))
    errors.push(forbidden(SPEC, `${ALLOWED_CHANGES}\n${describeDifference(after, before)}`));
  const size = Quantity.parse(next.spec?.resources?.requests?.["storage"] ?? "0");
  const capacity = Quantity.parse(old.status?.capacity?.["storage"] ?? "0");
  if (size.cmp(Quantity.parse(oldSize)) < 0 && size.cmp(capacity) <= 0) {
    const at = SPEC.child("resources").child("requests").child("storage");
    errors.push(forbidden(at, "field can not be less than status.capacity"));
  }
  immutable(next.spec?.volumeMode, old.spec?.volumeMode, FieldPath.root("volumeMode"), errors);
  const [attributes, had] = [next.spec?.volumeAttributesClassName, old.spec?.volumeAttributesClassName];
  if (had !== undefined && had !== attributes && !attributes) {
    const what = attributes === undefined ? "nil" : "an empty string";
    errors.push(
      forbidden(SPEC.child("volumeAttributesClassName"), `update from non-nil value to ${what} is forbidden`),
    );
  }
  return errors;
}

const RESIZES = [
  "ControllerResizeFailed",
  "ControllerResizeInProgress",
  "NodeResizeFailed",
  "NodeResizeInProgress",
  "NodeResizePending",
];

/** Of Kubernetes' own resources a claim has storage alone. */
function validateKey(name: string, at: FieldPath, errors: FieldError[]): boolean {
  const problems = isQualifiedName(name);
  for (const why of problems) errors.push(invalid(at, name, why));
  const native = !name.includes("/") || name.includes("kubernetes.io/");
  if (problems.length === 0 && native && name !== "storage") errors.push(notSupported(at, name, ["storage"]));
  return problems.length === 0 && (!native || name === "storage");
}

function validateStatus({ spec, status }: PersistentVolumeClaim): FieldError[] {
  const errors: FieldError[] = [];
  if (!spec?.accessModes?.length) errors.push(required("Spec.accessModes", ""));
  const validateAmount = (value: string, at: FieldPath): boolean => {
    const amount = Quantity.parse(value).value();
    if (amount < 0) errors.push(invalid(at, amount, "must be a valid resource quantity"));
    return amount >= 0;
  };
  for (const [name, value] of Object.entries(status?.capacity ?? {}))
    validateAmount(value, STATUS.child("capacity").key(name));
  const atResize = STATUS.child("allocatedResourceStatus");
  for (const [name, value] of Object.entries(status?.allocatedResourceStatuses ?? {})) {
    validateKey(name, atResize, errors);
    if (!RESIZES.includes(value)) errors.push(notSupported(atResize, name, RESIZES));
  }
  const atAllocated = STATUS.child("allocatedResources");
  for (const [name, value] of Object.entries(status?.allocatedResources ?? {})) {
    if (!validateKey(name, atAllocated, errors) || !validateAmount(value, atAllocated.key(name))) continue;
    if (Quantity.parse(value).cmp(Quantity.parse("0")) < 0)
      errors.push(invalid(atAllocated.key(name), value, NON_NEGATIVE));
  }
  return errors;
}

export const persistentVolumeClaimStrategy: Strategy<PersistentVolumeClaim> = {
  warnings: (claim) => claimWarnings(claim),
  defaults: defaultPersistentVolumeClaim,
  prepareForCreate(claim) {
    claim.status = { phase: "Pending" };
    dropSources(claim.spec);
    mirrorDataSource(claim.spec);
  },
  prepareForUpdate(next, old) {
    dropSources(next.spec, old.spec);
    mirrorDataSource(next.spec);
  },
  validate: (claim) => validateClaim(claim),
  validateUpdate: (next, old) => [...validateClaim(next, old), ...validateChange(next, old)],
  subresources: { status: { validateUpdate: validateStatus } },
};
