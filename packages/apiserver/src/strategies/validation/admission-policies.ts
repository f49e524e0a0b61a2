import type {
  MatchResources,
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  ParamKind,
  ParamRef,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  Validation,
  Variable,
} from "@knots/api/admissionregistration/v1";
import { isQualifiedName } from "@knots/machinery";
import { compileExpression } from "../../admission/policies/compile.ts";
import { policyEnvironment } from "../../admission/policies/environment.ts";
import { validateMatchConditions } from "../../admission/policies/match-conditions.ts";
import { OBJECT, PATCHES } from "../../admission/policies/mutating-policy.ts";
import { compileVariables } from "../../admission/policies/policy-variables.ts";
import { types } from "@knots/cel";
import type { CelType, Environment } from "@knots/cel";
import { FieldPath, forbidden, invalid, required } from "../field.ts";
import type { FieldError } from "../field.ts";
import { validateLabelSelector } from "./label-selector.ts";
import { oneOf } from "./numbers.ts";
import { validateWebhookRules } from "./webhooks.ts";

const SPEC = FieldPath.root("spec");
const { BOOL, NULL, STRING } = types;
const REASONS = ["Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized"];
const MAX_ANNOTATIONS = 20;

function checkExpression(
  expression: string | undefined,
  env: Environment,
  at: FieldPath,
  errors: FieldError[],
  ...results: readonly CelType[]
): void {
  if (expression === undefined || expression.trim() === "") {
    errors.push(required(at, "expression is not specified"));
    return;
  }
  const program = compileExpression(expression, env, ...results);
  if (typeof program === "string") errors.push(invalid(at, expression, program));
}

/** What both kinds of policies say; gives the environments of their expressions and of their messages. */
function checkCommon(
  spec: NonNullable<ValidatingAdmissionPolicy["spec"] | MutatingAdmissionPolicy["spec"]>,
  mutates: boolean,
  errors: FieldError[],
): { expressions: Environment; messages: Environment } {
  oneOf(spec.failurePolicy, ["Fail", "Ignore"], SPEC.child("failurePolicy"), errors);
  checkParamKind(spec.paramKind, SPEC.child("paramKind"), errors);
  if (spec.matchConstraints === undefined) errors.push(required(SPEC.child("matchConstraints"), ""));
  else checkMatch(spec.matchConstraints, SPEC.child("matchConstraints"), true, errors);
  const params = spec.paramKind !== undefined;
  const base = policyEnvironment({ params, mutates });
  errors.push(...validateMatchConditions(spec.matchConditions, SPEC.child("matchConditions"), base));
  const { compiled, env } = compileVariables(spec.variables, base);
  spec.variables?.forEach((variable, i) =>
    checkVariable(variable, compiled[i]?.program, spec.variables ?? [], i, errors),
  );
  const messages = compileVariables(spec.variables, policyEnvironment({ params, mutates, authorizer: false })).env;
  return { expressions: env, messages };
}

function checkVariable(
  { name, expression }: Variable,
  program: unknown,
  all: readonly Variable[],
  index: number,
  errors: FieldError[],
): void {
  const at = SPEC.child("variables").index(index);
  if (name === "") errors.push(required(at.child("name"), "name is not specified"));
  else if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    errors.push(invalid(at.child("name"), name, "name is not a valid CEL identifier"));
  } else if (all.findIndex((each) => each.name === name) < index) {
    errors.push({ type: "FieldValueDuplicate", field: at.child("name").toString(), badValue: name, detail: "" });
  }
  if (expression.trim() === "") errors.push(required(at.child("expression"), "expression is not specified"));
  else if (typeof program === "string") errors.push(invalid(at.child("expression"), expression, program));
}

function checkParamKind(paramKind: ParamKind | undefined, at: FieldPath, errors: FieldError[]): void {
  if (paramKind === undefined) return;
  const { apiVersion = "", kind = "" } = paramKind;
  if (apiVersion === "") errors.push(required(at.child("apiVersion"), ""));
  else if (apiVersion.split("/").length > 2) {
    errors.push(invalid(at.child("apiVersion"), apiVersion, `unexpected GroupVersion string: ${apiVersion}`));
  }
  if (kind === "") errors.push(required(at.child("kind"), ""));
}

function checkMatch(match: MatchResources, at: FieldPath, needsRules: boolean, errors: FieldError[]): void {
  oneOf(match.matchPolicy ?? "Equivalent", ["Equivalent", "Exact"], at.child("matchPolicy"), errors);
  validateLabelSelector(match.namespaceSelector, at.child("namespaceSelector"), errors);
  validateLabelSelector(match.objectSelector, at.child("objectSelector"), errors);
  if (needsRules && (match.resourceRules ?? []).length === 0) errors.push(required(at.child("resourceRules"), ""));
  validateWebhookRules(match.resourceRules, at.child("resourceRules"), errors);
  validateWebhookRules(match.excludeResourceRules, at.child("excludeResourceRules"), errors);
}

function checkValidation(
  validation: Validation,
  env: { expressions: Environment; messages: Environment },
  at: FieldPath,
  errors: FieldError[],
): void {
  const { expression, message = "", messageExpression = "", reason } = validation;
  checkExpression(expression, env.expressions, at.child("expression"), errors, BOOL);
  if (messageExpression !== "") {
    checkExpression(messageExpression, env.messages, at.child("messageExpression"), errors, STRING);
  }
  const text = message.trim();
  if (message !== "" && text === "") {
    errors.push(invalid(at.child("message"), message, "message must be non-empty if specified"));
  } else if (text.includes("\n")) {
    errors.push(invalid(at.child("message"), message, "message must not contain line breaks"));
  } else if (expression.trim().includes("\n") && text === "") {
    errors.push(required(at.child("message"), "message must be specified if expression contains line breaks"));
  }
  if (reason !== undefined) oneOf(reason, REASONS, at.child("reason"), errors);
}

