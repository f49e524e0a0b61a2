import type {
  Affinity,
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinityTerm,
  Toleration,
} from "@knots/api/core/v1";
import { isDNS1123Label, isQualifiedName, isValidLabelValue } from "@knots/machinery";
import type { FieldError, FieldPath } from "../field.ts";
import { forbidden, invalid, notSupported, required } from "../field.ts";
import { semanticEqual } from "../equality.ts";
import { validateLabelKeys } from "./label-keys.ts";
import { validateLabelSelector } from "./label-selector.ts";
import { nameIsDNSSubdomain } from "./names.ts";

export const TAINT_EFFECTS = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

export function validateLabelName(name: string, path: FieldPath, errors: FieldError[]): void {
  for (const message of isQualifiedName(name)) errors.push(invalid(path, name, message));
}

export function validateTolerations(
  tolerations: readonly Toleration[] | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  tolerations?.forEach((toleration, index) => {
    const at = path.index(index);
    const operator = toleration.operator ?? "";
    if (toleration.key) validateLabelName(toleration.key, at.child("key"), errors);
    else if (operator !== "Exists") {
      const why = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
      errors.push(invalid(at.child("operator"), operator, why));
    }
    if (toleration.tolerationSeconds !== undefined && toleration.effect !== "NoExecute") {
      const why = "effect must be 'NoExecute' when `tolerationSeconds` is set";
      errors.push(invalid(at.child("effect"), toleration.effect ?? "", why));
    }
    if (operator === "" || operator === "Equal") {
      const messages = isValidLabelValue(toleration.value ?? "");
      if (messages.length > 0) errors.push(invalid(at.child("operator"), toleration.value ?? "", messages.join(";")));
    } else if (operator === "Exists") {
      if (toleration.value) {
        errors.push(invalid(at.child("operator"), toleration, "value must be empty when `operator` is 'Exists'"));
      }
    } else errors.push(notSupported(at.child("operator"), operator, ["Equal", "Exists"]));
    if (toleration.effect && !TAINT_EFFECTS.includes(toleration.effect)) {
      errors.push(notSupported(at.child("effect"), toleration.effect, TAINT_EFFECTS));
    }
  });
}

/** A running pod's tolerations only grow; tolerationSeconds may change. */
export function validateOnlyAddedTolerations(
  next: readonly Toleration[],
  old: readonly Toleration[],
  path: FieldPath,
  errors: FieldError[],
): void {
  const bare = ({ tolerationSeconds: _seconds, ...rest }: Toleration): Toleration => rest;
  if (old.some((each) => !next.some((other) => semanticEqual(bare(each), bare(other))))) {
    errors.push(forbidden(path, "existing toleration can not be modified except its tolerationSeconds"));
    return;
  }
  validateTolerations(next, path, errors);
}

export function validateAffinity(affinity: Affinity | undefined, path: FieldPath, errors: FieldError[]): void {
  const node = affinity?.nodeAffinity;
  const nodePath = path.child("nodeAffinity");
  const REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution";
  const PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution";
  if (node?.[REQUIRED]) validateNodeSelector(node[REQUIRED], nodePath.child(REQUIRED), errors);
  node?.[PREFERRED]?.forEach((term, index) => {
    const at = nodePath.child(PREFERRED).index(index);
    validateWeight(term.weight, at, errors);
    validateNodeSelectorTerm(term.preference, at.child("preference"), errors);
  });
  for (const name of ["podAffinity", "podAntiAffinity"] as const) {
    const pods = affinity?.[name];
    pods?.[REQUIRED]?.forEach((term, index) =>
      validatePodAffinityTerm(term, path.child(name).child(REQUIRED).index(index), errors),
    );
    pods?.[PREFERRED]?.forEach((term, index) => {
      const at = path.child(name).child(PREFERRED).index(index);
      validateWeight(term.weight, at, errors);
      validatePodAffinityTerm(term.podAffinityTerm, at.child("podAffinityTerm"), errors);
    });
  }
}

function validateWeight(weight: number, path: FieldPath, errors: FieldError[]): void {
  if (weight <= 0 || weight > 100) errors.push(invalid(path.child("weight"), weight, "must be in the range 1-100"));
}

function validatePodAffinityTerm(term: PodAffinityTerm, path: FieldPath, errors: FieldError[]): void {
  validateLabelSelector(term.labelSelector, path.child("labelSelector"), errors);
  validateLabelSelector(term.namespaceSelector, path.child("namespaceSelector"), errors);
  term.namespaces?.forEach((namespace) => {
    for (const message of isDNS1123Label(namespace)) errors.push(invalid(path.child("namespace"), namespace, message));
  });
  validateLabelKeys(term, path, errors);
  if (!term.topologyKey) errors.push(required(path.child("topologyKey"), "can not be empty"));
  validateLabelName(term.topologyKey, path.child("topologyKey"), errors);
}

export function validateNodeSelector(selector: NodeSelector, path: FieldPath, errors: FieldError[]): void {
  const terms = selector.nodeSelectorTerms ?? [];
  const at = path.child("nodeSelectorTerms");
  if (terms.length === 0) errors.push(required(at, "must have at least one node selector term"));
  terms.forEach((term, index) => validateNodeSelectorTerm(term, at.index(index), errors));
}

function validateNodeSelectorTerm(term: NodeSelectorTerm, path: FieldPath, errors: FieldError[]): void {
  term.matchExpressions?.forEach((requirement, index) =>
    validateNodeRequirement(requirement, path.child("matchExpressions").index(index), errors),
  );
  term.matchFields?.forEach((requirement, index) => {
    const at = path.child("matchFields").index(index);
    if (requirement.operator !== "In" && requirement.operator !== "NotIn") {
      errors.push(invalid(at.child("operator"), requirement.operator, "not a valid selector operator"));
    } else if (requirement.values?.length !== 1) {
      const why = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
      errors.push(required(at.child("values"), why));
    }
    if (requirement.key !== "metadata.name") {
      errors.push(invalid(at.child("key"), requirement.key, "not a valid field selector key"));
    } else {
      requirement.values?.forEach((value, valueIndex) => {
        for (const message of nameIsDNSSubdomain(value, false)) {
          errors.push(invalid(at.child("values").index(valueIndex), value, message));
        }
      });
    }
  });
}

function validateNodeRequirement(requirement: NodeSelectorRequirement, path: FieldPath, errors: FieldError[]): void {
  const values = requirement.values ?? [];
  const at = path.child("values");
  switch (requirement.operator) {
    case "In":
    case "NotIn":
      if (values.length === 0) errors.push(required(at, "must be specified when `operator` is 'In' or 'NotIn'"));
      break;
    case "Exists":
    case "DoesNotExist":
      if (values.length > 0)
        errors.push(forbidden(at, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
      break;
    case "Gt":
    case "Lt":
      if (values.length !== 1)
        errors.push(required(at, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
      break;
    default:
      errors.push(invalid(path.child("operator"), requirement.operator, "not a valid selector operator"));
  }
  validateLabelName(requirement.key, path.child("key"), errors);
}
