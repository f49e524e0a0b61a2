// Which containers come back after which exits (KEP-753, KEP-5307, KEP-5532).
import type { Container, ContainerRestartRule } from "@knots/api/core/v1";
import type { FieldError, FieldPath } from "../field.ts";
import { notSupported, required, tooMany } from "../field.ts";

const POLICIES = ["Always", "Never", "OnFailure"];
const ACTIONS = ["Restart", "RestartAllContainers"];
const OPERATORS = ["In", "NotIn"];
const NEEDS_POLICY = "must specify restartPolicy when restart rules are used";
const MAX_RULES = 20;
const MAX_EXIT_CODES = 255;

/** Of an init container, whose rules are not looked at where there is no policy. */
export function validateInitRestarts(container: Container, path: FieldPath, errors: FieldError[]): void {
  const { restartPolicy, restartPolicyRules = [] } = container;
  if (restartPolicy !== undefined) validateRestarts(container, path, errors);
  else if (restartPolicyRules.length > 0) errors.push(required(path.child("restartPolicy"), NEEDS_POLICY));
}

/** A container's own policy and rules; `path` is that of the container. */
export function validateRestarts(
  { restartPolicy, restartPolicyRules = [] }: Container,
  path: FieldPath,
  errors: FieldError[],
): void {
  const at = path.child("restartPolicy");
  if (restartPolicy === undefined) {
    if (restartPolicyRules.length > 0) errors.push(required(at, NEEDS_POLICY));
  } else if (!POLICIES.includes(restartPolicy)) errors.push(notSupported(at, restartPolicy, POLICIES));
  const rules = path.child("restartPolicyRules");
  if (restartPolicyRules.length > MAX_RULES) errors.push(tooMany(rules, restartPolicyRules.length, MAX_RULES));
  restartPolicyRules.forEach((rule, index) => validateRule(rule, rules.index(index), errors));
}

function validateRule({ action, exitCodes }: ContainerRestartRule, path: FieldPath, errors: FieldError[]): void {
  if (!ACTIONS.includes(action)) errors.push(notSupported(path.child("action"), action, ACTIONS));
  const at = path.child("exitCodes");
  if (exitCodes === undefined) return void errors.push(required(at, "must be specified"));
  const { operator, values = [] } = exitCodes;
  if (!OPERATORS.includes(operator)) errors.push(notSupported(at.child("operator"), operator, OPERATORS));
  if (values.length > MAX_EXIT_CODES) errors.push(tooMany(at.child("values"), values.length, MAX_EXIT_CODES));
}
