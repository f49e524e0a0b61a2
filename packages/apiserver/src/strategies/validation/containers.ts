import type { Container, ContainerPort, EphemeralContainer, PodSpec } from "@knots/api/core/v1";
import { isDNS1123Label, isValidPortName } from "@knots/machinery";
import type { FieldError, FieldPath } from "../field.ts";
import { duplicate, forbidden, invalid, notFound, notSupported, required } from "../field.ts";
import { validateInitRestarts, validateRestarts } from "./container-restarts.ts";
import { validateEnv, validateEnvFrom } from "./env.ts";
import { hasBrokenPages } from "./huge-pages.ts";
import { invalidFor, isValidPortNumber } from "./names.ts";
import { validateContainerProbes, validateLifecycle } from "./probes.ts";
import { claimNamesOf } from "./resource-claims.ts";
import { validateResourceRequirements } from "./resources.ts";
import type { ResourceContext } from "./resources.ts";
import { validateResizePolicy } from "./resize-policy.ts";
import { validateSecurityContext } from "./security-context.ts";
import { validateDevices, validateMounts } from "./volume-mounts.ts";
import type { VolumeNames } from "./volume-mounts.ts";

const PROTOCOLS = ["SCTP", "TCP", "UDP"];
const PULL_POLICIES = ["Always", "IfNotPresent", "Never"];

/** What containers need to know of their pod. */
interface Surroundings {
  readonly spec: PodSpec;
  readonly volumes: VolumeNames;
  readonly resources: ResourceContext;
  /** The stored pod, of an update. */
  readonly old: PodSpec | undefined;
}

export function validateContainers(
  spec: PodSpec,
  volumes: VolumeNames,
  path: FieldPath,
  errors: FieldError[],
  old?: PodSpec,
): void {
  const resources = { claims: claimNamesOf(spec), mayBreakPages: () => hasBrokenPages(old) };
  const pod: Surroundings = { spec, volumes, resources, old };
  validateMainContainers(pod, path.child("containers"), errors);
  validateInitContainers(pod, path.child("initContainers"), errors);
  validateEphemeralContainers(pod, path.child("ephemeralContainers"), errors);
}

function validateMainContainers(pod: Surroundings, path: FieldPath, errors: FieldError[]): void {
  // What must be there is looked for here.
  const containers = pod.spec.containers ?? [];
  if (containers.length === 0) return void errors.push(required(path));
  const names = new Set<string>();
  containers.forEach((container, index) => {
    const at = path.index(index);
    validateContainer(container, pod, at, errors);
    if (names.has(container.name)) errors.push(duplicate(at.child("name"), container.name));
    names.add(container.name);
    validateLife(container, pod, at, errors);
    validateRestarts(container, at, errors);
  });
  checkHostPortConflicts(containers, path, errors);
}

/** Hooks and probes: of what keeps running. */
function validateLife(container: Container, { spec }: Surroundings, path: FieldPath, errors: FieldError[]): void {
  validateLifecycle(container.lifecycle, spec.terminationGracePeriodSeconds, path.child("lifecycle"), errors);
  validateContainerProbes(container, path, errors);
}

const OF_SIDECARS = ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] as const;

function validateInitContainers(pod: Surroundings, path: FieldPath, errors: FieldError[]): void {
  const { initContainers } = pod.spec;
  if (initContainers === undefined) return;
  const names = new Set((pod.spec.containers ?? []).map(({ name }) => name));
  initContainers.forEach((container, index) => {
    const at = path.index(index);
    validateContainer(container, pod, at, errors);
    validateInitRestarts(container, at, errors);
    if (names.has(container.name)) errors.push(duplicate(at.child("name"), container.name));
    if (container.name) names.add(container.name);
    checkHostPortConflicts([container], path, errors);
    if (container.restartPolicy === "Always") return validateLife(container, pod, at, errors);
    for (const field of OF_SIDECARS) {
      if (container[field] === undefined) continue;
      errors.push(forbidden(at.child(field), "may not be set for init containers without restartPolicy=Always"));
    }
    container.resizePolicy?.forEach(({ restartPolicy }, policy) => {
      if (restartPolicy !== "RestartContainer" || hasRestartingInits(pod.old)) return;
      const why = "must not be set to 'RestartContainer' for non-sidecar initContainers";
      errors.push(invalid(at.child("resizePolicy").index(policy).child("restartPolicy"), restartPolicy, why));
    });
  });
}

/** Whether a stored pod has what is forbidden now: it may keep it. */
const hasRestartingInits = (old: PodSpec | undefined): boolean =>
  old?.initContainers?.some(
    ({ restartPolicy, resizePolicy }) =>
      restartPolicy !== "Always" && resizePolicy?.some((each) => each.restartPolicy === "RestartContainer") === true,
  ) === true;

/** In upstream's order. */
const NOT_EPHEMERAL = [
  "ports",
  "resources",
  "resizePolicy",
  "restartPolicy",
  "restartPolicyRules",
  "livenessProbe",
  "readinessProbe",
  "startupProbe",
  "lifecycle",
] as const;

