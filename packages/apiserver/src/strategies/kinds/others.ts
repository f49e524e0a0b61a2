import type { ControllerRevision } from "@knots/api/apps/v1";
import type { Lease } from "@knots/api/coordination/v1";
import type { Binding } from "@knots/api/core/v1";
import type { IPAddress, ParentReference, ServiceCIDR } from "@knots/api/networking/v1";
import type { RuntimeClass } from "@knots/api/node/v1";
import { isDNS1123Label, isDNS1123Subdomain } from "@knots/machinery";
import { FieldPath, duplicate, invalid, notSupported, required } from "../field.ts";
import type { FieldError } from "../field.ts";
import type { Strategy } from "../types.ts";
import { forEachRepeated } from "../validation/repeated.ts";
import { runtimeClassWarnings } from "../warnings/kinds.ts";
import { immutable, validateLabels } from "../validation/metadata.ts";
import { validateResourceRequirements } from "../validation/resources.ts";
import { validateTolerations } from "../validation/scheduling.ts";
import { parseRange, validateCidr, validateIp } from "../validation/addresses.ts";
import { IMMUTABLE, nameIsPathSegment, POSITIVE } from "../validation/names.ts";
import type { NameCheck } from "../validation/names.ts";
import { nonNegative } from "../validation/numbers.ts";

const SPEC = FieldPath.root("spec");

function validateLease(lease: Lease): FieldError[] {
  const errors: FieldError[] = [];
  const seconds = lease.spec?.leaseDurationSeconds;
  if (seconds !== undefined && seconds <= 0)
    errors.push(invalid(SPEC.child("leaseDurationSeconds"), seconds, POSITIVE));
  nonNegative(lease.spec?.leaseTransitions, SPEC.child("leaseTransitions"), errors);
  return errors;
}

export const leaseStrategy: Strategy<Lease> = {
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: false,
  // CoordinatedLeaderElection is off: nobody elects by these fields, and new ones are not kept.
  prepareForCreate({ spec }) {
    delete spec?.strategy;
    delete spec?.preferredHolder;
  },
  prepareForUpdate({ spec }, old) {
    if (old.spec?.strategy === undefined) delete spec?.strategy;
    if (old.spec?.preferredHolder === undefined) delete spec?.preferredHolder;
  },
  validate: validateLease,
  validateUpdate: validateLease,
};

function validateRevision(revision: ControllerRevision): FieldError[] {
  const errors: FieldError[] = [];
  if (revision.data === undefined) errors.push(required(FieldPath.root("data"), "data is mandatory"));
  nonNegative(revision.revision, FieldPath.root("revision"), errors);
  return errors;
}

export const controllerRevisionStrategy: Strategy<ControllerRevision> = {
  validate: validateRevision,
  validateUpdate(next, old) {
    const errors = validateRevision(next);
    immutable(next.data, old.data, FieldPath.root("data"), errors);
    return errors;
  },
};

function validateRuntimeClass(runtimeClass: RuntimeClass): FieldError[] {
  const errors: FieldError[] = [];
  const { handler, overhead, scheduling } = runtimeClass;
  const atHandler = FieldPath.root("handler");
  if (handler === "") errors.push(required(atHandler, ""));
  else for (const message of isDNS1123Label(handler)) errors.push(invalid(atHandler, handler, message));
  if (overhead !== undefined)
    validateResourceRequirements({ limits: overhead.podFixed ?? {} }, FieldPath.root("overhead"), errors);
  if (scheduling === undefined) return errors;
  const at = FieldPath.root("scheduling");
  validateLabels(scheduling.nodeSelector, at.child("nodeSelector"), errors);
  const { tolerations = [] } = scheduling;
  // The list is named twice, as upstream does.
  validateTolerations(tolerations, at.child("tolerations").child("tolerations"), errors);
  forEachRepeated(
    tolerations,
    ({ key, operator, value, effect, tolerationSeconds }) =>
      JSON.stringify([key || 0, operator || 0, value || 0, effect || 0, tolerationSeconds ?? ""]),
    (each, index) => errors.push(duplicate(at.child("tolerations").index(index), each)),
  );
  return errors;
}

