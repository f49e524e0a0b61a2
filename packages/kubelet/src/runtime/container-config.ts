/** ContainerConfig: everything the runtime must know to create one container. */
import { posix } from "node:path";
import type { Container, Pod, VolumeMount } from "@knots/api/core/v1";
import type { LinuxResources } from "../cm/resources.ts";
import { expand } from "../env/expansion.ts";
import { ContainerConfig, Mount, MountPropagation } from "../generated/cri.ts";
import type { MountedVolume } from "../volumes/types.ts";
import { containerAnnotations, containerLabels } from "./labels.ts";
import { containerSecurityContext, type ImageUser } from "./security-context.ts";

export interface ContainerContext {
  readonly restartCount: number;
  /** What pulling the image returned: the container runs exactly this. */
  readonly imageRef: string;
  readonly imageUser: ImageUser;
  readonly environment: ReadonlyMap<string, string>;
  readonly mounts: readonly Mount[];
  readonly devices: readonly { containerPath: string; hostPath: string; permissions: string }[];
  readonly resources: LinuxResources;
  readonly oomScoreAdj: number;
  readonly seccompRoot: string;
  readonly targetID?: string | undefined;
}

/** Log file of a container, relative to the pod's log directory. */
export function containerLogPath(containerName: string, restartCount: number): string {
  return `${containerName}/${restartCount}.log`;
}

export function containerConfig(pod: Pod, container: Container, context: ContainerContext): ContainerConfig {
  const lookup = (name: string): string | undefined => context.environment.get(name);
  const resources = context.resources;
  return ContainerConfig.create({
    metadata: { name: container.name, attempt: context.restartCount },
    image: { image: context.imageRef, userSpecifiedImage: container.image ?? "" },
    command: (container.command ?? []).map((word) => expand(word, lookup)),
    args: (container.args ?? []).map((word) => expand(word, lookup)),
    workingDir: container.workingDir ?? "",
    envs: [...context.environment].map(([key, value]) => ({ key, value })),
    mounts: [...context.mounts],
    devices: [...context.devices],
    labels: containerLabels(pod, container),
    annotations: containerAnnotations(pod, container, context.restartCount),
    logPath: containerLogPath(container.name, context.restartCount),
    stdin: container.stdin === true,
    stdinOnce: container.stdinOnce === true,
    tty: container.tty === true,
    linux: {
      resources: {
        cpuShares: BigInt(resources.cpuShares),
        cpuQuota: BigInt(resources.cpuQuota),
        cpuPeriod: BigInt(resources.cpuPeriod),
        memoryLimitInBytes: BigInt(resources.memoryLimit),
        oomScoreAdj: BigInt(context.oomScoreAdj),
      },
      securityContext: containerSecurityContext(pod, container, context.imageUser, {
        seccompRoot: context.seccompRoot,
        targetID: context.targetID,
      }),
    },
  });
}

const PROPAGATION: Record<string, MountPropagation> = {
  None: MountPropagation.PROPAGATION_PRIVATE,
  HostToContainer: MountPropagation.PROPAGATION_HOST_TO_CONTAINER,
  Bidirectional: MountPropagation.PROPAGATION_BIDIRECTIONAL,
};

/** The sub-path of a mount with its references filled in. Throws when it would leave the volume. */
export function subPathOf(mount: VolumeMount, environment: ReadonlyMap<string, string>): string {
  const expression = mount.subPathExpr;
  let path = mount.subPath ?? "";
  if (expression !== undefined && expression !== "") {
    const missing: string[] = [];
    path = expand(expression, (name) => {
      const value = environment.get(name);
      if (value === undefined) missing.push(name);
      return value;
    });
    if (missing.length > 0) throw new Error(`missing value for "${missing[0]}"`);
  }
  if (path === "") return "";
  if (posix.isAbsolute(path)) throw new Error(`error SubPath \`${path}\` must not be an absolute path`);
  if (path.split("/").includes("..")) throw new Error(`unable to provision SubPath \`${path}\`: must not contain '..'`);
  return path;
}

/** One mount of a volume. `hostPath` already includes the sub-path. */
export function volumeMount(mount: VolumeMount, volume: MountedVolume, hostPath: string, subPath: string): Mount {
  return Mount.create({
    containerPath: posix.isAbsolute(mount.mountPath) ? mount.mountPath : posix.join("/", mount.mountPath),
    readonly: mount.readOnly === true || volume.readOnly === true,
    recursiveReadOnly: mount.recursiveReadOnly === "Enabled",
    propagation: PROPAGATION[mount.mountPropagation ?? "None"] ?? MountPropagation.PROPAGATION_PRIVATE,
    ...(volume.image === undefined ? { hostPath } : { image: { image: volume.image }, imageSubPath: subPath }),
  });
}
