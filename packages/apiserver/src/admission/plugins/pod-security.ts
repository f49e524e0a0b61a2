import type { Namespace, Pod, PodTemplateSpec } from "@knots/api/core/v1";
import { namespaces, pods } from "@knots/api/core/v1";
import { FieldPath, invalid, newInvalid } from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import { forbidden } from "../refuse.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../types.ts";
import { NO_EXEMPTIONS } from "./pod-security-config.ts";
import type { PodSecurityConfig } from "./pod-security-config.ts";
import { NO_POLICY, PREFIX, compareLevels, policyOf, policyText } from "./pod-security-policy.ts";
import type { LevelVersion } from "./pod-security-policy.ts";
import { checkPodSecurity } from "./pod-security-standards.ts";
import type { Finding } from "./pod-security-standards.ts";

const TEMPLATED = new Set([
  "deployments.apps",
  "replicasets.apps",
  "statefulsets.apps",
  "daemonsets.apps",
  "jobs.batch",
  "cronjobs.batch",
  "replicationcontrollers.",
  "podtemplates.",
]);

/** Pods of a namespace that are looked at when it is made stricter (upstream's figures). */
const MOST_PODS = 3_000;

/**
 * Pod Security Standards by the labels of the namespace: enforce refuses pods; warn warns and audit records (templates
 * too). https://kubernetes.io/docs/concepts/security/pod-security-admission/
 */
export function podSecurity(
  config: PodSecurityConfig = { defaults: NO_POLICY, exemptions: NO_EXEMPTIONS },
): AdmissionPlugin {
  return {
    name: "PodSecurity",
    handles({ operation, resource, group, subresource }) {
      if (operation !== "CREATE" && operation !== "UPDATE") return false;
      const name = `${resource}.${group}`;
      if (name === "pods.") return subresource === "" || subresource === "ephemeralcontainers";
      return subresource === "" && (TEMPLATED.has(name) || name === "namespaces.");
    },
    validate(attributes) {
      if (attributes.resource === "namespaces") checkNamespace(attributes, config);
      else if (attributes.resource === "pods") checkPod(attributes, config);
      else checkTemplate(attributes, config);
    },
  };
}

/** Why nobody looks at the request; undefined where somebody does. */
function exemption({ exemptions }: PodSecurityConfig, { user, namespace }: AdmissionAttributes, pod: Pod) {
  if (exemptions.namespaces.has(namespace)) return "namespace";
  if (exemptions.usernames.has(user.name)) return "user";
  const { runtimeClassName } = pod.spec ?? {};
  return runtimeClassName !== undefined && exemptions.runtimeClasses.has(runtimeClassName) ? "runtimeClass" : undefined;
}

function policyFor({ objects, namespace }: AdmissionAttributes, { defaults }: PodSecurityConfig) {
  return policyOf(objects.get<Namespace>(namespaces, undefined, namespace)?.metadata?.labels, defaults).policy;
}

function checkPod(attributes: AdmissionAttributes, config: PodSecurityConfig): void {
  const pod = attributes.object as Pod;
  if (attributes.operation === "UPDATE" && !changesSecurity(attributes)) return;
  const exempt = exemption(config, attributes, pod);
  if (exempt !== undefined) {
    attributes.annotate?.(`${PREFIX}exempt`, exempt);
    return;
  }
  const policy = policyFor(attributes, config);
  attributes.annotate?.(`${PREFIX}enforce-policy`, policyText(policy.enforce));
  audit(attributes, pod, policy.audit);
  const enforced = problems(pod, policy.enforce);
  if (enforced !== undefined) throw forbidden(attributes, `violates ${enforced}`);
  const warned = problems(pod, policy.warn);
  if (warned !== undefined) attributes.warn(`would violate ${warned}`);
}

function checkTemplate(attributes: AdmissionAttributes, config: PodSecurityConfig): void {
  const pod = templateOf(attributes.object);
  if (pod?.spec === undefined || exemption(config, attributes, pod) !== undefined) return;
  const policy = policyFor(attributes, config);
  audit(attributes, pod, policy.audit);
  const warned = problems(pod, policy.warn);
  if (warned !== undefined) attributes.warn(`would violate ${warned}`);
}

function audit({ annotate }: AdmissionAttributes, pod: Pod, level: LevelVersion): void {
  if (annotate === undefined) return;
  const audited = problems(pod, level);
  if (audited !== undefined) annotate(`${PREFIX}audit-violations`, `would violate ${audited}`);
}

function findings(pod: Pod, { level, version }: LevelVersion): readonly Finding[] {
  return level === "privileged" ? [] : checkPodSecurity(pod, level, version);
}

