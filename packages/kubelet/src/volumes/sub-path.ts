/** Sub-paths of volumes, without ever leaving the volume through a symbolic link. */
import { chmod, mkdir, realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";

/**
 * The path on the node of `subPath` in the volume; created as a directory with the mode of the volume when there is
 * nothing. Rejects when it lies outside.
 */
export async function resolveSubPath(volumePath: string, subPath: string): Promise<string> {
  const root = await realpath(volumePath);
  const inside = (path: string): boolean => path === root || path.startsWith(root + sep);
  const wanted = join(root, subPath);
  // Walk down: each component is either there (and must stay inside) or is made as a plain directory.
  let current = root;
  let made: string | undefined;
  for (const component of subPath.split("/").filter((part) => part !== "" && part !== ".")) {
    const next = join(current, component);
    let real: string | undefined;
    try {
      real = await realpath(next);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
    if (real === undefined) {
      await mkdir(next);
      made = real = next;
    }
    if (!inside(real))
      throw new Error(`failed to prepare subPath for volumeMount: subPath ${subPath} points outside the volume`);
    current = real;
  }
  if (!inside(current)) throw new Error(`subPath ${wanted} points outside the volume`);
  // What the container sees has the volume's mode, all of it: mkdir takes the umask away, and the bits of groups.
  if (made !== undefined) await chmod(made, (await stat(root)).mode & 0o7777);
  return current;
}
