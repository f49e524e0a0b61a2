import type { Node, Taint } from "@knots/api/core/v1";
import { isValidLabelValue } from "@knots/machinery";
import { defaultNode } from "../defaults/services.ts";
import { semanticEqual } from "../equality.ts";
import { FieldPath, duplicate, forbidden, invalid, notSupported, required } from "../field.ts";
import type { FieldError } from "../field.ts";
import type { Strategy } from "../types.ts";
import { forEachRepeated } from "../validation/repeated.ts";
import { parseRange, validateLegacyCidr } from "../validation/addresses.ts";
import { validateAmount } from "../validation/resource-names.ts";
import { TAINT_EFFECTS, validateLabelName } from "../validation/scheduling.ts";
import { nodeWarnings } from "../warnings/kinds.ts";

const SPEC = FieldPath.root("spec");
const STATUS = FieldPath.root("status");
/** Upstream names them so, though they are in spec. */
const TAINTS = FieldPath.root("metadata").child("taints");

function validateTaints(taints: readonly Taint[] = [], errors: FieldError[]): void {
  const seen = new Set<string>();
  taints.forEach((taint, index) => {
    const at = TAINTS.index(index);
    const { key, value = "", effect } = taint;
    validateLabelName(key, at.child("key"), errors);
    const problems = isValidLabelValue(value);
    if (problems.length > 0) errors.push(invalid(at.child("value"), value, problems.join(";")));
    if (!effect) errors.push(required(at.child("effect"), ""));
    else if (!TAINT_EFFECTS.includes(effect)) errors.push(notSupported(at.child("effect"), effect, TAINT_EFFECTS));
    const pair = `${key}:${effect}`;
    if (seen.has(pair)) {
      const unique = duplicate(at, taint);
      errors.push({ ...unique, detail: "taints must be unique by key and effect pair" });
    }
    seen.add(pair);
  });
}

function validateAmounts({ status }: Node, errors: FieldError[]): void {
  for (const field of ["capacity", "allocatable"] as const)
    for (const [name, value] of Object.entries(status?.[field] ?? {}))
      validateAmount(name, value, STATUS.child(field).child(name), errors);
}

function validateRanges({ spec }: Node, old: Node | undefined, errors: FieldError[]): void {
  const at = SPEC.child("podCIDRs");
  const cidrs = spec?.podCIDRs ?? [];
  const known = new Set(old?.spec?.podCIDRs);
  cidrs.forEach((cidr, index) => validateLegacyCidr(cidr, at.index(index), errors, known));
  if (cidrs.length < 2) return;
  const families = new Set(cidrs.map((cidr) => parseRange(cidr)?.address.family));
  if (families.size < 2 || families.has(undefined) || cidrs.length > 2)
    errors.push(invalid(at, cidrs, "may specify no more than one CIDR for each IP family"));
  forEachRepeated(
    cidrs,
    (cidr) => cidr,
    (cidr, index) => errors.push(duplicate(at.index(index), cidr)),
  );
}

function validateNode(node: Node, old?: Node): FieldError[] {
  const errors: FieldError[] = [];
  validateTaints(node.spec?.taints, errors);
  validateAmounts(node, errors);
  validateRanges(node, old, errors);
  return errors;
}

/** Of /status too; upstream looks at amounts and taints of an update of the node itself twice, and tells of them twice. */
function validateChange(next: Node, old: Node): FieldError[] {
  const errors: FieldError[] = [];
  validateAmounts(next, errors);
  const addresses = new Set<string>();
  next.status?.addresses?.forEach((address, index) => {
    const key = `${address.type} ${address.address}`;
    if (addresses.has(key)) errors.push(duplicate(STATUS.child("addresses").index(index), address));
    addresses.add(key);
  });
  const fixed = (field: string, name: string): void => {
    const why = `node updates may not change ${name} except from "" to valid`;
    errors.push(forbidden(SPEC.child(field), why));
  };
  const [cidrs, had] = [next.spec?.podCIDRs ?? [], old.spec?.podCIDRs ?? []];
  if (had.length > 0 && had.length !== cidrs.length) fixed("podCIDRs", "podCIDR");
  else had.forEach((cidr, index) => (cidr === cidrs[index] ? undefined : fixed("podCIDRs", "podCIDR")));
  if (old.spec?.providerID && old.spec.providerID !== next.spec?.providerID) fixed("providerID", "providerID");
  validateTaints(next.spec?.taints, errors);
  if ((next.spec?.externalID ?? "") !== (old.spec?.externalID ?? ""))
    errors.push(forbidden(SPEC.child("externalID"), "may not be updated"));
  return errors;
}

/** podCIDR is the first of podCIDRs; either may be written. */
function mirrorPodCIDRs(node: Node): void {
  const spec = node.spec;
  if (!spec) return;
  if (spec.podCIDR && !spec.podCIDRs?.length) spec.podCIDRs = [spec.podCIDR];
  else if (spec.podCIDRs?.length) spec.podCIDR ||= spec.podCIDRs[0] ?? "";
}

/** No kubelet is configured through the API any more: what nodes do not have of that already, they do not get. */
function dropConfiguration(next: Node, old?: Node): void {
  if (old?.spec?.configSource === undefined) delete next.spec?.configSource;
  if (old?.status?.config === undefined && next.status?.config !== undefined) {
    const { config: _config, ...rest } = next.status;
    next.status = rest;
  }
}

export const nodeStrategy: Strategy<Node> = {
  warnings: (node) => nodeWarnings(node),
  allowCreateOnUpdate: false,
  defaults(node) {
    defaultNode(node);
    mirrorPodCIDRs(node);
  },
  prepareForCreate: (node) => dropConfiguration(node),
  prepareForUpdate: dropConfiguration,
  validate: (node) => validateNode(node),
  validateUpdate: (next, old) => [...validateNode(next, old), ...validateChange(next, old)],
  fieldLabels: (node) => ({ "spec.unschedulable": String(node.spec?.unschedulable ?? false) }),
  subresources: {
    status: {
      prepareForUpdate: dropConfiguration,
      // Heartbeats change conditions alone.
      validateUpdate: (next, old) =>
        semanticEqual(next.status?.capacity, old.status?.capacity) &&
        semanticEqual(next.status?.allocatable, old.status?.allocatable) &&
        semanticEqual(next.status?.addresses, old.status?.addresses)
          ? []
          : validateChange(next, old),
    },
  },
};
