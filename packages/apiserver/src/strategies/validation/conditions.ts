// metav1.Condition as upstream validates lists of it (apimachinery/pkg/apis/meta/v1/validation: ValidateConditions).
import type { Condition } from "@knots/api/meta/v1";
import type { FieldError, FieldPath } from "../field.ts";
import { duplicate, invalid, notSupported, required, tooLong } from "../field.ts";
import { validateLabelName } from "./scheduling.ts";

const STATUSES = ["False", "True", "Unknown"];
const MAX_REASON = 1024;
const MAX_MESSAGE = 32 * 1024;
const REASON = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?";
const REASON_PATTERN = new RegExp(`^${REASON}$`);
const BAD_REASON = `a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '${REASON}')`;

export function validateConditions(
  conditions: readonly Partial<Condition>[] = [],
  path: FieldPath,
  errors: FieldError[],
): void {
  const types = new Set<string>();
  for (const [index, condition] of conditions.entries()) {
    const at = path.index(index);
    const { type = "" } = condition;
    if (types.has(type)) errors.push(duplicate(at.child("type"), type));
    types.add(type);
    validateCondition(condition, at, errors);
  }
}

function validateCondition(condition: Partial<Condition>, path: FieldPath, errors: FieldError[]): void {
  const { type = "", status = "", observedGeneration = 0, lastTransitionTime, reason = "", message = "" } = condition;
  validateLabelName(type, path.child("type"), errors);
  if (!STATUSES.includes(status)) errors.push(notSupported(path.child("status"), status, STATUSES));
  if (observedGeneration < 0)
    errors.push(invalid(path.child("observedGeneration"), observedGeneration, "must be greater than or equal to zero"));
  if (!lastTransitionTime) errors.push(required(path.child("lastTransitionTime"), "must be set"));
  const at = path.child("reason");
  if (reason === "") errors.push(required(at, "must be set"));
  else {
    if (!REASON_PATTERN.test(reason)) errors.push(invalid(at, reason, BAD_REASON));
    if (reason.length > MAX_REASON) errors.push(tooLong(at, reason, MAX_REASON));
  }
  if (Buffer.byteLength(message) > MAX_MESSAGE) errors.push(tooLong(path.child("message"), message, MAX_MESSAGE));
}
