import type {
  Container,
  ContainerPort,
  EphemeralContainer,
  PodSpec,
  VolumeDevice,
  VolumeMount,
} from "@knots/api/core/v1";
import { isDNS1123Label, isValidPortName } from "@knots/machinery";
import type { FieldError, FieldPath } from "../field.ts";
import { duplicate, forbidden, invalid, notFound, notSupported, required } from "../field.ts";
import { validateEnv, validateEnvFrom } from "./env.ts";
import { isValidPortNumber } from "./names.ts";
import { validateDescendingPath } from "./paths.ts";
import { validateContainerProbes, validateLifecycle } from "./probes.ts";
import { validateResourceRequirements } from "./resources.ts";
import { validateResizePolicy } from "./resize-policy.ts";
import { validateSecurityContext } from "./security-context.ts";

/** What a container needs to know of its pod's volumes: which names exist, which are claims. */
export type VolumeNames = ReadonlyMap<string, { readonly isClaim: boolean }>;

const PROTOCOLS = ["SCTP", "TCP", "UDP"];
const PULL_POLICIES = ["Always", "IfNotPresent", "Never"];

export function validateContainers(spec: PodSpec, volumes: VolumeNames, path: FieldPath, errors: FieldError[]): void {
  const at = path.child("containers");
  const containers = spec.containers ?? [];
  if (containers.length === 0) errors.push(required(at, ""));
  const names = new Set<string>();
  containers.forEach((container, index) => {
    validateContainer(container, spec, volumes, at.index(index), errors);
    if (names.has(container.name)) errors.push(duplicate(at.index(index).child("name"), container.name));
    names.add(container.name);
    if (container.restartPolicy && !["Always", "Never", "OnFailure"].includes(container.restartPolicy)) {
      const supported = ["Always", "Never", "OnFailure"];
      errors.push(notSupported(at.index(index).child("restartPolicy"), container.restartPolicy, supported));
    }
  });
  checkHostPortConflicts(containers, at, errors);
  validateInitContainers(spec, volumes, path.child("initContainers"), errors);
  validateEphemeralContainers(spec, volumes, path.child("ephemeralContainers"), errors);
}

function validateInitContainers(spec: PodSpec, volumes: VolumeNames, path: FieldPath, errors: FieldError[]): void {
  const names = new Set((spec.containers ?? []).map((container) => container.name));
  spec.initContainers?.forEach((container, index) => {
    const at = path.index(index);
    const sidecar = container.restartPolicy === "Always";
    validateContainer(container, spec, volumes, at, errors);
    if (names.has(container.name)) errors.push(duplicate(at.child("name"), container.name));
    if (container.name) names.add(container.name);
    if (!sidecar) {
      // What only makes sense for something that keeps running.
      for (const field of ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] as const) {
        if (container[field] === undefined) continue;
        const why = "may not be set for init containers without restartPolicy=Always";
        errors.push(forbidden(at.child(field), why));
      }
    }
    checkHostPortConflicts([container], path, errors);
  });
}

const EPHEMERAL_FORBIDDEN = [
  "ports",
  "livenessProbe",
  "readinessProbe",
  "startupProbe",
  "lifecycle",
  "resizePolicy",
] as const;

