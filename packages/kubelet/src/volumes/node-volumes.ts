/** The volumes of this node's pods: emptyDir, hostPath, image, and those written from API objects. */
import { execFile } from "node:child_process";
import { chmod, chown, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Pod, Volume } from "@knots/api/core/v1";
import type { Clock } from "@knots/machinery";
import { wholeValue } from "../cm/resources.ts";
import { podDirectory } from "../runtime/container-inputs.ts";
import { atomicWrite } from "./atomic-writer.ts";
import { payloadOf, type PayloadContext } from "./payload.ts";
import type { MountedVolume, VolumeManager } from "./types.ts";

export interface NodeVolumesOptions {
  readonly rootDir: string;
  readonly clock: Clock;
  /** What payloads need; asked per pod, because its addresses belong to it. */
  payloadContext(pod: Pod): PayloadContext;
}

const run = promisify(execFile);

export class NodeVolumes implements VolumeManager {
  readonly #options: NodeVolumesOptions;

  constructor(options: NodeVolumesOptions) {
    this.#options = options;
  }

  async mountPod(pod: Pod): Promise<ReadonlyMap<string, MountedVolume>> {
    const mounted = new Map<string, MountedVolume>();
    for (const volume of pod.spec?.volumes ?? []) {
      try {
        mounted.set(volume.name, await this.#mount(pod, volume));
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new Error(`MountVolume.SetUp failed for volume "${volume.name}" : ${reason}`, { cause: error });
      }
    }
    return mounted;
  }

  async unmountPod(uid: string): Promise<void> {
    const volumes = join(podDirectory(this.#options.rootDir, uid), "volumes");
    const mounts = (await readFile("/proc/self/mounts", "utf8"))
      .split("\n")
      .map((line) => (line.split(" ")[1] ?? "").replaceAll("\\040", " "))
      .filter((path) => path.startsWith(`${volumes}/`));
    // Inner mounts first.
    for (const path of mounts.toSorted((a, b) => b.length - a.length)) await run("umount", [path]);
    // Nothing is mounted below any more, so that removing cannot reach beyond the pod's own directory.
    await rm(volumes, { recursive: true, force: true });
  }

  async #mount(pod: Pod, volume: Volume): Promise<MountedVolume> {
    const fsGroup = pod.spec?.securityContext?.fsGroup;
    if (volume.hostPath !== undefined) {
      await checkHostPath(volume.hostPath.path, volume.hostPath.type ?? "");
      return { hostPath: volume.hostPath.path };
    }
    if (volume.image !== undefined) return { hostPath: "", image: volume.image.reference ?? "", readOnly: true };
    if (volume.emptyDir !== undefined) {
      const directory = await this.#directory(pod, "empty-dir", volume.name, 0o777);
      const { medium = "", sizeLimit } = volume.emptyDir;
      // A tmpfs is everybody's as /tmp is, upstream too: the kernel's default.
      const mode = medium === "Memory" ? 0o1777 : 0o777;
      if (medium === "Memory" && !(await isMountPoint(directory))) {
        const size = sizeLimit === undefined ? [] : [`size=${wholeValue(sizeLimit)}`];
        await run("mount", ["-t", "tmpfs", "-o", [`mode=${mode.toString(8)}`, ...size].join(","), "tmpfs", directory]);
      } else if (medium !== "" && medium !== "Memory") {
        throw new Error(`storage medium ${medium} is not supported by this kubelet`);
      }
      await setOwnership(directory, fsGroup, mode);
      return { hostPath: directory };
    }
    const payload = await payloadOf(pod, volume, this.#options.payloadContext(pod));
    if (payload === undefined) {
      const kinds = Object.keys(volume).filter((key) => key !== "name");
      throw new Error(`no volume plugin matched for ${kinds.join(", ")}`);
    }
    const plugin =
      volume.configMap !== undefined
        ? "configmap"
        : volume.secret !== undefined
          ? "secret"
          : volume.projected !== undefined
            ? "projected"
            : "downward-api";
    const directory = await this.#directory(pod, plugin, volume.name, 0o777);
    await atomicWrite(directory, payload, { fsGroup, now: () => this.#options.clock.now() });
    return {
      hostPath: directory,
      readOnly: volume.configMap !== undefined || volume.secret !== undefined || volume.projected !== undefined,
    };
  }

  async #directory(pod: Pod, plugin: string, name: string, mode: number): Promise<string> {
    const directory = join(
      podDirectory(this.#options.rootDir, pod.metadata?.uid ?? ""),
      "volumes",
      `kubernetes.io~${plugin}`,
      name,
    );
    await mkdir(directory, { recursive: true });
    await chmod(directory, mode);
    return directory;
  }
}

async function setOwnership(directory: string, gid: number | undefined, mode: number): Promise<void> {
  if (gid === undefined) return;
  await chown(directory, 0, gid);
  // New files inherit the group.
  await chmod(directory, mode | 0o2000);
}

async function isMountPoint(path: string): Promise<boolean> {
  const [own, parent] = await Promise.all([stat(path), stat(join(path, ".."))]);
  return own.dev !== parent.dev;
}

/** hostPath types: what must be there, and what is made when it is not. */
async function checkHostPath(path: string, type: string): Promise<void> {
  if (type === "") return;
  const there = await stat(path).catch(() => undefined);
  switch (type) {
    case "DirectoryOrCreate":
      if (there === undefined) await mkdir(path, { recursive: true, mode: 0o755 });
      else if (!there.isDirectory()) throw new Error(`hostPath type check failed: ${path} is not a directory`);
      return;
    case "FileOrCreate":
      if (there === undefined) await writeFile(path, "", { mode: 0o644 });
      else if (!there.isFile()) throw new Error(`hostPath type check failed: ${path} is not a file`);
      return;
    case "Directory":
      if (there?.isDirectory() !== true) throw new Error(`hostPath type check failed: ${path} is not a directory`);
      return;
    case "File":
      if (there?.isFile() !== true) throw new Error(`hostPath type check failed: ${path} is not a file`);
      return;
    case "Socket":
      if (there?.isSocket() !== true) throw new Error(`hostPath type check failed: ${path} is not a socket file`);
      return;
    case "CharDevice":
      if (there?.isCharacterDevice() !== true)
        throw new Error(`hostPath type check failed: ${path} is not a character device`);
      return;
    case "BlockDevice":
      if (there?.isBlockDevice() !== true) throw new Error(`hostPath type check failed: ${path} is not a block device`);
      return;
    default:
      throw new Error(`hostPath type check failed: ${type} is not a type of hostPath`);
  }
}
