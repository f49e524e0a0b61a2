import { namespaces } from "@knots/api/core/v1";
import type { KubeObject, Selector } from "@knots/machinery";
import { newNotFound } from "@knots/machinery";
import { forbidden } from "../refuse.ts";
import type { AdmissionAttributes } from "../types.ts";
import type { CompiledWebhook } from "./configuration.ts";
import { combineConditions } from "./match-conditions.ts";
import type { MatchConditionEvaluator } from "./match-conditions.ts";
import { matchesRule } from "./rules.ts";
import { toVersion } from "./versions.ts";
import type { RequestVersion } from "./versions.ts";

/** Resources that configure admission are never subject to it: a broken webhook can always be removed. */
const EXEMPT = new Set([
  "validatingwebhookconfigurations",
  "mutatingwebhookconfigurations",
  "validatingadmissionpolicies",
  "validatingadmissionpolicybindings",
  "mutatingadmissionpolicies",
  "mutatingadmissionpolicybindings",
]);

export function isExempt({ group, resource }: AdmissionAttributes): boolean {
  return group === "admissionregistration.k8s.io" && EXEMPT.has(resource);
}

/** Questions about who may do what, which webhooks see and policies do not (upstream: kubeapiserver/admission/exclusion). */
const REVIEWS = new Set([
  "authentication.k8s.io/selfsubjectreviews",
  "authentication.k8s.io/tokenreviews",
  "authorization.k8s.io/localsubjectaccessreviews",
  "authorization.k8s.io/selfsubjectaccessreviews",
  "authorization.k8s.io/selfsubjectrulesreviews",
  "authorization.k8s.io/subjectaccessreviews",
]);

export function isExemptFromPolicies(attributes: AdmissionAttributes): boolean {
  return isExempt(attributes) || REVIEWS.has(`${attributes.group}/${attributes.resource}`);
}

/** The namespace as webhooks see it: a namespace object is in the namespace that it is. */
export function namespaceOf({ group, resource, namespace, name }: AdmissionAttributes): string {
  return group === "" && resource === "namespaces" ? name : namespace;
}

/** The version in which a webhook is to see the request, undefined when it does not concern it. Throws StatusError. */
export async function matchWebhook(
  webhook: CompiledWebhook,
  attributes: AdmissionAttributes,
  versions: readonly RequestVersion[],
  evaluator: MatchConditionEvaluator,
): Promise<RequestVersion | undefined> {
  const namespace = matchNamespace(webhook.namespaceSelector, attributes);
  if (namespace === false) return undefined;
  if (!matchObject(webhook.objectSelector, attributes)) return undefined;
  const version = matchVersion(webhook, attributes, versions);
  if (version === undefined) return undefined;
  // The namespace is missing, and only now does it matter.
  if (namespace instanceof Error) throw namespace;
  if (webhook.matchConditions.length === 0) return version;
  const subject = {
    attributes,
    version,
    object: await toVersion(version, attributes.object),
    oldObject: await toVersion(version, attributes.oldObject),
  };
  const results = await evaluator.evaluate(webhook.matchConditions, subject);
  const { matches, error } = combineConditions(results, webhook.ignoreFailure);
  if (error !== undefined) throw forbidden(attributes, error);
  return matches ? version : undefined;
}

function matchVersion(
  webhook: CompiledWebhook,
  attributes: AdmissionAttributes,
  [requested, ...others]: readonly RequestVersion[],
): RequestVersion | undefined {
  const { operation, subresource } = attributes;
  const namespace = namespaceOf(attributes);
  const subject = (version: RequestVersion) => ({ ...version, operation, subresource, namespace });
  if (requested === undefined) return undefined;
  if (webhook.rules.some((rule) => matchesRule(rule, subject(requested)))) return requested;
  if (!webhook.equivalent) return undefined;
  // Earlier rules first.
  for (const rule of webhook.rules) {
    const found = others.find((version) => matchesRule(rule, subject(version)));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Cluster-scoped objects are never excluded by their namespace; an Error says that it is not there. */
export function matchNamespace(selector: Selector, attributes: AdmissionAttributes): boolean | Error {
  if (selector.empty) return true;
  const namespace = namespaceOf(attributes);
  if (namespace === "") return true;
  const { group, resource, subresource, operation, object } = attributes;
  if (group === "" && resource === "namespaces" && subresource === "" && object !== undefined && operation !== "DELETE")
    return selector.matches(object.metadata?.labels ?? {});
  const found = attributes.objects.get(namespaces, undefined, namespace);
  if (found === undefined) return newNotFound({ group: "", resource: "namespaces" }, namespace);
  return selector.matches(found.metadata?.labels ?? {});
}

export function matchObject(selector: Selector, { object, oldObject }: AdmissionAttributes): boolean {
  if (selector.empty) return true;
  const matches = (each: KubeObject | undefined): boolean =>
    each !== undefined && selector.matches(each.metadata?.labels ?? {});
  return matches(object) || matches(oldObject);
}