export const runtimeClassStrategy: Strategy<RuntimeClass> = {
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: false,
  warnings: (runtimeClass) => runtimeClassWarnings(runtimeClass),
  validate: validateRuntimeClass,
  validateUpdate(next, old) {
    const errors = validateRuntimeClass(next);
    immutable(next.handler, old.handler, FieldPath.root("handler"), errors);
    return errors;
  },
};

export const bindingStrategy: Strategy<Binding> = {
  validate(binding) {
    const errors: FieldError[] = [];
    const at = FieldPath.root("target");
    if (binding.target?.kind && binding.target.kind !== "Node") {
      errors.push(notSupported(at.child("kind"), binding.target.kind, ["Node", "<empty>"]));
    }
    if (!binding.target?.name) errors.push(required(at.child("name"), ""));
    return errors;
  },
};

/** Addresses' names are addresses, of one spelling. */
export const nameIsAddress: NameCheck = (name) => {
  const errors: FieldError[] = [];
  validateIp(name, FieldPath.root("metadata"), errors);
  return errors.map(({ detail }) => detail);
};

function validateParent(parent: Partial<ParentReference> | undefined): FieldError[] {
  const at = SPEC.child("parentRef");
  if (!parent) return [required(at, "")];
  const errors: FieldError[] = [];
  const { group = "", resource = "", name = "", namespace = "" } = parent;
  if (group !== "") for (const why of isDNS1123Subdomain(group)) errors.push(invalid(at.child("group"), group, why));
  const segments = { resource, name, namespace };
  for (const [field, value] of Object.entries(segments)) {
    if (value === "" && field !== "namespace") errors.push(required(at.child(field), ""));
    else for (const why of nameIsPathSegment(value, false)) errors.push(invalid(at.child(field), value, why));
  }
  return errors;
}

export const ipAddressStrategy: Strategy<IPAddress> = {
  validate: (address) => validateParent(address.spec?.parentRef),
  validateUpdate(next, old) {
    const errors: FieldError[] = [];
    immutable(next.spec?.parentRef, old.spec?.parentRef, SPEC.child("parentRef"), errors);
    return errors;
  },
  fieldLabels: (address) => ({
    "spec.parentRef.name": address.spec?.parentRef?.name ?? "",
    "spec.parentRef.namespace": address.spec?.parentRef?.namespace ?? "",
  }),
};

function validateRanges(cidrs: readonly string[]): FieldError[] {
  const at = SPEC.child("cidrs");
  if (cidrs.length === 0) return [required(at, "at least one CIDR required")];
  // The whole spec, under the name that its field has inside upstream.
  const shown = { CIDRs: cidrs };
  if (cidrs.length > 2) return [invalid(at, shown, "may only hold up to 2 values")];
  const families = new Set(cidrs.map((cidr) => parseRange(cidr)?.address.family));
  if (cidrs.length === 2 && (families.size < 2 || families.has(undefined))) {
    const detail = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64";
    return [invalid(at, shown, detail)];
  }
  const errors: FieldError[] = [];
  for (const [index, cidr] of cidrs.entries()) validateCidr(cidr, at.index(index), errors);
  return errors;
}

export const serviceCIDRStrategy: Strategy<ServiceCIDR> = {
  validate: ({ spec }) => validateRanges(spec?.cidrs ?? []),
  /** A range of the other family may come; nothing else changes. */
  validateUpdate(next, old) {
    const errors: FieldError[] = [];
    const at = SPEC.child("cidrs");
    const [after, before] = [next, old].map(({ spec }) => spec?.cidrs ?? []) as [string[], string[]];
    const grows = before.length === 1 && after.length === 2;
    if (after.length !== before.length && !grows) return [invalid(at, after, IMMUTABLE)];
    before.forEach((cidr, index) => immutable(after[index], cidr, at.index(index), errors));
    return grows ? [...errors, ...validateRanges(after)] : errors;
  },
};
