import { addAll } from "@knots/machinery";
import type { TopologySpreadConstraint } from "@knots/api/core/v1";
import type { FieldError, FieldPath } from "../field.ts";
import { duplicate, invalid, notSupported, required } from "../field.ts";
import { validateLabelKeys } from "./label-keys.ts";
import { validateLabelSelector } from "./label-selector.ts";
import { GREATER_THAN_ZERO } from "./names.ts";

const ACTIONS = ["DoNotSchedule", "ScheduleAnyway"];
const NODE_POLICIES = ["Honor", "Ignore"];

/** `old` is what is stored, of an update of a pod: label keys and selectors that were wrong then may stay. */
export function validateTopologySpread(
  constraints: readonly TopologySpreadConstraint[] | undefined,
  path: FieldPath,
  errors: FieldError[],
  old?: readonly TopologySpreadConstraint[],
): void {
  if (constraints === undefined) return;
  // Where each pair of key and action stands last: those before it are repeated.
  const last =
    constraints.length < 2
      ? undefined
      : new Map(constraints.map((each, index) => [`${each.topologyKey} ${each.whenUnsatisfiable}`, index]));
  constraints.forEach((constraint, index) => {
    const { maxSkew, topologyKey, whenUnsatisfiable, minDomains } = constraint;
    const at = path.index(index);
    if (maxSkew <= 0) errors.push(invalid(at.child("maxSkew"), maxSkew, GREATER_THAN_ZERO));
    if (!topologyKey) errors.push(required(at.child("topologyKey"), "can not be empty"));
    if (!ACTIONS.includes(whenUnsatisfiable))
      errors.push(notSupported(at.child("whenUnsatisfiable"), whenUnsatisfiable, ACTIONS));
    if ((last?.get(`${topologyKey} ${whenUnsatisfiable}`) ?? index) > index)
      errors.push(duplicate(at.child("{topologyKey, whenUnsatisfiable}"), `{${topologyKey}, ${whenUnsatisfiable}}`));
    if (minDomains !== undefined) {
      if (minDomains <= 0) errors.push(invalid(at.child("minDomains"), minDomains, GREATER_THAN_ZERO));
      if (whenUnsatisfiable !== "DoNotSchedule") {
        const why = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`;
        errors.push(invalid(at.child("minDomains"), minDomains, why));
      }
    }
    for (const field of ["nodeAffinityPolicy", "nodeTaintsPolicy"] as const) {
      const policy = constraint[field];
      if (policy !== undefined && !NODE_POLICIES.includes(policy))
        errors.push(notSupported(at.child(field), policy, NODE_POLICIES));
    }
    unlessWrongBefore(validateLabelKeys, constraint, at, errors, old);
    unlessWrongBefore(validateSelector, constraint, at, errors, old);
  });
}

type Check = (constraint: TopologySpreadConstraint, path: FieldPath, errors: FieldError[]) => void;

const validateSelector: Check = ({ labelSelector }, path, errors) =>
  validateLabelSelector(labelSelector, path.child("labelSelector"), errors);

function unlessWrongBefore(
  check: Check,
  constraint: TopologySpreadConstraint,
  path: FieldPath,
  errors: FieldError[],
  old: readonly TopologySpreadConstraint[] = [],
): void {
  const found: FieldError[] = [];
  check(constraint, path, found);
  if (found.length === 0) return;
  const before: FieldError[] = [];
  for (const each of old) check(each, path, before);
  if (before.length === 0) addAll(errors, found);
}