function validateEphemeralContainers(spec: PodSpec, volumes: VolumeNames, path: FieldPath, errors: FieldError[]): void {
  const others = [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map((container) => container.name);
  const names = new Set(others);
  spec.ephemeralContainers?.forEach((container: EphemeralContainer, index) => {
    const at = path.index(index);
    validateContainer(container, spec, volumes, at, errors);
    if (names.has(container.name)) errors.push(duplicate(at.child("name"), container.name));
    names.add(container.name);
    const target = container.targetContainerName;
    if (target && !others.includes(target)) errors.push(notFound(at.child("targetContainerName"), target));
    for (const field of EPHEMERAL_FORBIDDEN) {
      if (container[field] !== undefined)
        errors.push(forbidden(at.child(field), "cannot be set for an Ephemeral Container"));
    }
    const resources = container.resources;
    if (resources && Object.keys(resources).length > 0) {
      errors.push(forbidden(at.child("resources"), "cannot be set for an Ephemeral Container"));
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

function validateContainer(
  container: Container | EphemeralContainer,
  spec: PodSpec,
  volumes: VolumeNames,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (!container.name) errors.push(required(path.child("name"), ""));
  else
    for (const message of isDNS1123Label(container.name))
      errors.push(invalid(path.child("name"), container.name, message));
  if (!container.image) errors.push(required(path.child("image"), ""));
  validateLifecycle(container.lifecycle, spec.terminationGracePeriodSeconds, path.child("lifecycle"), errors);
  validateContainerProbes(container, path, errors);
  const policy = container.terminationMessagePolicy;
  if (policy !== "File" && policy !== "FallbackToLogsOnError") {
    const at = path.child("terminationMessagePolicy");
    errors.push(policy ? notSupported(at, policy, ["File", "FallbackToLogsOnError"]) : required(at, ""));
  }
  validatePorts(container.ports, path.child("ports"), errors);
  validateEnv(container.env, path.child("env"), errors);
  validateEnvFrom(container.envFrom, path.child("envFrom"), errors);
  validateMounts(container, volumes, path.child("volumeMounts"), errors);
  validateDevices(container, volumes, path.child("volumeDevices"), errors);
  const pull = container.imagePullPolicy;
  if (!pull) errors.push(required(path.child("imagePullPolicy"), ""));
  else if (!PULL_POLICIES.includes(pull)) errors.push(notSupported(path.child("imagePullPolicy"), pull, PULL_POLICIES));
  validateResourceRequirements(container.resources, path.child("resources"), errors);
  if (container.resizePolicy !== undefined)
    validateResizePolicy(container.resizePolicy, spec.restartPolicy, path.child("resizePolicy"), errors);
  validateSecurityContext(container.securityContext, spec.hostUsers !== false, path.child("securityContext"), errors);
}

function validatePorts(ports: readonly ContainerPort[] | undefined, path: FieldPath, errors: FieldError[]): void {
  const names = new Set<string>();
  ports?.forEach((port, index) => {
    const at = path.index(index);
    if (port.name) {
      const messages = isValidPortName(port.name);
      for (const message of messages) errors.push(invalid(at.child("name"), port.name, message));
      if (messages.length === 0 && names.has(port.name)) errors.push(duplicate(at.child("name"), port.name));
      names.add(port.name);
    }
    if (!port.containerPort) errors.push(required(at.child("containerPort"), ""));
    else {
      for (const message of isValidPortNumber(port.containerPort)) {
        errors.push(invalid(at.child("containerPort"), port.containerPort, message));
      }
    }
    if (port.hostPort) {
      for (const message of isValidPortNumber(port.hostPort))
        errors.push(invalid(at.child("hostPort"), port.hostPort, message));
    }
    if (!port.protocol) errors.push(required(at.child("protocol"), ""));
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

function validateMounts(
  container: {
    volumeMounts?: VolumeMount[];
    volumeDevices?: VolumeDevice[];
    securityContext?: { privileged?: boolean };
  },
  volumes: VolumeNames,
  path: FieldPath,
  errors: FieldError[],
): void {
  const paths = new Set<string>();
  const devices = container.volumeDevices ?? [];
  container.volumeMounts?.forEach((mount, index) => {
    const at = path.index(index);
    if (!mount.name) errors.push(required(at.child("name"), ""));
    if (!volumes.has(mount.name)) errors.push(notFound(at.child("name"), mount.name));
    if (!mount.mountPath) errors.push(required(at.child("mountPath"), ""));
    if (paths.has(mount.mountPath)) errors.push(invalid(at.child("mountPath"), mount.mountPath, "must be unique"));
    paths.add(mount.mountPath);
    if (devices.some((device) => device.name === mount.name)) {
      errors.push(invalid(at.child("name"), mount.name, "must not already exist in volumeDevices"));
    }
    if (devices.some((device) => device.devicePath === mount.mountPath)) {
      errors.push(invalid(at.child("mountPath"), mount.mountPath, "must not already exist as a path in volumeDevices"));
    }
    if (mount.subPath) validateDescendingPath(mount.subPath, path.child("subPath"), errors);
    if (mount.subPathExpr) {
      if (mount.subPath) {
        errors.push(
          invalid(at.child("subPathExpr"), mount.subPathExpr, "subPathExpr and subPath are mutually exclusive"),
        );
      }
      validateDescendingPath(mount.subPathExpr, path.child("subPathExpr"), errors);
    }
    const propagation = mount.mountPropagation;
    if (propagation === undefined) return;
    const supported = ["Bidirectional", "HostToContainer", "None"];
    if (!supported.includes(propagation))
      errors.push(notSupported(path.child("mountPropagation"), propagation, supported));
    if (propagation === "Bidirectional" && !container.securityContext?.privileged) {
      const why = "Bidirectional mount propagation is available only to privileged containers";
      errors.push(forbidden(path.child("mountPropagation"), why));
    }
  });
}

function validateDevices(
  container: { volumeDevices?: VolumeDevice[] },
  volumes: VolumeNames,
  path: FieldPath,
  errors: FieldError[],
): void {
  container.volumeDevices?.forEach((device, index) => {
    const at = path.index(index);
    if (!device.name) errors.push(required(at.child("name"), ""));
    const volume = volumes.get(device.name);
    if (!volume) errors.push(notFound(at.child("name"), device.name));
    else if (!volume.isClaim) {
      const why = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
      errors.push(invalid(at.child("name"), device.name, why));
    }
    if (!device.devicePath) errors.push(required(at.child("devicePath"), ""));
  });
}