export function validateValidatingPolicy(policy: ValidatingAdmissionPolicy): FieldError[] {
  const errors: FieldError[] = [];
  const spec = policy.spec ?? {};
  const env = checkCommon(spec, false, errors);
  const { validations = [], auditAnnotations = [] } = spec;
  if (validations.length === 0 && auditAnnotations.length === 0) {
    const why = "validations or auditAnnotations must contain at least one item";
    errors.push(required(SPEC.child("validations"), why), required(SPEC.child("auditAnnotations"), why));
  }
  validations.forEach((validation, i) => checkValidation(validation, env, SPEC.child("validations").index(i), errors));
  const annotations = SPEC.child("auditAnnotations");
  if (auditAnnotations.length > MAX_ANNOTATIONS) {
    errors.push(invalid(annotations, auditAnnotations, `must not have more than ${MAX_ANNOTATIONS} auditAnnotations`));
  }
  auditAnnotations.forEach(({ key, valueExpression }, i) => {
    const at = annotations.index(i);
    if (key === "") errors.push(required(at.child("key"), ""));
    for (const message of key === "" ? [] : isQualifiedName(`${policy.metadata?.name ?? ""}/${key}`)) {
      errors.push(invalid(at.child("key"), key, message));
    }
    checkExpression(valueExpression, env.expressions, at.child("valueExpression"), errors, STRING, NULL);
  });
  return errors;
}

export function validateMutatingPolicy(policy: MutatingAdmissionPolicy): FieldError[] {
  const errors: FieldError[] = [];
  const spec = policy.spec ?? {};
  const { expressions } = checkCommon(spec, true, errors);
  const { mutations = [] } = spec;
  if (mutations.length === 0) {
    errors.push(required(SPEC.child("mutations"), "mutations must contain at least one item"));
  }
  mutations.forEach(({ patchType, applyConfiguration, jsonPatch }, i) => {
    const at = SPEC.child("mutations").index(i);
    const fields = { ApplyConfiguration: applyConfiguration, JSONPatch: jsonPatch };
    const names = { ApplyConfiguration: "applyConfiguration", JSONPatch: "jsonPatch" } as const;
    oneOf(patchType, Object.keys(fields), at.child("patchType"), errors);
    for (const kind of ["ApplyConfiguration", "JSONPatch"] as const) {
      const field = fields[kind];
      const where = at.child(names[kind]);
      if (patchType !== kind) {
        if (field !== undefined)
          errors.push(invalid(where, field, `must not be specified when patchType is ${patchType}`));
      } else if (field === undefined) errors.push(required(where, `must be specified when patchType is ${kind}`));
      else {
        const result = kind === "JSONPatch" ? PATCHES : OBJECT;
        checkExpression(field.expression, expressions, where.child("expression"), errors, result);
      }
    }
  });
  const at = SPEC.child("reinvocationPolicy");
  if (spec.reinvocationPolicy === undefined || spec.reinvocationPolicy === "") errors.push(required(at, ""));
  else oneOf(spec.reinvocationPolicy, ["IfNeeded", "Never"], at, errors);
  return errors;
}

function checkParamRef(ref: ParamRef | undefined, at: FieldPath, errors: FieldError[]): void {
  if (ref === undefined) return;
  const named = (ref.name ?? "") !== "";
  if (named && ref.selector !== undefined) {
    errors.push(forbidden(at.child("name"), "name and selector are mutually exclusive"));
  } else if (!named && ref.selector === undefined) {
    errors.push(required(at, "one of name or selector must be specified"));
  }
  validateLabelSelector(ref.selector, at.child("selector"), errors);
  const action = ref.parameterNotFoundAction;
  const where = at.child("parameterNotFoundAction");
  if (action === undefined || action === "") errors.push(required(where, ""));
  else oneOf(action, ["Allow", "Deny"], where, errors);
}

export function validateValidatingBinding(binding: ValidatingAdmissionPolicyBinding): FieldError[] {
  const errors = validateMutatingBinding(binding);
  const actions = binding.spec?.validationActions ?? [];
  const at = SPEC.child("validationActions");
  if (actions.length === 0) errors.push(required(at, ""));
  actions.forEach((action, i) => {
    oneOf(action, ["Audit", "Deny", "Warn"], at.index(i), errors);
    if (actions.indexOf(action) < i) {
      errors.push({ type: "FieldValueDuplicate", field: at.index(i).toString(), badValue: action, detail: "" });
    }
  });
  if (actions.includes("Deny") && actions.includes("Warn")) {
    const why =
      "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)";
    errors.push(invalid(at, actions, why));
  }
  return errors;
}

export function validateMutatingBinding(
  binding: MutatingAdmissionPolicyBinding | ValidatingAdmissionPolicyBinding,
): FieldError[] {
  const errors: FieldError[] = [];
  const { spec } = binding;
  if ((spec?.policyName ?? "") === "") errors.push(required(SPEC.child("policyName"), ""));
  checkParamRef(spec?.paramRef, SPEC.child("paramRef"), errors);
  if (spec?.matchResources !== undefined) checkMatch(spec.matchResources, SPEC.child("matchResources"), false, errors);
  return errors;
}