function validateEphemeralContainers(pod: Surroundings, path: FieldPath, errors: FieldError[]): void {
  const { containers, initContainers = [], ephemeralContainers } = pod.spec;
  if (ephemeralContainers === undefined) return;
  const others = new Set([...(containers ?? []), ...initContainers].map(({ name }) => name));
  const names = new Set(others);
  ephemeralContainers.forEach((container: EphemeralContainer, index) => {
    const at = path.index(index);
    validateContainer(container, pod, at, errors);
    validateImageSpaces(container, at, errors);
    if (names.has(container.name)) errors.push(duplicate(at.child("name"), container.name));
    names.add(container.name);
    const target = container.targetContainerName;
    if (target && !others.has(target)) errors.push(notFound(at.child("targetContainerName"), target));
    for (const field of NOT_EPHEMERAL) {
      const value = container[field];
      if (value === undefined || (field === "resources" && Object.keys(value).length === 0)) continue;
      errors.push(forbidden(at.child(field), "cannot be set for an Ephemeral Container"));
    }
    container.volumeMounts?.forEach((mount, mountIndex) => {
      for (const field of ["subPath", "subPathExpr"] as const) {
        if (!mount[field]) continue;
        const where = at.child("volumeMounts").index(mountIndex).child(field);
        errors.push(forbidden(where, "cannot be set for an Ephemeral Container"));
      }
    });
  });
}

/** What holds for containers of all kinds. */
function validateContainer(
  container: Container | EphemeralContainer,
  { spec, volumes, resources }: Surroundings,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (!container.name) errors.push(required(path.child("name")));
  else invalidFor(isDNS1123Label(container.name), container.name, path.child("name"), errors);
  if (!container.image) errors.push(required(path.child("image")));
  const policy = container.terminationMessagePolicy;
  if (policy !== "File" && policy !== "FallbackToLogsOnError") {
    const at = path.child("terminationMessagePolicy");
    errors.push(policy ? notSupported(at, policy, ["File", "FallbackToLogsOnError"]) : required(at));
  }
  validatePorts(container.ports, path.child("ports"), errors);
  validateEnv(container.env, path.child("env"), errors);
  validateEnvFrom(container.envFrom, path.child("envFrom"), errors);
  validateMounts(container, volumes, path.child("volumeMounts"), errors);
  validateDevices(container, volumes, path.child("volumeDevices"), errors);
  validatePullPolicy(container.imagePullPolicy, path.child("imagePullPolicy"), errors);
  validateResourceRequirements(container.resources, path.child("resources"), errors, resources);
  if (container.resizePolicy !== undefined)
    validateResizePolicy(container.resizePolicy, spec.restartPolicy, path.child("resizePolicy"), errors);
  validateSecurityContext(container.securityContext, spec.hostUsers !== false, path.child("securityContext"), errors);
}

export function validatePullPolicy(policy: string | undefined, path: FieldPath, errors: FieldError[]): void {
  if (!policy) errors.push(required(path));
  else if (!PULL_POLICIES.includes(policy)) errors.push(notSupported(path, policy, PULL_POLICIES));
}

/** A rule for pods that templates are free of. */
export function validateImageSpaces({ image = "" }: { image?: string }, path: FieldPath, errors: FieldError[]): void {
  if (image.trim() !== image)
    errors.push(invalid(path.child("image"), image, "must not have leading or trailing whitespace"));
}

function validatePorts(ports: readonly ContainerPort[] | undefined, path: FieldPath, errors: FieldError[]): void {
  if (ports === undefined) return;
  const names = new Set<string>();
  ports.forEach((port, index) => {
    const at = path.index(index);
    if (port.name) {
      const messages = isValidPortName(port.name);
      invalidFor(messages, port.name, at.child("name"), errors);
      if (messages.length === 0 && names.has(port.name)) errors.push(duplicate(at.child("name"), port.name));
      if (messages.length === 0) names.add(port.name);
    }
    if (!port.containerPort) errors.push(required(at.child("containerPort")));
    else invalidFor(isValidPortNumber(port.containerPort), port.containerPort, at.child("containerPort"), errors);
    if (port.hostPort) invalidFor(isValidPortNumber(port.hostPort), port.hostPort, at.child("hostPort"), errors);
    if (!port.protocol) errors.push(required(at.child("protocol")));
    else if (!PROTOCOLS.includes(port.protocol))
      errors.push(notSupported(at.child("protocol"), port.protocol, PROTOCOLS));
  });
}

/** Two containers of a pod cannot have the same host port on the same address. */
function checkHostPortConflicts(containers: readonly Container[], path: FieldPath, errors: FieldError[]): void {
  const seen = new Set<string>();
  containers.forEach((container, index) => {
    container.ports?.forEach((port, portIndex) => {
      if (!port.hostPort) return;
      const key = `${port.protocol}/${port.hostIP ?? ""}/${port.hostPort}`;
      const at = path.index(index).child("ports").index(portIndex).child("hostPort");
      if (seen.has(key)) errors.push(duplicate(at, key));
      seen.add(key);
    });
  });
}
