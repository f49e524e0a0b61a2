/** Removes garbage from the runtime and the node's directories. */
import { readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Logger } from "@knots/machinery";
import type { RuntimeService } from "../cri/types.ts";
import { podDirectory } from "./container-inputs.ts";
import { findGarbage } from "./garbage.ts";
import type { PodRuntimeStatus } from "./types.ts";

export interface CollectorOptions {
  readonly runtime: RuntimeService;
  readonly logger: Logger;
  readonly rootDir: string;
  readonly logsDir: string;
}

export class Collector {
  readonly #options: CollectorOptions;

  constructor(options: CollectorOptions) {
    this.#options = options;
  }

  async collect(pods: Iterable<PodRuntimeStatus>, keeps: (uid: string) => boolean): Promise<void> {
    const { runtime, logger } = this.#options;
    const garbage = findGarbage(pods, keeps);
    for (const { id, logPath } of garbage.containers) {
      await runtime.removeContainer(id);
      if (logPath !== "") await removeLogs(logPath);
    }
    for (const id of garbage.sandboxes) {
      await runtime.stopPodSandbox(id);
      await runtime.removePodSandbox(id);
    }
    if (garbage.containers.length + garbage.sandboxes.length > 0) {
      logger.debug(
        { containers: garbage.containers.length, sandboxes: garbage.sandboxes.length },
        "removed dead containers and sandboxes",
      );
    }
  }

  /** Everything of a pod that has ended. Its volumes must be unmounted by now. */
  async purge(status: PodRuntimeStatus): Promise<void> {
    const { runtime, rootDir, logsDir } = this.#options;
    for (const container of status.containers) await runtime.removeContainer(container.id);
    for (const sandbox of status.sandboxes) {
      await runtime.stopPodSandbox(sandbox.id);
      await runtime.removePodSandbox(sandbox.id);
    }
    await rm(podDirectory(rootDir, status.uid), { recursive: true, force: true });
    for (const name of await readdir(logsDir).catch(() => [])) {
      if (name.endsWith(`_${status.uid}`)) await rm(join(logsDir, name), { recursive: true, force: true });
    }
  }

  /** uids that have a directory on this node. */
  async podDirectories(): Promise<string[]> {
    return readdir(join(this.#options.rootDir, "pods")).catch(() => []);
  }
}

/** The log of one incarnation, with its rotated predecessors ("0.log", "0.log.20260101-000000.gz"). */
async function removeLogs(logPath: string): Promise<void> {
  const directory = dirname(logPath);
  const base = logPath.slice(directory.length + 1);
  for (const name of await readdir(directory).catch(() => [])) {
    if (name === base || name.startsWith(`${base}.`)) await rm(join(directory, name), { force: true });
  }
}
