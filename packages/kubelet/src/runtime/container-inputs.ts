/** What one container gets from the node: environment, mounts, its own files. */
import { randomBytes } from "node:crypto";
import { chmod, mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Container, Pod } from "@knots/api/core/v1";
import { environment, type EnvironmentContext } from "../env/environment.ts";
import { Mount } from "../generated/cri.ts";
import { resolveSubPath } from "../volumes/sub-path.ts";
import type { MountedVolume } from "../volumes/types.ts";
import { subPathOf, volumeMount } from "./container-config.ts";

export interface ContainerInputsOptions {
  readonly rootDir: string;
  readonly environment: EnvironmentContext;
  readonly volumes: ReadonlyMap<string, MountedVolume>;
  /** Content of the pod's /etc/hosts. */
  readonly hostsFile: string;
}

export interface ContainerInputs {
  readonly environment: ReadonlyMap<string, string>;
  readonly mounts: readonly Mount[];
  readonly devices: readonly { containerPath: string; hostPath: string; permissions: string }[];
}

export function podDirectory(rootDir: string, uid: string): string {
  return join(rootDir, "pods", uid);
}

/** Rejects with the message for CreateContainerConfigError. */
export async function containerInputs(
  pod: Pod,
  container: Container,
  options: ContainerInputsOptions,
): Promise<ContainerInputs> {
  const variables = await environment(pod, container, options.environment);
  const mounts: Mount[] = [];
  for (const mount of container.volumeMounts ?? []) {
    const volume = options.volumes.get(mount.name);
    if (volume === undefined)
      throw new Error(`cannot find volume "${mount.name}" to mount into container "${container.name}"`);
    const subPath = subPathOf(mount, variables);
    const image = volume.image !== undefined;
    const hostPath = subPath === "" || image ? volume.hostPath : await resolveSubPath(volume.hostPath, subPath);
    mounts.push(volumeMount(mount, volume, hostPath, subPath));
  }
  if (!mounts.some((mount) => mount.containerPath === "/etc/hosts")) mounts.push(await hostsMount(pod, options));
  mounts.push(await terminationLogMount(pod, container, options.rootDir));

  const devices = (container.volumeDevices ?? []).map((device) => {
    const hostPath = options.volumes.get(device.name)?.devicePath;
    if (hostPath === undefined)
      throw new Error(`cannot find block device of volume "${device.name}" for container "${container.name}"`);
    return { containerPath: device.devicePath, hostPath, permissions: "mrw" };
  });
  return { environment: variables, mounts, devices };
}

async function hostsMount(pod: Pod, options: ContainerInputsOptions): Promise<Mount> {
  const directory = podDirectory(options.rootDir, pod.metadata?.uid ?? "");
  await mkdir(directory, { recursive: true, mode: 0o750 });
  const hostPath = join(directory, "etc-hosts");
  await writeFile(hostPath, options.hostsFile, { mode: 0o644 });
  return Mount.create({ containerPath: "/etc/hosts", hostPath });
}

/** A new file for each incarnation: the last words of the one before are not its own. */
async function terminationLogMount(pod: Pod, container: Container, rootDir: string): Promise<Mount> {
  const directory = join(podDirectory(rootDir, pod.metadata?.uid ?? ""), "containers", container.name);
  await mkdir(directory, { recursive: true, mode: 0o750 });
  const hostPath = join(directory, randomBytes(4).toString("hex"));
  await writeFile(hostPath, "");
  // Whoever the container runs as may write it; the umask must not decide.
  await chmod(hostPath, 0o666);
  return Mount.create({ containerPath: container.terminationMessagePath ?? "/dev/termination-log", hostPath });
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