/** `PodSecurity "restricted:latest": …`, or undefined when the pod meets the level. */
function problems(pod: Pod, level: LevelVersion): string | undefined {
  const found = findings(pod, level);
  if (found.length === 0) return undefined;
  const texts = found.map(({ reason, detail }) => `${reason} (${detail})`);
  return `PodSecurity "${policyText(level)}": ${texts.join(", ")}`;
}

function templateOf(object: KubeObject | undefined): Pod | undefined {
  const { spec, template } = (object ?? {}) as {
    spec?: { template?: PodTemplateSpec; jobTemplate?: { spec?: { template?: PodTemplateSpec } } };
    template?: PodTemplateSpec;
  };
  return (spec?.template ?? spec?.jobTemplate?.spec?.template ?? template) as Pod | undefined;
}

/** Metadata and scheduling may change without a new judgement of an old pod (upstream: isSignificantPodUpdate). */
function changesSecurity({ object, oldObject }: AdmissionAttributes): boolean {
  const judged = (pod: Pod): string => {
    const { containers, initContainers, ephemeralContainers } = pod.spec ?? {};
    const images = (list: readonly { image?: string }[] | undefined): unknown => list?.map(({ image }) => image) ?? [];
    const profiles = Object.entries(pod.metadata?.annotations ?? {})
      .filter(([key]) =>
        /^(seccomp\.security\.alpha|container\.(seccomp|apparmor)\.security\.\w+)\.kubernetes\.io\//.test(key),
      )
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
    return JSON.stringify([images(containers), images(initContainers), ephemeralContainers ?? [], profiles]);
  };
  return judged(object as Pod) !== judged(oldObject as Pod);
}

/** Labels must be good ones; who makes a namespace stricter hears which of its pods would not be let in any more. */
function checkNamespace(attributes: AdmissionAttributes, { defaults, exemptions }: PodSecurityConfig): void {
  const { object, oldObject, operation } = attributes;
  const name = object?.metadata?.name ?? "";
  const next = policyOf(object?.metadata?.labels, defaults);
  const old = operation === "UPDATE" ? policyOf(oldObject?.metadata?.labels, defaults) : undefined;
  const known = old !== undefined && JSON.stringify(old.errors) === JSON.stringify(next.errors);
  if (next.errors.length > 0 && !known) {
    const labels = FieldPath.root("metadata").child("labels");
    throw newInvalid(
      { group: "", kind: "Namespace" },
      name,
      next.errors.map(({ label, value, detail }) => invalid(labels.key(label), value, detail)),
    );
  }
  const { enforce } = next.policy;
  const labelled = object?.metadata?.labels?.[`${PREFIX}enforce`] !== undefined;
  const before = old?.policy.enforce;
  if (before !== undefined) {
    if (policyText(before) === policyText(enforce) || enforce.level === "privileged") return;
    if (before.version === enforce.version && compareLevels(enforce.level, before.level) < 1) return;
  }
  if (exemptions.namespaces.has(name)) {
    if (labelled && enforce.level !== "privileged") {
      attributes.warn(
        `namespace ${JSON.stringify(name)} is exempt from Pod Security, and the policy (enforce=${policyText(enforce)}) will be ignored`,
      );
    }
    return;
  }
  if (before !== undefined) for (const text of violations(attributes, name, enforce)) attributes.warn(text);
}

/** Warnings about pods that are there: those of one controller once, with what they have in common. */
function violations({ objects }: AdmissionAttributes, namespace: string, level: LevelVersion): string[] {
  const seen = new Map<string, { name: string; others: number; reasons: string }>();
  for (const pod of objects.list<Pod>(pods, namespace).slice(0, MOST_PODS)) {
    const reasons = findings(pod, level)
      .map(({ reason }) => reason)
      .join(", ");
    if (reasons === "") continue;
    const { name = "", ownerReferences } = pod.metadata ?? {};
    const owner = ownerReferences?.find(({ controller }) => controller === true)?.uid ?? name;
    const group = seen.get(`${reasons} ${owner}`);
    if (group === undefined) seen.set(`${reasons} ${owner}`, { name, others: 0, reasons });
    else group.others++;
  }
  if (seen.size === 0) return [];
  const texts = [...seen.values()].map(({ name, others, reasons }) => {
    const more = others === 0 ? "" : others === 1 ? " (and 1 other pod)" : ` (and ${others} other pods)`;
    return `${name}${more}: ${reasons}`;
  });
  return [
    `existing pods in namespace ${JSON.stringify(namespace)} violate the new PodSecurity enforce level "${policyText(level)}"`,
    ...texts.toSorted(),
  ];
}
