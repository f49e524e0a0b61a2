import type { MutatingWebhook, RuleWithOperations, ValidatingWebhook } from "@knots/api/admissionregistration/v1";
import { isDNS1035Label, isDNS1123Subdomain } from "@knots/machinery";
import { validateMatchConditions } from "../../admission/policies/match-conditions.ts";
import type { FieldError, FieldPath } from "../field.ts";
import { invalid, required } from "../field.ts";
import { oneOf } from "./numbers.ts";
import { validateClientConfig } from "./webhook-client.ts";

const OPERATIONS = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
const KNOWN_REVIEWS = ["v1", "v1beta1"];

/** Name, address and manners of one webhook. */
export function validateWebhookClient(
  webhook: ValidatingWebhook | MutatingWebhook,
  path: FieldPath,
  errors: FieldError[],
): void {
  const name = webhook.name ?? "";
  if (name === "") errors.push(required(path.child("name"), ""));
  else for (const message of isDNS1123Subdomain(name)) errors.push(invalid(path.child("name"), name, message));
  if (name && name.split(".").length < 3) {
    errors.push(invalid(path.child("name"), name, "should be a domain with at least three segments separated by dots"));
  }
  validateReviewVersions(webhook.admissionReviewVersions, path.child("admissionReviewVersions"), errors);
  if (!webhook.sideEffects) errors.push(required(path.child("sideEffects"), "must specify one of None, NoneOnDryRun"));
  else oneOf(webhook.sideEffects, ["None", "NoneOnDryRun"], path.child("sideEffects"), errors);
  const seconds = webhook.timeoutSeconds;
  if (seconds !== undefined && (seconds < 1 || seconds > 30)) {
    errors.push(invalid(path.child("timeoutSeconds"), seconds, "the timeout value must be between 1 and 30 seconds"));
  }
  oneOf(webhook.failurePolicy, ["Fail", "Ignore"], path.child("failurePolicy"), errors);
  oneOf(webhook.matchPolicy, ["Equivalent", "Exact"], path.child("matchPolicy"), errors);
  const { reinvocationPolicy } = webhook as MutatingWebhook;
  if (reinvocationPolicy !== undefined)
    oneOf(reinvocationPolicy, ["IfNeeded", "Never"], path.child("reinvocationPolicy"), errors);
  validateClientConfig(webhook.clientConfig, path.child("clientConfig"), errors);
  errors.push(...validateMatchConditions(webhook.matchConditions, path.child("matchConditions")));
}

/** admissionReviewVersions, conversionReviewVersions: at least one that this server speaks. */
export function validateReviewVersions(
  versions: readonly string[] | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (versions === undefined || versions.length === 0) {
    errors.push(required(path, `must specify one of ${KNOWN_REVIEWS.join(", ")}`));
    return;
  }
  versions.forEach((version, index) => {
    const at = path.index(index);
    if (versions.indexOf(version) < index) errors.push(invalid(at, version, "duplicate version"));
    else for (const message of isDNS1035Label(version)) errors.push(invalid(at, version, message));
  });
  if (!versions.some((version) => KNOWN_REVIEWS.includes(version)))
    errors.push(invalid(path, versions, `must include at least one of ${KNOWN_REVIEWS.join(", ")}`));
}

export function validateWebhookRules(
  rules: readonly RuleWithOperations[] | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  rules?.forEach((rule, index) => {
    const at = path.index(index);
    const check = (field: "apiGroups" | "apiVersions"): void => {
      const values = rule[field] ?? [];
      if (values.length === 0) errors.push(required(at.child(field), ""));
      if (values.length > 1 && values.includes("*")) {
        errors.push(
          invalid(
            at.child(field),
            values,
            "if '*' is present, must not specify other " + (field === "apiGroups" ? "API groups" : "API versions"),
          ),
        );
      }
    };
    check("apiGroups");
    check("apiVersions");
    rule.apiVersions?.forEach((version, each) => {
      if (version === "") errors.push(required(at.child("apiVersions").index(each), ""));
    });
    validateResources(rule.resources, at.child("resources"), errors);
    const operations = rule.operations ?? [];
    if (operations.length === 0) errors.push(required(at.child("operations"), ""));
    operations.forEach((operation, each) => oneOf(operation, OPERATIONS, at.child("operations").index(each), errors));
    if (operations.length > 1 && operations.includes("*")) {
      errors.push(invalid(at.child("operations"), operations, "if '*' is present, must not specify other operations"));
    }
    if (rule.scope !== undefined) oneOf(rule.scope, ["*", "Cluster", "Namespaced"], at.child("scope"), errors);
  });
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
      plain ||= pattern !== "*";
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
