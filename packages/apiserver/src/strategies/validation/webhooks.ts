import type { MutatingWebhook, RuleWithOperations, ValidatingWebhook } from "@knots/api/admissionregistration/v1";
import { addAll, isDNS1035Label, isDNS1123Subdomain } from "@knots/machinery";
import { validateMatchConditions } from "../../admission/policies/match-conditions.ts";
import { semanticEqual } from "../equality.ts";
import type { FieldError } from "../field.ts";
import { duplicate, FieldPath, invalid, required } from "../field.ts";
import { isSound, validateLabelSelector } from "./label-selector.ts";
import { supported } from "./numbers.ts";
import { validateStars } from "./star-list.ts";
import { validateClientConfig } from "./webhook-client.ts";

const WEBHOOKS = FieldPath.root("webhooks");
const NO_SIDE_EFFECTS = ["None", "NoneOnDryRun"];
const SIDE_EFFECTS = [...NO_SIDE_EFFECTS, "Some", "Unknown"];

const OPERATIONS = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
const KNOWN_REVIEWS = ["v1", "v1beta1"];
const isKnown = (version: string): boolean => KNOWN_REVIEWS.includes(version);

type Webhook = ValidatingWebhook | MutatingWebhook;

/** What is let be because some webhook of the configuration was so before. */
interface Leniency {
  readonly matchConditions: boolean;
  readonly sideEffects: boolean;
  readonly reviewVersions: boolean;
  readonly names: boolean;
  readonly selectorValues: boolean;
}

const STRICT: Leniency = {
  matchConditions: false,
  sideEffects: false,
  reviewVersions: false,
  names: false,
  selectorValues: false,
};

function leniencyOf(next: readonly Webhook[], old: readonly Webhook[]): Leniency {
  const conditionsOf = (webhooks: readonly Webhook[]): unknown => webhooks.map((each) => each.matchConditions ?? []);
  return {
    matchConditions: next.length === old.length && semanticEqual(conditionsOf(next), conditionsOf(old)),
    sideEffects: old.some(({ sideEffects }) => !NO_SIDE_EFFECTS.includes(sideEffects ?? "")),
    reviewVersions: old.some(({ admissionReviewVersions: versions }) => versions.length > 0 && !versions.some(isKnown)),
    names: new Set(old.map(({ name }) => name)).size < old.length,
    selectorValues: old.some((each) => !isSound(each.namespaceSelector) || !isSound(each.objectSelector)),
  };
}

/** All webhooks of a configuration; `old` is its state before, on update. */
export function validateWebhooks(
  { webhooks = [] }: { readonly webhooks?: readonly Webhook[] },
  old?: { readonly webhooks?: readonly Webhook[] },
): FieldError[] {
  const errors: FieldError[] = [];
  const lenient = old === undefined ? STRICT : leniencyOf(webhooks, old.webhooks ?? []);
  const names = new Set<string>();
  for (const [index, webhook] of webhooks.entries()) {
    const at = WEBHOOKS.index(index);
    const { name } = webhook;
    validateWebhook(webhook, lenient, at, errors);
    const versions = at.child("admissionReviewVersions");
    validateReviewVersions(webhook.admissionReviewVersions, versions, errors, !lenient.reviewVersions);
    if (lenient.names || name === "") continue;
    if (names.has(name)) errors.push(duplicate(at.child("name"), name));
    names.add(name);
  }
  return errors;
}

function validateWebhook(webhook: Webhook, lenient: Leniency, path: FieldPath, errors: FieldError[]): void {
  validateName(webhook.name, path.child("name"), errors);
  validateWebhookRules(webhook.rules, path.child("rules"), errors);
  supported(webhook.failurePolicy, ["Fail", "Ignore"], path.child("failurePolicy"), errors);
  supported(webhook.matchPolicy, ["Equivalent", "Exact"], path.child("matchPolicy"), errors);
  const allowed = lenient.sideEffects ? SIDE_EFFECTS : NO_SIDE_EFFECTS;
  const effects = path.child("sideEffects");
  if (webhook.sideEffects === undefined) errors.push(required(effects, `must specify one of ${allowed.join(", ")}`));
  else supported(webhook.sideEffects, allowed, effects, errors);
  const seconds = webhook.timeoutSeconds;
  if (seconds !== undefined && (seconds < 1 || seconds > 30)) {
    errors.push(invalid(path.child("timeoutSeconds"), seconds, "the timeout value must be between 1 and 30 seconds"));
  }
  for (const field of ["namespaceSelector", "objectSelector"] as const)
    validateLabelSelector(webhook[field], path.child(field), errors, { anyValues: lenient.selectorValues });
  const { reinvocationPolicy } = webhook as MutatingWebhook;
  supported(reinvocationPolicy, ["IfNeeded", "Never"], path.child("reinvocationPolicy"), errors);
  validateClientConfig(webhook.clientConfig, path.child("clientConfig"), errors);
  if (!lenient.matchConditions)
    addAll(errors, validateMatchConditions(webhook.matchConditions, path.child("matchConditions")));
}

