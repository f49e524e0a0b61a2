/** Security contexts of pod and container, put together and translated for the runtime. */
import type { Container, Pod, SecurityContext } from "@knots/api/core/v1";
import {
  LinuxContainerSecurityContext,
  LinuxSandboxSecurityContext,
  NamespaceMode,
  type NamespaceOption,
  type SecurityProfile,
  SecurityProfileType,
  SupplementalGroupsPolicy,
} from "../generated/cri.ts";
import { formatPod } from "./labels.ts";

const MASKED_PATHS = [
  "/proc/asound",
  "/proc/acpi",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
];
const READONLY_PATHS = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/** The user an image runs as when nothing else is said. */
export interface ImageUser {
  readonly uid: number | undefined;
  readonly username: string;
}

type Merged = Pick<
  SecurityContext,
  | "runAsUser"
  | "runAsGroup"
  | "runAsNonRoot"
  | "seLinuxOptions"
  | "seccompProfile"
  | "appArmorProfile"
  | "procMount"
  | "capabilities"
> & { privileged: boolean; readOnlyRootFilesystem: boolean; allowPrivilegeEscalation: boolean | undefined };

/** What the container says wins over what the pod says. */
export function effectiveSecurityContext(pod: Pod, container: Container): Merged {
  const outer = pod.spec?.securityContext;
  const own = container.securityContext;
  const merged: Merged = {
    privileged: own?.privileged === true,
    readOnlyRootFilesystem: own?.readOnlyRootFilesystem === true,
    allowPrivilegeEscalation: own?.allowPrivilegeEscalation,
  };
  const pick = <K extends keyof Merged>(key: K, value: Merged[K] | undefined): void => {
    if (value !== undefined) merged[key] = value;
  };
  pick("runAsUser", own?.runAsUser ?? outer?.runAsUser);
  pick("runAsGroup", own?.runAsGroup ?? outer?.runAsGroup);
  pick("runAsNonRoot", own?.runAsNonRoot ?? outer?.runAsNonRoot);
  pick("seLinuxOptions", own?.seLinuxOptions ?? outer?.seLinuxOptions);
  pick("seccompProfile", own?.seccompProfile ?? outer?.seccompProfile);
  pick("appArmorProfile", own?.appArmorProfile ?? outer?.appArmorProfile);
  pick("procMount", own?.procMount);
  pick("capabilities", own?.capabilities);
  return merged;
}

/** Throws when the container must not run as root and would, or when that cannot be known. */
export function verifyRunAsNonRoot(pod: Pod, container: Container, image: ImageUser): void {
  const context = effectiveSecurityContext(pod, container);
  if (context.runAsNonRoot !== true) return;
  const where = `(pod: "${formatPod(pod)}", container: ${container.name})`;
  if (context.runAsUser !== undefined) {
    if (context.runAsUser === 0) throw new Error(`container's runAsUser breaks non-root policy ${where}`);
    return;
  }
  if (image.uid === 0) throw new Error(`container has runAsNonRoot and image will run as root ${where}`);
  if (image.uid === undefined && image.username !== "") {
    throw new Error(
      `container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root ${where}`,
    );
  }
}

export interface SecurityContextOptions {
  /** Directory that localhost seccomp profiles are relative to. */
  readonly seccompRoot: string;
  /** Container whose process namespace an ephemeral container joins. */
  readonly targetID?: string | undefined;
}

export function containerSecurityContext(
  pod: Pod,
  container: Container,
  image: ImageUser,
  options: SecurityContextOptions,
): LinuxContainerSecurityContext {
  const context = effectiveSecurityContext(pod, container);
  const unmasked = context.procMount === "Unmasked" || context.privileged;
  const user = context.runAsUser ?? image.uid;
  return LinuxContainerSecurityContext.create({
    privileged: context.privileged,
    readonlyRootfs: context.readOnlyRootFilesystem,
    noNewPrivs: context.allowPrivilegeEscalation === false && !context.privileged,
    namespaceOptions: namespaceOptions(pod, options.targetID),
    supplementalGroups: supplementalGroups(pod),
    supplementalGroupsPolicy: groupsPolicy(pod),
    maskedPaths: unmasked ? [] : MASKED_PATHS,
    readonlyPaths: unmasked ? [] : READONLY_PATHS,
    seccomp: seccompProfile(context.seccompProfile, options.seccompRoot),
    ...apparmor(context.appArmorProfile),
    ...(user === undefined ? { runAsUsername: image.username } : { runAsUser: { value: BigInt(user) } }),
    ...(context.runAsGroup === undefined ? {} : { runAsGroup: { value: BigInt(context.runAsGroup) } }),
    ...(context.capabilities === undefined
      ? {}
      : {
          capabilities: {
            addCapabilities: context.capabilities.add ?? [],
            dropCapabilities: context.capabilities.drop ?? [],
          },
        }),
    ...(context.seLinuxOptions === undefined ? {} : { selinuxOptions: context.seLinuxOptions }),
  });
}

