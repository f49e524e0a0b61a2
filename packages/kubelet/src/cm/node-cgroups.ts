/** Finds the machine's cgroups and makes the node's own: kubepods and its QoS children. */
import { readFile } from "node:fs/promises";
import type { Logger } from "@knots/machinery";
import { cgroupLayout } from "./cgroup-layout.ts";
import { CgroupManager } from "./cgroups.ts";
import { milliCPU, milliCPUToShares, wholeValue } from "./resources.ts";

export interface NodeCgroupsOptions {
  /** undefined: no cgroups are managed. */
  readonly cgroupRoot: string | undefined;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly kubeReserved: Readonly<Record<string, string>>;
  readonly systemReserved: Readonly<Record<string, string>>;
  readonly logger: Logger;
}

export async function nodeCgroups(options: NodeCgroupsOptions): Promise<CgroupManager | undefined> {
  const { cgroupRoot, cpus, memoryBytes, kubeReserved, systemReserved, logger } = options;
  if (cgroupRoot === undefined) return undefined;
  const layout = cgroupLayout(await readFile("/proc/self/mounts", "utf8"));
  if (layout === undefined) {
    logger.warn("no cgroups are mounted on this machine: pods run without limits");
    return undefined;
  }
  const manager = new CgroupManager(layout, cgroupRoot);
  const memory = wholeValue(kubeReserved["memory"]) + wholeValue(systemReserved["memory"]);
  const cpu = milliCPU(kubeReserved["cpu"]) + milliCPU(systemReserved["cpu"]);
  await manager.ensureRoot({
    cpuShares: milliCPUToShares(cpus * 1000 - cpu),
    // Without a reservation all memory belongs to the pods, and a limit would only get in the way.
    ...(memory === 0 ? {} : { memoryLimit: memoryBytes - memory }),
  });
  return manager;
}
