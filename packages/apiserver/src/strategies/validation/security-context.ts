import type { PodSecurityContext, PodSpec, SeccompProfile, SecurityContext } from "@knots/api/core/v1";
import type { FieldError, FieldPath } from "../field.ts";
import { duplicate, forbidden, invalid, notSupported, required } from "../field.ts";
import { validateAppArmorProfile } from "./app-armor.ts";
import { forEachContainer } from "./each-container.ts";
import { rangeMessage } from "./names.ts";
import { validateDescendingPath } from "./paths.ts";
import { validateWindowsOptions } from "./windows-options.ts";

const MAX_ID = 2_147_483_647;
const SYSCTL_SEGMENT = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
const SYSCTL = new RegExp(`^(${SYSCTL_SEGMENT}[\\./])*${SYSCTL_SEGMENT}$`);
const PROFILE_TYPES = ["Localhost", "RuntimeDefault", "Unconfined"];

export function validateId(id: number | undefined, path: FieldPath, errors: FieldError[]): void {
  if (id !== undefined && (id < 0 || id > MAX_ID)) errors.push(invalid(path, id, rangeMessage(0, MAX_ID)));
}

export function validatePodSecurityContext(
  context: PodSecurityContext | undefined,
  spec: PodSpec,
  path: FieldPath,
  errors: FieldError[],
  old?: PodSpec,
): void {
  validateId(context?.fsGroup, path.child("fsGroup"), errors);
  validateId(context?.runAsUser, path.child("runAsUser"), errors);
  validateId(context?.runAsGroup, path.child("runAsGroup"), errors);
  context?.supplementalGroups?.forEach((id, index) =>
    validateId(id, path.child("supplementalGroups").index(index), errors),
  );
  if (spec.shareProcessNamespace && spec.hostPID) {
    const why = "ShareProcessNamespace and HostPID cannot both be enabled";
    errors.push(invalid(path.child("shareProcessNamespace"), true, why));
  }
  if (!context) return;
  const seen = new Set<string>();
  context.sysctls?.forEach((sysctl, index) => {
    const at = path.child("sysctls").index(index).child("name");
    if (!sysctl.name) errors.push(required(at, ""));
    else if (sysctl.name.length > 253 || !SYSCTL.test(sysctl.name)) {
      const regex = `^(${SYSCTL_SEGMENT}[\\./])*${SYSCTL_SEGMENT}$`;
      errors.push(invalid(at, sysctl.name, `must have at most 253 characters and match regex ${regex}`));
    } else if (seen.has(sysctl.name)) errors.push(duplicate(at, sysctl.name));
    seen.add(sysctl.name);
    const why = hostSysctl(sysctl.name, spec);
    if (why !== undefined && !hasHostSysctls(old)) errors.push(invalid(at, sysctl.name, why));
  });
  const change = context.fsGroupChangePolicy;
  if (change !== undefined && change !== "Always" && change !== "OnRootMismatch") {
    errors.push(notSupported(path.child("fsGroupChangePolicy"), change, ["Always", "OnRootMismatch"]));
  }
  validateSeccompProfile(context.seccompProfile, path.child("seccompProfile"), errors);
  validateWindowsOptions(context.windowsOptions, path.child("windowsOptions"), errors);
  validateAppArmorProfile(context.appArmorProfile, path.child("appArmorProfile"), errors);
  const { supplementalGroupsPolicy: groups, seLinuxChangePolicy: relabeling } = context;
  if (groups !== undefined && !GROUPS_POLICIES.includes(groups))
    errors.push(notSupported(path.child("supplementalGroupsPolicy"), groups, GROUPS_POLICIES));
  // SELinuxMount is off: but what is there may stay.
  const relabelings = old?.securityContext?.seLinuxChangePolicy === undefined ? ["Recursive"] : RELABELINGS;
  if (relabeling !== undefined && !relabelings.includes(relabeling))
    errors.push(notSupported(path.child("seLinuxChangePolicy"), relabeling, relabelings));
}

const GROUPS_POLICIES = ["Merge", "Strict"];
const RELABELINGS = ["MountOption", "Recursive"];

