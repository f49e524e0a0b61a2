import type { MutatingWebhook, RuleWithOperations, ValidatingWebhook } from "@knots/api/admissionregistration/v1";
import { isDNS1123Subdomain } from "@knots/machinery";
import type { FieldError, FieldPath } from "../field.ts";
import { forbidden, invalid, required } from "../field.ts";
import { isValidPortNumber, rangeMessage } from "./names.ts";
import { oneOf } from "./numbers.ts";

const OPERATIONS = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
const KNOWN_REVIEWS = ["v1", "v1beta1"];

/** Name, address and manners of one webhook. */
export function validateWebhookClient(
  webhook: ValidatingWebhook | MutatingWebhook,
  path: FieldPath,
  errors: FieldError[],
): void {
  const name = webhook.name ?? "";
  for (const message of isDNS1123Subdomain(name)) errors.push(invalid(path.child("name"), name, message));
  if (name && name.split(".").length < 3) {
    errors.push(invalid(path.child("name"), name, "should be a domain with at least three segments separated by dots"));
  }
  const versions = webhook.admissionReviewVersions ?? [];
  const at = path.child("admissionReviewVersions");
  if (versions.length === 0) errors.push(required(at, `must specify one of ${KNOWN_REVIEWS.join(", ")}`));
  else if (!versions.some((version) => KNOWN_REVIEWS.includes(version))) {
    errors.push(invalid(at, versions, `must include at least one of ${KNOWN_REVIEWS.join(", ")}`));
  }
  if (webhook.sideEffects !== "None" && webhook.sideEffects !== "NoneOnDryRun") {
    oneOf(webhook.sideEffects, ["None", "NoneOnDryRun"], path.child("sideEffects"), errors);
  }
  const seconds = webhook.timeoutSeconds;
  if (seconds !== undefined && (seconds < 1 || seconds > 30)) {
    errors.push(invalid(path.child("timeoutSeconds"), seconds, "the timeout value must be between 1 and 30 seconds"));
  }
  oneOf(webhook.failurePolicy, ["Fail", "Ignore"], path.child("failurePolicy"), errors);
  oneOf(webhook.matchPolicy, ["Equivalent", "Exact"], path.child("matchPolicy"), errors);
  validateClientConfig(webhook.clientConfig, path.child("clientConfig"), errors);
}

/** Where to call: a URL or a service, one of the two. */
export function validateClientConfig(
  config: { url?: string; service?: { name: string; namespace: string; port?: number; path?: string } } | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  const { url, service } = config ?? {};
  if ((url === undefined) === (service === undefined)) {
    errors.push(required(path, "exactly one of url or service is required"));
    return;
  }
  if (url !== undefined && !url.startsWith("https://")) {
    const scheme = url.split(":")[0] ?? "";
    const why = `'https' is the only allowed URL scheme; desired format: https://host[/path]`;
    errors.push(
      scheme ? invalid(path.child("url"), scheme, why) : required(path.child("url"), "url must be specified"),
    );
  }
  if (!service) return;
  const at = path.child("service");
  if (!service.name) errors.push(required(at.child("name"), "service name is required"));
  if (!service.namespace) errors.push(required(at.child("namespace"), "service namespace is required"));
  for (const _ of isValidPortNumber(service.port ?? 443)) {
    errors.push(invalid(at.child("port"), service.port ?? 0, `port is not valid: ${rangeMessage(1, 65_535)}`));
  }
  if (service.path !== undefined && !service.path.startsWith("/")) {
    errors.push(invalid(at.child("path"), service.path, "must start with a '/'"));
  }
}

export function validateWebhookRules(
  rules: readonly RuleWithOperations[] | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  rules?.forEach((rule, index) => {
    const at = path.index(index);
    const check = (field: "apiGroups" | "apiVersions" | "resources", alone: boolean): void => {
      const values = rule[field] ?? [];
      if (values.length === 0) errors.push(required(at.child(field), ""));
      if (alone && values.length > 1 && values.includes("*")) {
        errors.push(
          invalid(
            at.child(field),
            values,
            "if '*' is present, must not specify other " + (field === "apiGroups" ? "API groups" : "API versions"),
          ),
        );
      }
    };
    check("apiGroups", true);
    check("apiVersions", true);
    check("resources", false);
    const operations = rule.operations ?? [];
    if (operations.length === 0) errors.push(required(at.child("operations"), ""));
    operations.forEach((operation, each) => oneOf(operation, OPERATIONS, at.child("operations").index(each), errors));
    if (operations.length > 1 && operations.includes("*")) {
      errors.push(invalid(at.child("operations"), operations, "if '*' is present, must not specify other operations"));
    }
    if (rule.scope !== undefined) oneOf(rule.scope, ["*", "Cluster", "Namespaced"], at.child("scope"), errors);
    const resources = rule.resources ?? [];
    if (resources.includes("*/*") && resources.length > 1) {
      errors.push(forbidden(at.child("resources"), "if '*/*' is present, must not specify other resources"));
    }
  });
}
