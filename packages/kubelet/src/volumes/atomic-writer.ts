/**
 * Writes a set of files so that a reader sees either the old set or the new one: the files lie in a directory named by time, the link
 * `..data` points to it and is replaced by a rename; what containers open are links through `..data`.
 */
import { randomBytes } from "node:crypto";
import {
  chmod,
  chown,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { join, posix } from "node:path";
import type { Payload } from "./payload.ts";

const DATA = "..data";

export interface AtomicWriteOptions {
  /** Owner group of all files and directories: its members may read, and what is made in the directories is theirs, too. */
  readonly fsGroup?: number | undefined;
  now(): number;
}

/** Resolves to whether anything changed. */
export async function atomicWrite(directory: string, payload: Payload, options: AtomicWriteOptions): Promise<boolean> {
  for (const path of payload.keys()) checkPath(path);
  const current = await readlink(join(directory, DATA)).catch(() => undefined);
  if (current !== undefined && (await isSame(join(directory, current), payload))) return false;

  const stamp = `..${new Date(options.now())
    .toISOString()
    .replaceAll(/[-:TZ]/g, "_")
    .replace(/_$/, "")}${randomBytes(4).toString("hex")}`;
  const fresh = join(directory, stamp);
  await mkdir(fresh, { recursive: true });
  await ownDirectory(fresh, options.fsGroup);
  for (const [path, file] of payload) {
    const target = join(fresh, path);
    await mkdir(join(fresh, posix.dirname(path)), { recursive: true });
    for (let made = posix.dirname(path); made !== "."; made = posix.dirname(made))
      await ownDirectory(join(fresh, made), options.fsGroup);
    await writeFile(target, file.data);
    if (file.uid !== undefined || options.fsGroup !== undefined)
      await chown(target, file.uid ?? 0, options.fsGroup ?? 0);
    await chmod(target, options.fsGroup === undefined ? file.mode : file.mode | GROUP_READS);
  }
  const temporary = join(directory, "..data_tmp");
  await rm(temporary, { force: true });
  await symlink(stamp, temporary);
  await rename(temporary, join(directory, DATA));

  const tops = new Set([...payload.keys()].map((path) => path.split("/")[0] ?? path));
  for (const top of tops) {
    const link = join(directory, top);
    const there = await lstat(link).catch(() => undefined);
    if (there === undefined) await symlink(join(DATA, top), link);
  }
  for (const name of await readdir(directory)) {
    if (name === DATA || name === stamp || tops.has(name)) continue;
    await rm(join(directory, name), { recursive: true, force: true });
  }
  return true;
}

function checkPath(path: string): void {
  const parts = path.split("/");
  if (path === "" || posix.isAbsolute(path) || parts.includes("..") || path.startsWith("..")) {
    throw new Error(`invalid path: must be relative, without '..': ${path}`);
  }
}

async function isSame(directory: string, payload: Payload): Promise<boolean> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile());
  if (files.length !== payload.size) return false;
  for (const [path, file] of payload) {
    const content = await readFile(join(directory, path)).catch(() => undefined);
    if (content === undefined || !content.equals(file.data)) return false;
  }
  return true;
}

/** What a volume that containers only read gives its group (upstream's SetVolumeOwnership). */
const GROUP_READS = 0o440;
const GROUP_ENTERS = 0o2550;

async function ownDirectory(path: string, gid: number | undefined): Promise<void> {
  if (gid !== undefined) await chown(path, 0, gid);
  await chmod(path, gid === undefined ? 0o755 : 0o755 | GROUP_ENTERS);
}
