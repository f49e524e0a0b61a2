import type { PodDNSConfig, PodSchedulingGate, PodSpec, PodTemplateSpec } from "@knots/api/core/v1";
import { isDNS1123Label, isDNS1123Subdomain, isQualifiedName } from "@knots/machinery";
import type { ObjectMeta } from "@knots/machinery";
import { isIP } from "node:net";
import type { FieldError, FieldPath } from "../field.ts";
import { duplicate, forbidden, invalid, required } from "../field.ts";
import { validateContainers } from "./containers.ts";
import { validateAnnotations, validateLabels } from "./metadata.ts";
import { invalidFor, nameIsDNSSubdomain, rangeMessage } from "./names.ts";
import { oneOf } from "./numbers.ts";
import { validatePodAnnotations, validateSeccompMatch } from "./pod-annotations.ts";
import { validateOS } from "./pod-os.ts";
import { validateReadinessGates } from "./probes.ts";
import { validateResourceRequirements } from "./resources.ts";
import { validateAffinity, validateTolerations } from "./scheduling.ts";
import { validateHostUsers, validatePodSecurityContext } from "./security-context.ts";
import { validateTopologySpread } from "./topology-spread.ts";
import { validateVolumes } from "./volumes.ts";

const MAX_INT32 = 2_147_483_647;
const RESTART_POLICIES = ["Always", "OnFailure", "Never"];
const DNS_POLICIES = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];