export function sandboxSecurityContext(pod: Pod, seccompRoot: string): LinuxSandboxSecurityContext {
  const context = pod.spec?.securityContext;
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  return LinuxSandboxSecurityContext.create({
    // The sandbox must be privileged for any container in it to be.
    privileged: containers.some((container) => container.securityContext?.privileged === true),
    namespaceOptions: namespaceOptions(pod, undefined),
    supplementalGroups: supplementalGroups(pod),
    supplementalGroupsPolicy: groupsPolicy(pod),
    // The pause process needs nothing that the runtime's profile forbids.
    seccomp:
      context?.seccompProfile === undefined
        ? { profileType: SecurityProfileType.RuntimeDefault }
        : seccompProfile(context.seccompProfile, seccompRoot),
    ...(context?.runAsUser === undefined ? {} : { runAsUser: { value: BigInt(context.runAsUser) } }),
    ...(context?.runAsUser === undefined || context.runAsGroup === undefined
      ? {}
      : { runAsGroup: { value: BigInt(context.runAsGroup) } }),
    ...(context?.seLinuxOptions === undefined ? {} : { selinuxOptions: context.seLinuxOptions }),
  });
}

function namespaceOptions(pod: Pod, targetID: string | undefined): Partial<NamespaceOption> {
  const spec = pod.spec;
  const pid =
    spec?.hostPID === true
      ? NamespaceMode.NODE
      : spec?.shareProcessNamespace === true
        ? NamespaceMode.POD
        : NamespaceMode.CONTAINER;
  return {
    network: spec?.hostNetwork === true ? NamespaceMode.NODE : NamespaceMode.POD,
    ipc: spec?.hostIPC === true ? NamespaceMode.NODE : NamespaceMode.POD,
    pid: targetID === undefined ? pid : NamespaceMode.TARGET,
    ...(targetID === undefined ? {} : { targetId: targetID }),
  };
}

function supplementalGroups(pod: Pod): bigint[] {
  const context = pod.spec?.securityContext;
  return [...(context?.fsGroup === undefined ? [] : [context.fsGroup]), ...(context?.supplementalGroups ?? [])].map(
    BigInt,
  );
}

function groupsPolicy(pod: Pod): SupplementalGroupsPolicy {
  return pod.spec?.securityContext?.supplementalGroupsPolicy === "Strict"
    ? SupplementalGroupsPolicy.Strict
    : SupplementalGroupsPolicy.Merge;
}

function seccompProfile(
  profile: { type: string; localhostProfile?: string } | undefined,
  root: string,
): SecurityProfile {
  switch (profile?.type) {
    case "RuntimeDefault":
      return { profileType: SecurityProfileType.RuntimeDefault, localhostRef: "" };
    case "Localhost":
      if (profile.localhostProfile === undefined || profile.localhostProfile === "") {
        throw new Error("localhostProfile must be set if seccompProfile type is Localhost.");
      }
      return { profileType: SecurityProfileType.Localhost, localhostRef: `${root}/${profile.localhostProfile}` };
    default:
      return { profileType: SecurityProfileType.Unconfined, localhostRef: "" };
  }
}

function apparmor(profile: { type: string; localhostProfile?: string } | undefined): { apparmor?: SecurityProfile } {
  switch (profile?.type) {
    case "RuntimeDefault":
      return { apparmor: { profileType: SecurityProfileType.RuntimeDefault, localhostRef: "" } };
    case "Unconfined":
      return { apparmor: { profileType: SecurityProfileType.Unconfined, localhostRef: "" } };
    case "Localhost":
      return { apparmor: { profileType: SecurityProfileType.Localhost, localhostRef: profile.localhostProfile ?? "" } };
    default:
      return {};
  }
}
