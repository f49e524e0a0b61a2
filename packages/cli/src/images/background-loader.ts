// The large demo images follow in the background: nobody waits for them to have a cluster, and `down` does not leave them at work.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { RealClock } from "@knots/machinery";
import type { ClusterPaths } from "../cluster/paths.ts";
import { identify, isRunning, readPidFile, removePidFile, writePidFile } from "../supervisor/process-identity.ts";
import { endProcess } from "../supervisor/supervised-process.ts";

const GRACE_MS = 2_000;

/** Its own ending: the supervisor looks after what ends in `.pid`. */
function pidFile(paths: ClusterPaths): string {
  return join(paths.run, "image-loader");
}

/** Starts `knots image load-own` as a process group of its own, unless one is at work. */
export function startImageLoader(clusterName: string, paths: ClusterPaths): void {
  const left = readPidFile(pidFile(paths));
  if (left !== undefined && isRunning(left)) return;
  const words = ["image", "load-own", "--name", clusterName, "--data-dir", paths.dataDir];
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", process.argv[1] ?? "", ...words], {
    detached: true,
    stdio: "ignore",
  });
  child.unref();
  const identity = child.pid === undefined ? undefined : identify(child.pid);
  if (identity !== undefined) writePidFile(pidFile(paths), identity);
}

/** Ends it and the tools that it runs. */
export async function endImageLoader(paths: ClusterPaths): Promise<void> {
  const identity = readPidFile(pidFile(paths));
  if (identity === undefined) return;
  if (isRunning(identity)) await endProcess(identity, GRACE_MS, new RealClock(), { group: true });
  removePidFile(pidFile(paths));
}
