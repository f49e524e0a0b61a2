// Bringing image archives into a node's containerd, through ctr of the containerd package.
import { statSync } from "node:fs";
import type { NodePaths } from "../cluster/paths.ts";
import { run } from "../host/exec.ts";
import { UserError } from "../user-error.ts";

/** Imports an archive (docker save or OCI layout); answers the names it brought. */
export async function importArchive(node: NodePaths, file: string): Promise<string[]> {
  if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) throw new UserError(`there is no file ${file}`);
  const out = await run("ctr", [
    "-a",
    node.containerdSocket,
    "-n",
    "k8s.io",
    "images",
    "import",
    "--all-platforms",
    file,
  ]);
  return [...out.matchAll(/unpacking (\S+) /g)]
    .map((match) => match[1] ?? "")
    .filter((name) => !name.startsWith("import-"));
}

export interface ImageRow {
  readonly name: string;
  readonly digest: string;
  readonly size: string;
}

export async function listImages(node: NodePaths): Promise<ImageRow[]> {
  const out = await run("ctr", ["-a", node.containerdSocket, "-n", "k8s.io", "images", "ls"]);
  return out
    .split("\n")
    .slice(1)
    .map((line) => line.split(/\s+/))
    .filter(
      (words) =>
        words.length >= 5 && !(words[0] ?? "").startsWith("sha256:") && !(words[0] ?? "").startsWith("import-"),
    )
    .map((words) => ({ name: words[0] ?? "", digest: words[2] ?? "", size: `${words[3] ?? ""} ${words[4] ?? ""}` }));
}

export async function hasImage(node: NodePaths, name: string): Promise<boolean> {
  return (
    (await run("ctr", ["-a", node.containerdSocket, "-n", "k8s.io", "images", "ls", "-q", `name==${name}`])).trim() !==
    ""
  );
}
