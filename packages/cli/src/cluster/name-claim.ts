// Who has a cluster's name on this machine: network namespaces, the bridge and cgroups are named after it, wherever its data are.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../user-error.ts";
import type { ClusterPaths } from "./paths.ts";
import { readSpec } from "./spec.ts";

/** Gone after a restart of the machine, like what the names are of. */
const CLAIMS = "/run/knots";

/**
 * Takes the name for the cluster in `paths`. Throws a UserError while another data directory has a cluster of this name;
 * one whose directory was deleted by hand has lost it.
 */
export function claimName(name: string, paths: Pick<ClusterPaths, "dataDir">, claims = CLAIMS): void {
  const file = join(claims, name);
  mkdirSync(claims, { recursive: true, mode: 0o755 });
  try {
    writeFileSync(file, paths.dataDir, { flag: "wx" });
    return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const other = readFileSync(file, "utf8");
  if (other !== paths.dataDir && readSpec(join(other, "cluster.json"))?.name === name) {
    throw new UserError(
      `there is a cluster ${name} on this machine already, with its data in ${other}; give another --name, or end that one with "knots down --name ${name} --data-dir ${other}".`,
    );
  }
  writeFileSync(file, paths.dataDir);
}

/** Gives the name back, unless somebody else has it. */
export function releaseName(name: string, paths: Pick<ClusterPaths, "dataDir">, claims = CLAIMS): void {
  const file = join(claims, name);
  try {
    if (readFileSync(file, "utf8") !== paths.dataDir) return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  rmSync(file, { force: true });
}