/** A pod spec, of a pod (with its metadata) or of a template; `old` is what is stored of it, of an update of a pod. */
export function validatePodSpec(
  spec: PodSpec,
  meta: ObjectMeta | undefined,
  path: FieldPath,
  errors: FieldError[],
  old?: PodSpec,
): void {
  const volumes = validateVolumes(spec.volumes, meta, path.child("volumes"), errors);
  validateContainers(spec, volumes, path, errors);
  validateResourceRequirements(spec.resources, path.child("resources"), errors);
  oneOf(spec.restartPolicy, RESTART_POLICIES, path.child("restartPolicy"), errors);
  oneOf(spec.dnsPolicy, DNS_POLICIES, path.child("dnsPolicy"), errors);
  validateLabels(spec.nodeSelector, path.child("nodeSelector"), errors);
  validateHostPorts(spec, path.child("containers"), errors);
  validatePodSecurityContext(spec.securityContext, spec, path.child("securityContext"), errors);
  validateAffinity(spec.affinity, path.child("affinity"), errors);
  validateDNSConfig(spec.dnsConfig, spec.dnsPolicy, path.child("dnsConfig"), errors);
  validateReadinessGates(spec.readinessGates, path.child("readinessGates"), errors);
  const spread = path.child("topologySpreadConstraints");
  validateTopologySpread(spec.topologySpreadConstraints, spread, errors, old?.topologySpreadConstraints);
  for (const field of ["serviceAccountName", "nodeName", "priorityClassName", "runtimeClassName"] as const) {
    const value = spec[field];
    if (!value) continue;
    for (const message of nameIsDNSSubdomain(value, false)) errors.push(invalid(path.child(field), value, message));
  }
  const deadline = spec.activeDeadlineSeconds;
  if (deadline !== undefined && (deadline < 1 || deadline > MAX_INT32)) {
    errors.push(invalid(path.child("activeDeadlineSeconds"), deadline, rangeMessage(1, MAX_INT32)));
  }
  for (const field of ["hostname", "subdomain"] as const) {
    const value = spec[field];
    if (!value) continue;
    for (const message of isDNS1123Label(value)) errors.push(invalid(path.child(field), value, message));
  }
  validateTolerations(spec.tolerations, path.child("tolerations"), errors);
  spec.hostAliases?.forEach((alias, index) => {
    const at = path.child("hostAliases").index(index);
    if (isIP(alias.ip) === 0)
      errors.push(invalid(at.child("ip"), alias.ip, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"));
    alias.hostnames?.forEach((hostname, hostIndex) => {
      for (const message of isDNS1123Subdomain(hostname))
        errors.push(invalid(at.child("hostnames").index(hostIndex), hostname, message));
    });
  });
  if (spec.preemptionPolicy !== undefined) {
    oneOf(spec.preemptionPolicy, ["PreemptLowerPriority", "Never"], path.child("preemptionPolicy"), errors);
  }
  if (spec.schedulingGates !== undefined) validateGates(spec.schedulingGates, path.child("schedulingGates"), errors);
  validateHostUsers(spec, path, errors);
  validateOS(spec, path, errors);
}

/** A workload's template; ephemeral containers belong to running pods only. */
export function validatePodTemplate(template: PodTemplateSpec, path: FieldPath, errors: FieldError[]): void {
  validateLabels(template.metadata?.labels, path.child("metadata").child("labels"), errors);
  validateAnnotations(template.metadata?.annotations, path.child("metadata").child("annotations"), errors);
  const spec = template.spec ?? { containers: [] };
  validatePodAnnotations(template.metadata?.annotations, spec, path.child("annotations"), errors);
  validatePodSpec(spec, undefined, path.child("spec"), errors);
  validateSeccompMatch(template.metadata, spec, path.child("spec"), errors);
  if (spec.ephemeralContainers?.length) {
    const why = "ephemeral containers not allowed in pod template";
    errors.push(forbidden(path.child("spec").child("ephemeralContainers"), why));
  }
}

function validateGates(gates: readonly PodSchedulingGate[], path: FieldPath, errors: FieldError[]): void {
  const names = new Set<string>();
  for (const [index, { name }] of gates.entries()) {
    invalidFor(isQualifiedName(name), name, path.index(index), errors);
    if (names.has(name)) errors.push(duplicate(path.index(index), name));
    names.add(name);
  }
}

function validateHostPorts(spec: PodSpec, path: FieldPath, errors: FieldError[]): void {
  if (!spec.hostNetwork) return;
  spec.containers?.forEach((container, index) => {
    container.ports?.forEach((port, portIndex) => {
      // A template need not say it: its pods get it by default.
      if (!port.hostPort || port.hostPort === port.containerPort) return;
      const at = path.index(index).child("ports").index(portIndex).child("hostPort");
      errors.push(invalid(at, port.hostPort, "must match `containerPort` when `hostNetwork` is true"));
    });
  });
}

function validateDNSConfig(
  config: PodDNSConfig | undefined,
  policy: string | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (policy === "None") {
    if (!config) return void errors.push(required(path, "must provide `dnsConfig` when `dnsPolicy` is None"));
    if (!config.nameservers?.length) {
      const why = "must provide at least one DNS nameserver when `dnsPolicy` is None";
      return void errors.push(required(path.child("nameservers"), why));
    }
  }
  if (!config) return;
  const { nameservers = [], searches = [], options = [] } = config;
  if (nameservers.length > 3)
    errors.push(invalid(path.child("nameservers"), nameservers, "must not have more than 3 nameservers"));
  nameservers.forEach((server, index) => {
    if (isIP(server) === 0) {
      const why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
      errors.push(invalid(path.child("nameservers").index(index), server, why));
    }
  });
  if (searches.length > 32)
    errors.push(invalid(path.child("searches"), searches, "must not have more than 32 search paths"));
  if (searches.join(" ").length > 2048) {
    const why = "must not have more than 2048 characters (including spaces) in the search list";
    errors.push(invalid(path.child("searches"), searches, why));
  }
  searches.forEach((search, index) => {
    const name = search.replace(/\.$/, "");
    // A lone dot and names with underscores are allowed.
    if (search === ".") return;
    for (const message of isDNS1123Subdomain(name.replaceAll("_", "a"))) {
      errors.push(invalid(path.child("searches").index(index), search, message));
    }
  });
  options.forEach((option, index) => {
    if (!option.name) errors.push(required(path.child("options").index(index), "must not be empty"));
  });
}
