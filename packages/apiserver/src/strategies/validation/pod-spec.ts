import type { PodDNSConfig, PodSchedulingGate, PodSpec, PodTemplateSpec } from "@knots/api/core/v1";
import { isDNS1123Label, isDNS1123Subdomain, isQualifiedName } from "@knots/machinery";
import type { ObjectMeta } from "@knots/machinery";
import type { FieldError, FieldPath } from "../field.ts";
import { duplicate, forbidden, invalid, required, tooLong } from "../field.ts";
import { validateLegacyIp } from "./addresses.ts";
import { validateAppArmorMatch } from "./app-armor.ts";
import { validateContainers } from "./containers.ts";
import { validateFileKeyVolumes } from "./env.ts";
import { hasBrokenPages } from "./huge-pages.ts";
import { validateAnnotations, validateLabels } from "./metadata.ts";
import { invalidFor, isSearchDomain, nameIsDNSSubdomain, rangeMessage } from "./names.ts";
import { oneOf } from "./numbers.ts";
import { validatePodAnnotations, validateSeccompMatch } from "./pod-annotations.ts";
import { validateOS } from "./pod-os.ts";
import { validatePodLevelResources } from "./pod-level-resources.ts";
import { validateReadinessGates } from "./probes.ts";
import { validatePodClaims } from "./resource-claims.ts";
import { validateResourceRequirements } from "./resources.ts";
import { validateAffinity, validateTolerations } from "./scheduling.ts";
import { validateHostUsers, validatePodSecurityContext } from "./security-context.ts";
import { validateTopologySpread } from "./topology-spread.ts";
import { validateVolumes } from "./volumes.ts";
import { validateHostProcesses } from "./windows-options.ts";

const MAX_INT32 = 2_147_483_647;
const RESTART_POLICIES = ["Always", "OnFailure", "Never"];
const DNS_POLICIES = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];

/** A pod spec, of a pod (with its metadata) or of a template; `old` is what is stored of it, of an update. In upstream's order. */
export function validatePodSpec(
  spec: PodSpec,
  meta: ObjectMeta | undefined,
  path: FieldPath,
  errors: FieldError[],
  old?: PodSpec,
): void {
  if (spec.terminationGracePeriodSeconds === undefined)
    errors.push(required(path.child("terminationGracePeriodSeconds")));
  const volumes = validateVolumes(spec.volumes, meta, path.child("volumes"), errors, old);
  if (spec.resourceClaims !== undefined)
    validatePodClaims(spec.resourceClaims, meta, path.child("resourceClaims"), errors);
  validateContainers(spec, volumes, path, errors, old);
  validatePodLevelResources(spec, path.child("resources"), errors, old);
  validateHostPorts(spec, path.child("containers"), errors);
  oneOf(spec.restartPolicy, RESTART_POLICIES, path.child("restartPolicy"), errors);
  oneOf(spec.dnsPolicy, DNS_POLICIES, path.child("dnsPolicy"), errors);
  validateLabels(spec.nodeSelector, path.child("nodeSelector"), errors);
  validatePodSecurityContext(spec.securityContext, spec, path.child("securityContext"), errors, old);
  validateAffinity(spec.affinity, path.child("affinity"), errors, old?.affinity);
  validateDNSConfig(spec.dnsConfig, spec.dnsPolicy, path.child("dnsConfig"), errors);
  validateReadinessGates(spec.readinessGates, path.child("readinessGates"), errors);
  if (spec.schedulingGates !== undefined) validateGates(spec.schedulingGates, path.child("schedulingGates"), errors);
  const spread = path.child("topologySpreadConstraints");
  validateTopologySpread(spec.topologySpreadConstraints, spread, errors, old?.topologySpreadConstraints);
  validateHostProcesses(spec, path, errors);
  validateHostUsers(spec, path, errors, old);
  validateHostnameOverride(spec, path.child("hostnameOverride"), errors);
  for (const field of ["serviceAccountName", "nodeName"] as const)
    if (spec[field]) invalidFor(nameIsDNSSubdomain(spec[field], false), spec[field], path.child(field), errors);
  const deadline = spec.activeDeadlineSeconds;
  if (deadline !== undefined && (deadline < 1 || deadline > MAX_INT32)) {
    errors.push(invalid(path.child("activeDeadlineSeconds"), deadline, rangeMessage(1, MAX_INT32)));
  }
  for (const field of ["hostname", "subdomain"] as const)
    if (spec[field]) invalidFor(isDNS1123Label(spec[field]), spec[field], path.child(field), errors);
  validateTolerations(spec.tolerations, path.child("tolerations"), errors);
  spec.hostAliases?.forEach((alias, index) => {
    const at = path.child("hostAliases").index(index);
    validateLegacyIp(alias.ip, at.child("ip"), errors);
    alias.hostnames?.forEach((hostname, hostIndex) =>
      invalidFor(isDNS1123Subdomain(hostname), hostname, at.child("hostnames").index(hostIndex), errors),
    );
  });
  const { priorityClassName, runtimeClassName, preemptionPolicy, overhead } = spec;
  if (priorityClassName)
    invalidFor(
      nameIsDNSSubdomain(priorityClassName, false),
      priorityClassName,
      path.child("priorityClassName"),
      errors,
    );
  if (runtimeClassName !== undefined)
    invalidFor(nameIsDNSSubdomain(runtimeClassName, false), runtimeClassName, path.child("runtimeClassName"), errors);
  if (preemptionPolicy !== undefined)
    oneOf(preemptionPolicy, ["PreemptLowerPriority", "Never"], path.child("preemptionPolicy"), errors);
  if (overhead !== undefined) {
    const mayBreakPages = (): boolean => hasBrokenPages(old);
    validateResourceRequirements({ limits: overhead }, path.child("overhead"), errors, { mayBreakPages });
  }
  validateOS(spec, path, errors);
  validateFileKeyVolumes(spec, path, errors);
}