/** Why a setting of the node itself cannot be the pod's (upstream: ValidateHostSysctl). */
function hostSysctl(sysctl: string, spec: PodSpec): string | undefined {
  // Slashes may stand for dots.
  const name = sysctl.replaceAll("/", ".");
  if (spec.hostNetwork && name.startsWith("net.")) return "may not be specified when 'hostNetwork' is true";
  return spec.hostIPC && OF_IPC.some((prefix) => name.startsWith(prefix))
    ? "may not be specified when 'hostIPC' is true"
    : undefined;
}

const hasHostSysctls = (old: PodSpec | undefined): boolean =>
  old?.securityContext?.sysctls?.some(({ name }) => hostSysctl(name, old) !== undefined) === true;

const OF_IPC = ["kernel.sem", "kernel.shm", "kernel.msg", "fs.mqueue."];

/**
 * A pod of its own users has none of the host's namespaces, and no devices: these cannot be given to other users
 * (KEP-127). The names are upstream's.
 */
export function validateHostUsers(spec: PodSpec, path: FieldPath, errors: FieldError[], old?: PodSpec): void {
  if (spec.hostUsers !== false) return;
  const why = "when `hostUsers` is false";
  if (spec.hostNetwork) errors.push(forbidden(path.child("hostNetwork"), why));
  if (spec.hostPID) errors.push(forbidden(path.child("HostPID"), why));
  if (spec.hostIPC) errors.push(forbidden(path.child("HostIPC"), why));
  if (old?.hostUsers === false && hasDevices(old)) return;
  forEachContainer(spec, ({ volumeDevices = [] }, list, index) => {
    if (volumeDevices.length > 0) errors.push(forbidden(path.child(list).index(index).child("volumeDevices"), why));
  });
}

function hasDevices(spec: PodSpec): boolean {
  let has = false;
  forEachContainer(spec, ({ volumeDevices = [] }) => (has ||= volumeDevices.length > 0));
  return has;
}

export function validateSecurityContext(
  context: SecurityContext | undefined,
  hasHostUsers: boolean,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (!context) return;
  validateId(context.runAsUser, path.child("runAsUser"), errors);
  validateId(context.runAsGroup, path.child("runAsGroup"), errors);
  if (context.procMount !== undefined && context.procMount !== "Default" && context.procMount !== "Unmasked") {
    errors.push(notSupported(path.child("procMount"), context.procMount, ["Default", "Unmasked"]));
  }
  if (context.procMount === "Unmasked" && hasHostUsers) {
    const why = "`hostUsers` must be false to use `Unmasked`";
    errors.push(invalid(path.child("procMount"), context.procMount, why));
  }
  validateSeccompProfile(context.seccompProfile, path.child("seccompProfile"), errors);
  if (context.allowPrivilegeEscalation === false) {
    if (context.privileged) {
      errors.push(invalid(path, context, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"));
    }
    for (const capability of context.capabilities?.add ?? []) {
      if (capability !== "CAP_SYS_ADMIN") continue;
      const why = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN";
      errors.push(invalid(path, context, why));
    }
  }
  validateWindowsOptions(context.windowsOptions, path.child("windowsOptions"), errors);
  validateAppArmorProfile(context.appArmorProfile, path.child("appArmorProfile"), errors);
}

function validateSeccompProfile(profile: SeccompProfile | undefined, path: FieldPath, errors: FieldError[]): void {
  if (!profile) return;
  if (!profile.type) errors.push(required(path.child("type"), "type is required when seccompProfile is set"));
  else if (!PROFILE_TYPES.includes(profile.type))
    errors.push(notSupported(path.child("type"), profile.type, PROFILE_TYPES));
  const local = profile.localhostProfile;
  if (profile.type === "Localhost") {
    if (local === undefined) {
      errors.push(required(path.child("localhostProfile"), "must be set when seccomp type is Localhost"));
    } else validateDescendingPath(local, path.child("localhostProfile"), errors);
  } else if (local !== undefined) {
    const why = "can only be set when seccomp type is Localhost";
    errors.push(invalid(path.child("localhostProfile"), profile, why));
  }
}