/** A fully qualified name. */
function validateName(name: string, path: FieldPath, errors: FieldError[]): void {
  if (name === "") return void errors.push(required(path, ""));
  const problems = isDNS1123Subdomain(name);
  if (problems.length > 0) errors.push(invalid(path, name, problems.join(",")));
  else if (name.split(".").length < 3)
    errors.push(invalid(path, name, "should be a domain with at least three segments separated by dots"));
}

/** admissionReviewVersions, conversionReviewVersions: at least one that this server speaks, where that is demanded. */
export function validateReviewVersions(
  versions: readonly string[] | undefined,
  path: FieldPath,
  errors: FieldError[],
  known = true,
): void {
  if (versions === undefined || versions.length === 0) {
    errors.push(required(path, `must specify one of ${KNOWN_REVIEWS.join(", ")}`));
    return;
  }
  const seen = new Set<string>();
  versions.forEach((version, index) => {
    const at = path.index(index);
    if (seen.has(version)) errors.push(invalid(at, version, "duplicate version"));
    else for (const message of isDNS1035Label(version)) errors.push(invalid(at, version, message));
    seen.add(version);
  });
  if (known && !versions.some(isKnown))
    errors.push(invalid(path, versions, `must include at least one of ${KNOWN_REVIEWS.join(", ")}`));
}

export function validateWebhookRules(
  rules: readonly RuleWithOperations[] | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  rules?.forEach((rule, index) => validateRule(rule, path.index(index), errors));
}

/** What an operation, a group, a version and a resource may be. */
export function validateRule(rule: RuleWithOperations, at: FieldPath, errors: FieldError[]): void {
  validateStars(rule.operations, at.child("operations"), "operations", errors);
  rule.operations?.forEach((operation, each) =>
    supported(operation, OPERATIONS, at.child("operations").index(each), errors),
  );
  validateStars(rule.apiGroups, at.child("apiGroups"), "API groups", errors);
  validateStars(rule.apiVersions, at.child("apiVersions"), "API versions", errors);
  rule.apiVersions?.forEach((version, each) => {
    if (version === "") errors.push(required(at.child("apiVersions").index(each), ""));
  });
  validateResources(rule.resources, at.child("resources"), errors);
  supported(rule.scope, ["*", "Cluster", "Namespaced"], at.child("scope"), errors);
}

/** "*" stands for resources, with a slash and another star for subresources too: a pattern that another one covers is refused. */
function validateResources(resources: readonly string[] | undefined, path: FieldPath, errors: FieldError[]): void {
  if (resources === undefined || resources.length === 0) {
    errors.push(required(path, ""));
    return;
  }
  const anySubresource = new Set<string>();
  const ofAnyResource = new Set<string>();
  let plain = false;
  resources.forEach((pattern, index) => {
    const at = path.index(index);
    if (pattern === "") {
      errors.push(required(at, ""));
      return;
    }
    const slash = pattern.indexOf("/");
    if (slash < 0) {
      // As upstream: the last one without a slash decides.
      plain = pattern !== "*";
      return;
    }
    const resource = pattern.slice(0, slash);
    const subresource = pattern.slice(slash + 1);
    const covered = (by: string): void => {
      errors.push(invalid(at, pattern, `if '${by}' is present, must not specify ${pattern}`));
    };
    if (anySubresource.has(resource)) covered(`${resource}/*`);
    if (ofAnyResource.has(subresource)) covered(`*/${subresource}`);
    if (subresource === "*") anySubresource.add(resource);
    if (resource === "*") ofAnyResource.add(subresource);
  });
  if (resources.length > 1 && resources.includes("*/*"))
    errors.push(invalid(path, resources, "if '*/*' is present, must not specify other resources"));
  if (plain && resources.includes("*")) {
    const why = "if '*' is present, must not specify other resources without subresources";
    errors.push(invalid(path, resources, why));
  }
}
