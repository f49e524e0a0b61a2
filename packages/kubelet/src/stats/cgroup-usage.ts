/** What a cgroup has used: the kernel's files of v1 and v2, read and understood. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { CgroupLayout } from "../cm/cgroup-layout.ts";
import type { MemoryUsage, Usage } from "./usage.ts";

/** Undefined: there is no such cgroup. */
export async function readCgroupUsage(layout: CgroupLayout, path: string, now: number): Promise<Usage | undefined> {
  const read = (mount: string | undefined, file: string): Promise<string | undefined> =>
    mount === undefined ? Promise.resolve(undefined) : readFile(join(mount, path, file), "utf8").catch(() => undefined);
  if (layout.version === 2) {
    const [cpu, current, stat, max] = await Promise.all(
      ["cpu.stat", "memory.current", "memory.stat", "memory.max"].map((file) => read(layout.mount, file)),
    );
    if (cpu === undefined && current === undefined) return undefined;
    return { at: now, cpuNanoseconds: cpuOfV2(cpu), memory: memoryOfV2(current, stat, max) };
  }
  const memory = layout.mounts.get("memory");
  const [cpu, usage, stat, limit] = await Promise.all([
    read(layout.mounts.get("cpuacct") ?? layout.mounts.get("cpu"), "cpuacct.usage"),
    read(memory, "memory.usage_in_bytes"),
    read(memory, "memory.stat"),
    read(memory, "memory.limit_in_bytes"),
  ]);
  if (cpu === undefined && usage === undefined) return undefined;
  return {
    at: now,
    cpuNanoseconds: cpu === undefined ? undefined : Number(cpu),
    memory: memoryOfV1(usage, stat, limit),
  };
}

export function cpuOfV2(stat: string | undefined): number | undefined {
  const microseconds = fields(stat).get("usage_usec");
  return microseconds === undefined ? undefined : microseconds * 1000;
}

export function memoryOfV2(
  current: string | undefined,
  stat: string | undefined,
  max: string | undefined,
): MemoryUsage | undefined {
  if (current === undefined) return undefined;
  const values = fields(stat);
  return memory(Number(current), values.get("inactive_file"), {
    rssBytes: values.get("anon"),
    pageFaults: values.get("pgfault"),
    majorPageFaults: values.get("pgmajfault"),
    limit: max === undefined || max.trim() === "max" ? undefined : Number(max),
  });
}

export function memoryOfV1(
  usage: string | undefined,
  stat: string | undefined,
  limit: string | undefined,
): MemoryUsage | undefined {
  if (usage === undefined) return undefined;
  const values = fields(stat);
  const bytes = Number(limit ?? Infinity);
  return memory(Number(usage), values.get("total_inactive_file"), {
    rssBytes: values.get("total_rss"),
    pageFaults: values.get("total_pgfault"),
    majorPageFaults: values.get("total_pgmajfault"),
    // Without a limit the kernel says the largest number of pages there is.
    limit: bytes < 2 ** 62 ? bytes : undefined,
  });
}

function memory(
  usageBytes: number,
  inactiveFile: number | undefined,
  more: {
    rssBytes: number | undefined;
    pageFaults: number | undefined;
    majorPageFaults: number | undefined;
    limit: number | undefined;
  },
): MemoryUsage {
  const { limit, ...rest } = more;
  // What the kernel could drop at once is not worked with.
  const workingSetBytes = Math.max(0, usageBytes - (inactiveFile ?? 0));
  const availableBytes = limit === undefined ? undefined : Math.max(0, limit - workingSetBytes);
  return { usageBytes, workingSetBytes, availableBytes, ...rest };
}

/** "name value" lines. */
export function fields(text: string | undefined): Map<string, number> {
  return new Map(
    (text ?? "")
      .split("\n")
      .map((line) => line.split(" "))
      .filter((parts) => parts.length === 2)
      .map(([name = "", value]) => [name, Number(value)]),
  );
}
