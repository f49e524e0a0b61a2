import type {
  MatchResources,
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  Mutation,
  NamedRuleWithOperations,
  ParamKind,
  ParamRef,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  Validation,
  Variable,
} from "@knots/api/admissionregistration/v1";
import { addAll, isDNS1035Label, isDNS1123Subdomain, isQualifiedName } from "@knots/machinery";
import { compileExpression } from "../../admission/policies/compile.ts";
import { policyEnvironment } from "../../admission/policies/environment.ts";
import { validateMatchConditions } from "../../admission/policies/match-conditions.ts";
import { OBJECT, PATCHES } from "../../admission/policies/mutating-policy.ts";
import { compileVariables } from "../../admission/policies/policy-variables.ts";
import { types } from "@knots/cel";
import type { CelType, Environment } from "@knots/cel";
import { semanticEqual } from "../equality.ts";
import { duplicate, FieldPath, forbidden, invalid, notSupported, required } from "../field.ts";
import type { FieldError } from "../field.ts";
import { validateLabelSelector } from "./label-selector.ts";
import { invalidFor, nameIsDNSSubdomain, nameIsPathSegment } from "./names.ts";
import { supported } from "./numbers.ts";
import { forEachRepeated } from "./repeated.ts";
import { validateRule } from "./webhooks.ts";

const SPEC = FieldPath.root("spec");
const { BOOL, NULL, STRING } = types;
const REASONS = ["Forbidden", "Invalid", "RequestEntityTooLarge"];
/** There is nothing to change in what goes. */
const MUTATING_OPERATIONS = ["*", "CONNECT", "CREATE", "UPDATE"];
const MAX_ANNOTATIONS = 20;
const MAX_VALUE_EXPRESSION = 5 * 1024;
const LINE_BREAK = /[\n\r]/;
/** Words that CEL keeps for itself. */
const RESERVED = new Set(
  "true false null in as break const continue else for function if import let loop package namespace return var void while".split(
    " ",
  ),
);

/** What an expression that is there has to be. */
function checkCompiled(
  expression: string,
  shown: string,
  env: Environment,
  at: FieldPath,
  errors: FieldError[],
  ...results: readonly CelType[]
): void {
  const program = compileExpression(expression, env, ...results);
  if (typeof program === "string") errors.push(invalid(at, shown, program));
}

type Policy = ValidatingAdmissionPolicy | MutatingAdmissionPolicy;

/** What both kinds of policies say; gives the environments of their expressions and of their messages. */
function checkCommon(
  spec: NonNullable<Policy["spec"]>,
  old: Policy["spec"],
  mutates: boolean,
  errors: FieldError[],
): { expressions: Environment; messages: Environment } {
  if (spec.failurePolicy === undefined) errors.push(required(SPEC.child("failurePolicy"), ""));
  else supported(spec.failurePolicy, ["Fail", "Ignore"], SPEC.child("failurePolicy"), errors);
  checkParamKind(spec.paramKind, SPEC.child("paramKind"), errors);
  const constraints = SPEC.child("matchConstraints");
  if (spec.matchConstraints === undefined) errors.push(required(constraints, ""));
  else {
    checkMatch(spec.matchConstraints, constraints, errors);
    const { resourceRules = [] } = spec.matchConstraints;
    // Without one there are no types to check expressions against.
    if (resourceRules.length === 0) errors.push(required(constraints.child("resourceRules"), ""));
    if (mutates) checkMutatingOperations(resourceRules, constraints, errors);
  }
  const params = spec.paramKind !== undefined;
  const base = policyEnvironment({ params, mutates });
  const same =
    old !== undefined &&
    semanticEqual(spec.paramKind, old.paramKind) &&
    semanticEqual(spec.matchConditions, old.matchConditions);
  if (!same) addAll(errors, validateMatchConditions(spec.matchConditions, SPEC.child("matchConditions"), base));
  const { compiled, env } = compileVariables(spec.variables, base);
  spec.variables?.forEach((variable, i) =>
    checkVariable(variable, compiled[i]?.program, SPEC.child("variables").index(i), errors),
  );
  const messages = compileVariables(spec.variables, policyEnvironment({ params, mutates, authorizer: false })).env;
  return { expressions: env, messages };
}

function checkMutatingOperations(rules: readonly NamedRuleWithOperations[], at: FieldPath, errors: FieldError[]): void {
  const path = at.child("resourceRules").child("operations");
  for (const { operations = [] } of rules)
    for (const operation of operations) supported(operation, MUTATING_OPERATIONS, path, errors);
}

function checkVariable({ name, expression }: Variable, program: unknown, at: FieldPath, errors: FieldError[]): void {
  if (name.trim() === "") errors.push(required(at.child("name"), "name is not specified"));
  else if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || RESERVED.has(name)) {
    errors.push(invalid(at.child("name"), name, "must be a valid CEL identifier"));
  }
  if (expression.trim() === "") errors.push(required(at.child("expression"), "expression is not specified"));
  else if (typeof program === "string") errors.push(invalid(at.child("expression"), expression, program));
}

