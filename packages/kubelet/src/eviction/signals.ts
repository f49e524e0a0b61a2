/** Eviction signals: what is left of memory, disk and process ids, and which thresholds are crossed. Pure but for `observe`. */
import { readFile } from "node:fs/promises";
import { thresholdBytes } from "../node/capacity.ts";
import { filesystem, meminfoBytes } from "../node/machine-info.ts";

export type Signal =
  | "memory.available"
  | "nodefs.available"
  | "nodefs.inodesFree"
  | "imagefs.available"
  | "imagefs.inodesFree"
  | "pid.available";

export interface Observation {
  readonly available: number;
  readonly capacity: number;
}

export type Observations = Partial<Record<Signal, Observation>>;

export interface Pressure {
  readonly memory: boolean;
  readonly disk: boolean;
  readonly pid: boolean;
}

/** The signals whose threshold (quantity or percentage) is crossed. A signal that was not observed is not. */
export function crossed(thresholds: Readonly<Record<string, string>>, observed: Observations): Signal[] {
  return (Object.keys(observed) as Signal[]).filter((signal) => {
    const threshold = thresholds[signal];
    const seen = observed[signal];
    return (
      threshold !== undefined &&
      seen !== undefined &&
      seen.capacity > 0 &&
      seen.available < thresholdBytes(threshold, seen.capacity)
    );
  });
}

export function pressureOf(signals: readonly Signal[]): Pressure {
  return {
    memory: signals.includes("memory.available"),
    disk: signals.some((signal) => signal.startsWith("nodefs.") || signal.startsWith("imagefs.")),
    pid: signals.includes("pid.available"),
  };
}

/** `imageRoot`: where the runtime keeps images; undefined when it is not known. */
export async function observe(rootDir: string, imageRoot: string | undefined): Promise<Observations> {
  const [meminfo, node, images, pidMax, loadavg] = await Promise.all([
    readFile("/proc/meminfo", "utf8"),
    filesystem(rootDir),
    imageRoot === undefined ? undefined : filesystem(imageRoot).catch(() => undefined),
    readFile("/proc/sys/kernel/pid_max", "utf8").catch(() => ""),
    readFile("/proc/loadavg", "utf8").catch(() => ""),
  ]);
  const observed: Observations = {
    "memory.available": {
      available: meminfoBytes(meminfo, "MemAvailable"),
      capacity: meminfoBytes(meminfo, "MemTotal"),
    },
    "nodefs.available": { available: node.available, capacity: node.capacity },
    "nodefs.inodesFree": { available: node.inodesFree, capacity: node.inodes },
  };
  if (images !== undefined) {
    observed["imagefs.available"] = { available: images.available, capacity: images.capacity };
    observed["imagefs.inodesFree"] = { available: images.inodesFree, capacity: images.inodes };
  }
  const limit = Number(pidMax);
  const tasks = Number(/ \d+\/(\d+) /.exec(loadavg)?.[1] ?? "0");
  if (limit > 0) observed["pid.available"] = { available: limit - tasks, capacity: limit };
  return observed;
}
