import type { LabelSelector } from "@knots/api/meta/v1";
import { isQualifiedName, isValidLabelValue } from "@knots/machinery";
import type { FieldError } from "../field.ts";
import { FieldPath, forbidden, invalid, required } from "../field.ts";
import { validateLabels } from "./metadata.ts";

export function validateLabelSelector(
  selector: LabelSelector | undefined,
  path: FieldPath,
  errors: FieldError[],
  { anyValues = false }: { /** Values that no label can have were let in before. */ readonly anyValues?: boolean } = {},
): void {
  if (!selector) return;
  validateLabels(selector.matchLabels, path.child("matchLabels"), errors);
  selector.matchExpressions?.forEach((requirement, index) => {
    const at = path.child("matchExpressions").index(index);
    const values = requirement.values ?? [];
    if (requirement.operator === "In" || requirement.operator === "NotIn") {
      if (values.length === 0) {
        errors.push(required(at.child("values"), "must be specified when `operator` is 'In' or 'NotIn'"));
      }
    } else if (requirement.operator === "Exists" || requirement.operator === "DoesNotExist") {
      if (values.length > 0) {
        errors.push(
          forbidden(at.child("values"), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
        );
      }
    } else errors.push(invalid(at.child("operator"), requirement.operator, "not a valid selector operator"));
    for (const message of isQualifiedName(requirement.key))
      errors.push(invalid(at.child("key"), requirement.key, message));
    if (anyValues) return;
    values.forEach((value, valueIndex) => {
      for (const message of isValidLabelValue(value)) {
        errors.push(invalid(at.child("values").index(valueIndex), value, message));
      }
    });
  });
}

/** Whether a selector has no requirement at all: it then matches everything. */
export const isEmptySelector = (selector: LabelSelector): boolean =>
  Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length === 0;

/** Whether everything in a selector is as it should be; none at all is. */
export function isSound(selector: LabelSelector | undefined): boolean {
  const errors: FieldError[] = [];
  validateLabelSelector(selector, FieldPath.root("selector"), errors);
  return errors.length === 0;
}
