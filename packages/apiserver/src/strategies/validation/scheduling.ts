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
import { validateLabelKeys } from "./label-keys.ts";
import { validateLabelSelector } from "./label-selector.ts";
import { invalidFor, nameIsDNSSubdomain } from "./names.ts";

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
        errors.push(invalid(at.child("operator"), toleration.value, "value must be empty when `operator` is 'Exists'"));
      }
    } else {
      // TaintTolerationComparisonOperators is off; but upstream names them to who asks for them.
      const supported = operator === "Lt" || operator === "Gt" ? ["Equal", "Exists", "Lt", "Gt"] : ["Equal", "Exists"];
      errors.push(notSupported(at.child("operator"), operator, supported));
    }
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
  const kept = new Set(next.map(withoutSeconds));
  if (old.some((each) => !kept.has(withoutSeconds(each)))) {
    errors.push(forbidden(path, "existing toleration can not be modified except its tolerationSeconds"));
    return;
  }
  validateTolerations(next, path, errors);
}

const withoutSeconds = ({ key = "", operator = "", value = "", effect = "" }: Toleration): string =>
  JSON.stringify([key, operator, value, effect]);

const REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution";

/** `old` is that of the stored pod, of an update: values that no label can have may stay where there are such. */
export function validateAffinity(
  affinity: Affinity | undefined,
  path: FieldPath,
  errors: FieldError[],
  old?: Affinity,
): void {
  if (affinity === undefined) return;
  const node = affinity.nodeAffinity;
  const nodePath = path.child("nodeAffinity");
  if (node?.[REQUIRED]) {
    const anyValues = hasImpossibleValues(old?.nodeAffinity?.[REQUIRED]);
    validateNodeSelector(node[REQUIRED], nodePath.child(REQUIRED), errors, anyValues);
  }
  node?.[PREFERRED]?.forEach((term, index) => {
    const at = nodePath.child(PREFERRED).index(index);
    validateWeight(term.weight, at, errors);
    // A preference for what cannot be hurts nobody.
    validateNodeSelectorTerm(term.preference, at.child("preference"), errors, true);
  });
  const anyValues = old !== undefined && hasWrongSelectors(old, path);
  for (const name of KINDS) {
    const pods = affinity[name];
    pods?.[REQUIRED]?.forEach((term, index) =>
      validatePodAffinityTerm(term, path.child(name).child(REQUIRED).index(index), errors, anyValues),
    );
    pods?.[PREFERRED]?.forEach((term, index) => {
      const at = path.child(name).child(PREFERRED).index(index);
      validateWeight(term.weight, at, errors);
      validatePodAffinityTerm(term.podAffinityTerm, at.child("podAffinityTerm"), errors, anyValues);
    });
  }
}

const KINDS = ["podAffinity", "podAntiAffinity"] as const;

function hasWrongSelectors(affinity: Affinity, path: FieldPath): boolean {
  const errors: FieldError[] = [];
  const check = ({ labelSelector, namespaceSelector }: PodAffinityTerm): void => {
    validateLabelSelector(labelSelector, path, errors);
    validateLabelSelector(namespaceSelector, path, errors);
  };
  for (const name of KINDS) {
    affinity[name]?.[REQUIRED]?.forEach(check);
    affinity[name]?.[PREFERRED]?.forEach(({ podAffinityTerm }) => check(podAffinityTerm));
  }
  return errors.length > 0;
}

/** Whether a stored selector asks for values that no label can have: it may go on asking. */
export const hasImpossibleValues = (selector: NodeSelector | undefined): boolean =>
  selector?.nodeSelectorTerms?.some(({ matchExpressions = [] }) =>
    matchExpressions.some(({ values = [] }) => values.some((value) => isValidLabelValue(value).length > 0)),
  ) === true;

function validateWeight(weight: number, path: FieldPath, errors: FieldError[]): void {
  if (weight <= 0 || weight > 100) errors.push(invalid(path.child("weight"), weight, "must be in the range 1-100"));
}

function validatePodAffinityTerm(
  term: PodAffinityTerm,
  path: FieldPath,
  errors: FieldError[],
  anyValues: boolean,
): void {
  validateLabelSelector(term.labelSelector, path.child("labelSelector"), errors, { anyValues });
  validateLabelSelector(term.namespaceSelector, path.child("namespaceSelector"), errors, { anyValues });
  term.namespaces?.forEach((namespace) => {
    for (const message of isDNS1123Label(namespace)) errors.push(invalid(path.child("namespace"), namespace, message));
  });
  validateLabelKeys(term, path, errors);
  if (!term.topologyKey) errors.push(required(path.child("topologyKey"), "can not be empty"));
  validateLabelName(term.topologyKey, path.child("topologyKey"), errors);
}

/** `anyValues`: values need not be such as labels can have. */
export function validateNodeSelector(
  selector: NodeSelector,
  path: FieldPath,
  errors: FieldError[],
  anyValues = false,
): void {
  const terms = selector.nodeSelectorTerms ?? [];
  const at = path.child("nodeSelectorTerms");
  if (terms.length === 0) errors.push(required(at, "must have at least one node selector term"));
  terms.forEach((term, index) => validateNodeSelectorTerm(term, at.index(index), errors, anyValues));
}

function validateNodeSelectorTerm(
  term: NodeSelectorTerm,
  path: FieldPath,
  errors: FieldError[],
  anyValues: boolean,
): void {
  term.matchExpressions?.forEach((requirement, index) =>
    validateNodeRequirement(requirement, path.child("matchExpressions").index(index), errors, anyValues),
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

function validateNodeRequirement(
  requirement: NodeSelectorRequirement,
  path: FieldPath,
  errors: FieldError[],
  anyValues: boolean,
): void {
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
  if (!anyValues)
    values.forEach((value, index) => invalidFor(isValidLabelValue(value), value, at.index(index), errors));
}
