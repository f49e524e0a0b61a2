/** Keeps containers' logs small: a file past the limit is set aside and the runtime opens a new one (containerLogMaxSize, containerLogMaxFiles). */
import { createReadStream, createWriteStream } from "node:fs";
import { readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { Clock, Logger, Timer } from "@knots/machinery";
import type { RuntimeService } from "../cri/types.ts";
import { errorText } from "../cri/error.ts";

export interface LogRotationOptions {
  readonly runtime: Pick<RuntimeService, "reopenContainerLog">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Running containers and where they log to. */
  readonly containers: () => readonly { readonly id: string; readonly logPath: string }[];
  readonly maxBytes?: number;
  readonly maxFiles?: number;
  readonly periodMs?: number;
}

export class LogRotation {
  readonly #options: LogRotationOptions;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(options: LogRotationOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = this.#options.clock.setTimeout(() => {
      void this.rotateAll().finally(() => {
        if (!this.#stopped) this.start();
      });
    }, this.#options.periodMs ?? 10_000);
  }

  async rotateAll(): Promise<void> {
    for (const { id, logPath } of this.#options.containers()) {
      try {
        await this.#rotate(id, logPath);
      } catch (error) {
        this.#options.logger.warn({ container: id, error: errorText(error) }, "cannot rotate a container's log");
      }
    }
  }

  async #rotate(id: string, path: string): Promise<void> {
    const { maxBytes = 10 * 1024 * 1024, maxFiles = 5, clock, runtime } = this.#options;
    const size = await sizeOf(path);
    if (size === undefined || size < maxBytes) return;
    const older = await olderFiles(path);
    // The newest of them was not compressed: a follower may still have been reading it.
    for (const file of older.filter((name) => !name.endsWith(".gz"))) await compress(file);
    // The current file, the one set aside now, and so many compressed ones.
    for (const file of (await olderFiles(path)).slice(0, Math.max(0, older.length - (maxFiles - 2)))) await rm(file);
    const stamp = new Date(clock.now()).toISOString().replaceAll(/[-:]/g, "").replace("T", "-").slice(0, 15);
    const aside = `${path}.${stamp}`;
    await rename(path, aside);
    try {
      await runtime.reopenContainerLog(id);
    } catch (error) {
      // The runtime still writes to the old file: it gets its name back.
      await rename(aside, path);
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Files set aside before, oldest first; what an interrupted compression left is removed. */
async function olderFiles(path: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of (await readdir(dirname(path))).toSorted()) {
    if (!name.startsWith(`${basename(path)}.`)) continue;
    if (name.endsWith(".tmp")) await rm(join(dirname(path), name));
    else found.push(join(dirname(path), name));
  }
  return found;
}

async function compress(file: string): Promise<void> {
  await pipeline(createReadStream(file), createGzip(), createWriteStream(`${file}.tmp`, { mode: 0o640 }));
  await rename(`${file}.tmp`, `${file}.gz`);
  await rm(file);
}
