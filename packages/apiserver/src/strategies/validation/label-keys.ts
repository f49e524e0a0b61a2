import type { LabelSelector } from "@knots/api/meta/v1";
import { isQualifiedName } from "@knots/machinery";
import type { FieldError, FieldPath } from "../field.ts";
import { forbidden, invalid } from "../field.ts";

/** A term of a pod's affinity, or a constraint of its spreading. */
export interface LabelKeys {
  readonly labelSelector?: LabelSelector;
  readonly matchLabelKeys?: readonly string[];
  readonly mismatchLabelKeys?: readonly string[];
}

/**
 * Keys are names of labels, beside a selector. That of a pod has their requirements already, so a second requirement on
 * the same key is one that the user wrote: nothing is left to choose beside an exact value. What mismatchLabelKeys
 * exclude may be narrowed further. (Upstream: validateMatchLabelKeysAndMismatchLabelKeys; KEP-3633, KEP-3243.)
 */
export function validateLabelKeys(
  { labelSelector, matchLabelKeys, mismatchLabelKeys }: LabelKeys,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (matchLabelKeys === undefined && mismatchLabelKeys === undefined) return;
  validateNames(matchLabelKeys, labelSelector, path.child("matchLabelKeys"), errors);
  validateNames(mismatchLabelKeys, labelSelector, path.child("mismatchLabelKeys"), errors);
  if (matchLabelKeys === undefined) return;
  const seen = new Set(Object.keys(labelSelector?.matchLabels ?? {}));
  const places = new Map(matchLabelKeys.map((key, index) => [key, index]));
  for (const { key } of labelSelector?.matchExpressions ?? []) {
    const index = places.get(key) ?? -1;
    // Upstream's path lacks the name of the field.
    if (index >= 0 && seen.has(key))
      errors.push(invalid(path.index(index), key, "exists in both matchLabelKeys and labelSelector"));
    seen.add(key);
  }
  const mismatched = new Set(mismatchLabelKeys);
  matchLabelKeys.forEach((key, index) => {
    if (!mismatched.has(key)) return;
    const why = "exists in both matchLabelKeys and mismatchLabelKeys";
    errors.push(invalid(path.child("matchLabelKeys").index(index), key, why));
  });
}

function validateNames(
  keys: readonly string[] | undefined,
  selector: LabelSelector | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (keys === undefined || keys.length === 0) return;
  if (selector === undefined) {
    errors.push(forbidden(path, "must not be specified when labelSelector is not set"));
    return;
  }
  keys.forEach((key, index) => {
    for (const message of isQualifiedName(key)) errors.push(invalid(path.index(index), key, message));
  });
}