function checkParamKind(paramKind: ParamKind | undefined, at: FieldPath, errors: FieldError[]): void {
  if (paramKind === undefined) return;
  const { apiVersion = "", kind = "" } = paramKind;
  checkApiVersion(apiVersion, at.child("apiVersion"), errors);
  if (kind === "") errors.push(required(at.child("kind"), ""));
  else {
    const problems = isDNS1035Label(kind.toLowerCase());
    const why = `may have mixed case, but should otherwise match: ${problems.join(",")}`;
    if (problems.length > 0) errors.push(invalid(at.child("kind"), kind, why));
  }
}

function checkApiVersion(apiVersion: string, at: FieldPath, errors: FieldError[]): void {
  if (apiVersion === "") return void errors.push(required(at, ""));
  const parts = apiVersion.split("/");
  if (parts.length > 2) {
    errors.push(invalid(at, apiVersion, `unexpected GroupVersion string: ${apiVersion}`));
    return;
  }
  const [version = "", group = ""] = parts.toReversed();
  const inGroup = group === "" ? [] : isDNS1123Subdomain(group);
  if (inGroup.length > 0) errors.push(invalid(at, group, inGroup.join(",")));
  if (version === "") return void errors.push(invalid(at, apiVersion, "version must be specified"));
  const inVersion = isDNS1035Label(version);
  if (inVersion.length > 0) errors.push(invalid(at, version, inVersion.join(",")));
}

function checkMatch(match: MatchResources, at: FieldPath, errors: FieldError[]): void {
  if (match.matchPolicy === undefined) errors.push(required(at.child("matchPolicy"), ""));
  else supported(match.matchPolicy, ["Equivalent", "Exact"], at.child("matchPolicy"), errors);
  for (const field of ["namespaceSelector", "objectSelector"] as const) {
    if (match[field] === undefined) errors.push(required(at.child(field), ""));
    else validateLabelSelector(match[field], at.child(field), errors);
  }
  for (const field of ["resourceRules", "excludeResourceRules"] as const)
    match[field]?.forEach((rule, index) => checkNamedRule(rule, at.child(field).index(index), errors));
}

function checkNamedRule(rule: NamedRuleWithOperations, at: FieldPath, errors: FieldError[]): void {
  const names = new Set<string>();
  rule.resourceNames?.forEach((name, index) => {
    const path = at.child("resourceNames").index(index);
    invalidFor(nameIsPathSegment(name, false), name, path, errors);
    if (names.has(name)) errors.push(duplicate(path, name));
    names.add(name);
  });
  validateRule(rule, at, errors);
}

function checkValidation(
  validation: Validation,
  env: { expressions: Environment; messages: Environment },
  at: FieldPath,
  errors: FieldError[],
): void {
  const { expression, message = "", messageExpression = "", reason } = validation;
  const where = at.child("expression");
  if (expression.trim() === "") errors.push(required(where, "expression is not specified"));
  else checkCompiled(expression, expression, env.expressions, where, errors, BOOL);
  const ofMessage = at.child("messageExpression");
  if (messageExpression !== "" && messageExpression.trim() === "")
    errors.push(invalid(ofMessage, messageExpression, "must be non-empty if specified"));
  else if (messageExpression !== "")
    checkCompiled(messageExpression, messageExpression, env.messages, ofMessage, errors, STRING);
  const text = message.trim();
  if (message !== "" && text === "")
    errors.push(invalid(at.child("message"), message, "must be non-empty if specified"));
  else if (LINE_BREAK.test(text)) errors.push(invalid(at.child("message"), message, "must not contain line breaks"));
  supported(reason, REASONS, at.child("reason"), errors);
}

export function validateValidatingPolicy(
  policy: ValidatingAdmissionPolicy,
  old?: ValidatingAdmissionPolicy,
): FieldError[] {
  const errors: FieldError[] = [];
  const spec = policy.spec ?? {};
  const env = checkCommon(spec, old?.spec, false, errors);
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
  const keys = new Set<string>();
  auditAnnotations.forEach(({ key, valueExpression }, i) => {
    const at = annotations.index(i);
    const name = policy.metadata?.name ?? "";
    if (name === "") errors.push(invalid(at.child("key"), key, "requires metadata.name be non-empty"));
    else invalidFor(isQualifiedName(`${name}/${key}`), `${name}/${key}`, at.child("key"), errors);
    checkValueExpression(valueExpression, env.expressions, at.child("valueExpression"), errors);
    if (keys.has(key)) errors.push(duplicate(at.child("key"), key));
    keys.add(key);
  });
  return errors;
}

function checkValueExpression(expression: string, env: Environment, at: FieldPath, errors: FieldError[]): void {
  const trimmed = expression.trim();
  if (trimmed === "") errors.push(required(at, "valueExpression is not specified"));
  else if (Buffer.byteLength(trimmed) > MAX_VALUE_EXPRESSION)
    // Required, as upstream has it.
    errors.push(required(at, `must not exceed ${MAX_VALUE_EXPRESSION} bytes in length`));
  else checkCompiled(trimmed, expression, env, at, errors, STRING, NULL);
}

