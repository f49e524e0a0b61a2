import type { Pod, PodTemplateSpec } from "@knots/api/core/v1";
import { namespaces } from "@knots/api/core/v1";
import { newForbidden } from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import type { AdmissionAttributes, AdmissionPlugin } from "../types.ts";
import { checkPodSecurity } from "./pod-security-standards.ts";
import type { SecurityLevel } from "./pod-security-standards.ts";

const LABEL = "pod-security.kubernetes.io/";
const TEMPLATED = new Set([
  "deployments",
  "replicasets",
  "statefulsets",
  "daemonsets",
  "jobs",
  "cronjobs",
  "replicationcontrollers",
  "podtemplates",
]);

/** Pod Security Standards by the labels of the namespace: enforce refuses pods; warn warns and audit records (templates too). */
export const podSecurity: AdmissionPlugin = {
  name: "PodSecurity",
  handles: ({ operation, resource, subresource, namespace }) =>
    (operation === "CREATE" || operation === "UPDATE") &&
    namespace !== "" &&
    (resource === "pods"
      ? subresource === "" || subresource === "ephemeralcontainers"
      : TEMPLATED.has(resource) && subresource === ""),
  validate(attributes) {
    const labels = attributes.objects.get(namespaces, undefined, attributes.namespace)?.metadata?.labels;
    if (labels === undefined) return;
    const isPod = attributes.resource === "pods";
    const pod = isPod ? (attributes.object as Pod) : templateOf(attributes.object);
    if (pod?.spec === undefined) return;
    if (isPod && attributes.operation === "UPDATE" && attributes.subresource === "" && sameSecurity(attributes)) return;
    const { annotate } = attributes;
    if (isPod && annotate !== undefined) annotate(`${LABEL}enforce-policy`, policyOf(labels, "enforce"));
    const audited = annotate === undefined ? undefined : problems(pod, labels, "audit");
    if (audited !== undefined) annotate?.(`${LABEL}audit-violations`, wouldViolate(audited));
    const enforced = isPod ? problems(pod, labels, "enforce") : undefined;
    if (enforced !== undefined) {
      throw newForbidden({ group: "", resource: "pods" }, attributes.name || (pod.metadata?.name ?? ""), enforced);
    }
    const warned = problems(pod, labels, "warn");
    if (warned !== undefined) attributes.warn(wouldViolate(warned));
  },
};

function wouldViolate(problem: string): string {
  return `would ${problem}`.replace("would violates", "would violate");
}

/** "baseline:latest" */
function policyOf(labels: Record<string, string>, mode: string): string {
  return `${labels[`${LABEL}${mode}`] ?? "privileged"}:${labels[`${LABEL}${mode}-version`] ?? "latest"}`;
}

/** "violates PodSecurity …", or undefined when the pod meets the level of that mode. */
function problems(pod: Pod, labels: Record<string, string>, mode: "enforce" | "audit" | "warn"): string | undefined {
  const level = labels[`${LABEL}${mode}`];
  if (level !== "baseline" && level !== "restricted") return undefined;
  const found = checkPodSecurity(pod, level satisfies SecurityLevel);
  if (found.length === 0) return undefined;
  return `violates PodSecurity "${policyOf(labels, mode)}": ${found.join(", ")}`;
}

function templateOf(object: KubeObject | undefined): Pod | undefined {
  const { spec, template } = (object ?? {}) as {
    spec?: { template?: PodTemplateSpec; jobTemplate?: { spec?: { template?: PodTemplateSpec } } };
    template?: PodTemplateSpec;
  };
  return (spec?.template ?? spec?.jobTemplate?.spec?.template ?? template) as Pod | undefined;
}

/** Metadata and scheduling may change without a new judgement of an old pod. */
function sameSecurity({ object, oldObject }: AdmissionAttributes): boolean {
  const images = (pod: Pod | undefined): string =>
    JSON.stringify([pod?.spec?.containers, pod?.spec?.initContainers, pod?.spec?.securityContext, pod?.spec?.volumes]);
  return images(object as Pod) === images(oldObject as Pod);
}