const MAX_HOSTNAME = 64;

/** The name that a pod's containers have for their host, instead of that of the pod (KEP-4762). */
function validateHostnameOverride(spec: PodSpec, path: FieldPath, errors: FieldError[]): void {
  const { hostnameOverride: name } = spec;
  if (name === undefined) return;
  if (spec.setHostnameAsFQDN === true)
    errors.push(forbidden(path, "may not be specified when setHostnameAsFQDN is true"));
  if (spec.hostNetwork === true) errors.push(forbidden(path, "may not be specified when hostNetwork is true"));
  if (name.length > MAX_HOSTNAME) errors.push(tooLong(path, name, MAX_HOSTNAME));
  invalidFor(isDNS1123Subdomain(name), name, path, errors);
}

/** A workload's template, whose metadata upstream looks for without its field; `old` is what is stored of it. */
export function validatePodTemplate(
  template: PodTemplateSpec,
  path: FieldPath,
  errors: FieldError[],
  old?: PodTemplateSpec,
): void {
  const { annotations, labels } = template.metadata ?? {};
  validateLabels(labels, path.child("labels"), errors);
  validateAnnotations(annotations, path.child("annotations"), errors);
  const spec = template.spec ?? { containers: [] };
  validatePodAnnotations(annotations, spec, path.child("annotations"), errors, old?.metadata?.annotations);
  const at = path.child("spec");
  validatePodSpec(spec, undefined, at, errors, old?.spec);
  validateSeccompMatch(template.metadata, spec, at, errors);
  validateAppArmorMatch(template, at, errors);
  // Ephemeral containers belong to running pods only.
  if (spec.ephemeralContainers?.length)
    errors.push(forbidden(at.child("ephemeralContainers"), "ephemeral containers not allowed in pod template"));
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
  nameservers.forEach((server, index) => validateLegacyIp(server, path.child("nameservers").index(index), errors));
  if (searches.length > 32)
    errors.push(invalid(path.child("searches"), searches, "must not have more than 32 search paths"));
  if (searches.join(" ").length > 2048) {
    const why = "must not have more than 2048 characters (including spaces) in the search list";
    errors.push(invalid(path.child("searches"), searches, why));
  }
  searches.forEach((search, index) => {
    // The root alone is allowed.
    if (search === ".") return;
    const name = search.replace(/\.$/, "");
    invalidFor(isSearchDomain(name), name, path.child("searches").index(index), errors);
  });
  options.forEach((option, index) => {
    if (!option.name) errors.push(required(path.child("options").index(index), "must not be empty"));
  });
}