export function validateMutatingPolicy(policy: MutatingAdmissionPolicy, old?: MutatingAdmissionPolicy): FieldError[] {
  const errors: FieldError[] = [];
  const spec = policy.spec ?? {};
  const { expressions } = checkCommon(spec, old?.spec, true, errors);
  const { mutations = [] } = spec;
  if (mutations.length === 0) {
    errors.push(required(SPEC.child("mutations"), "mutations must contain at least one item"));
  }
  mutations.forEach((mutation, i) => checkMutation(mutation, expressions, SPEC.child("mutations").index(i), errors));
  const at = SPEC.child("reinvocationPolicy");
  if (spec.reinvocationPolicy === undefined || spec.reinvocationPolicy === "") errors.push(required(at, ""));
  else supported(spec.reinvocationPolicy, ["Never", "IfNeeded"], at, errors);
  return errors;
}

const PATCH_FIELDS = { ApplyConfiguration: "applyConfiguration", JSONPatch: "jsonPatch" } as const;
const isPatchType = (type: string): type is keyof typeof PATCH_FIELDS => Object.hasOwn(PATCH_FIELDS, type);

function checkMutation(mutation: Mutation, env: Environment, at: FieldPath, errors: FieldError[]): void {
  const { patchType } = mutation;
  if (!patchType) return void errors.push(required(at.child("patchType"), ""));
  if (!isPatchType(patchType))
    return void errors.push(notSupported(at.child("patchType"), patchType, Object.keys(PATCH_FIELDS)));
  const field = PATCH_FIELDS[patchType];
  const expression = mutation[field]?.expression?.trim();
  const where = at.child(field);
  if (expression === undefined) errors.push(required(where, `must be specified when patchType is ${patchType}`));
  else if (expression === "") errors.push(required(where.child("expression"), ""));
  else {
    const result = patchType === "JSONPatch" ? PATCHES : OBJECT;
    checkCompiled(expression, expression, env, where.child("expression"), errors, result);
  }
  const other = PATCH_FIELDS[patchType === "JSONPatch" ? "ApplyConfiguration" : "JSONPatch"];
  if (mutation[other] !== undefined)
    errors.push(invalid(at.child(other), `{${other}}`, `must not be specified when patchType is ${patchType}`));
}

function checkParamRef(ref: ParamRef | undefined, at: FieldPath, errors: FieldError[]): void {
  if (ref === undefined) return;
  const { name = "", selector, parameterNotFoundAction: action = "" } = ref;
  const exclusive = "name and selector are mutually exclusive";
  if (name !== "") {
    invalidFor(nameIsPathSegment(name, false), name, at.child("name"), errors);
    if (selector !== undefined) errors.push(forbidden(at.child("name"), exclusive));
  }
  validateLabelSelector(selector, at.child("selector"), errors);
  if (selector !== undefined && name !== "") errors.push(forbidden(at.child("selector"), exclusive));
  if (selector === undefined && name === "") errors.push(required(at, "one of name or selector must be specified"));
  const where = at.child("parameterNotFoundAction");
  if (action === "") errors.push(required(where, ""));
  else supported(action, ["Deny", "Allow"], where, errors);
}

export function validateValidatingBinding(binding: ValidatingAdmissionPolicyBinding): FieldError[] {
  const errors = checkBinding(binding);
  const actions = binding.spec?.validationActions ?? [];
  const at = SPEC.child("validationActions");
  const repeated = new Set<number>();
  forEachRepeated(
    actions,
    (action) => action,
    (_, index) => repeated.add(index),
  );
  actions.forEach((action, i) => {
    supported(action, ["Audit", "Deny", "Warn"], at.index(i), errors);
    if (repeated.has(i)) errors.push(duplicate(at.index(i), action));
  });
  if (actions.includes("Deny") && actions.includes("Warn")) {
    const why =
      "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)";
    errors.push(invalid(at, actions, why));
  }
  if (actions.length === 0) errors.push(required(at, "at least one validation action is required"));
  return errors;
}

export function validateMutatingBinding(binding: MutatingAdmissionPolicyBinding): FieldError[] {
  const errors = checkBinding(binding);
  checkMutatingOperations(binding.spec?.matchResources?.resourceRules ?? [], SPEC.child("matchResources"), errors);
  return errors;
}

function checkBinding({ spec }: MutatingAdmissionPolicyBinding | ValidatingAdmissionPolicyBinding): FieldError[] {
  const errors: FieldError[] = [];
  const { policyName = "", paramRef, matchResources } = spec ?? {};
  const at = SPEC.child("policyName");
  if (policyName === "") errors.push(required(at, ""));
  else invalidFor(nameIsDNSSubdomain(policyName, false), policyName, at, errors);
  checkParamRef(paramRef, SPEC.child("paramRef"), errors);
  if (matchResources !== undefined) checkMatch(matchResources, SPEC.child("matchResources"), errors);
  return errors;
}
