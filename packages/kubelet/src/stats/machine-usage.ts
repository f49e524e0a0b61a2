/** What the machine as a whole has used, from /proc. */
import { readFile } from "node:fs/promises";
import { meminfoBytes } from "../node/machine-info.ts";
import { fields } from "./cgroup-usage.ts";
import type { NetworkUsage, Usage } from "./usage.ts";

/** USER_HZ: the same on every Linux. */
const NANOSECONDS_PER_TICK = 10_000_000;

export async function readMachineUsage(now: number): Promise<Usage> {
  const [stat, meminfo, vmstat] = await Promise.all(
    ["/proc/stat", "/proc/meminfo", "/proc/vmstat"].map((path) => readFile(path, "utf8")),
  );
  return machineUsage(stat ?? "", meminfo ?? "", vmstat ?? "", now);
}

export function machineUsage(stat: string, meminfo: string, vmstat: string, now: number): Usage {
  const total = meminfoBytes(meminfo, "MemTotal");
  const usageBytes = total - meminfoBytes(meminfo, "MemFree");
  const workingSetBytes = Math.max(0, usageBytes - meminfoBytes(meminfo, "Inactive\\(file\\)"));
  const events = fields(vmstat);
  return {
    at: now,
    cpuNanoseconds: busyTicks(stat) * NANOSECONDS_PER_TICK,
    memory: {
      usageBytes,
      workingSetBytes,
      availableBytes: total - workingSetBytes,
      rssBytes: meminfoBytes(meminfo, "AnonPages"),
      pageFaults: events.get("pgfault"),
      majorPageFaults: events.get("pgmajfault"),
    },
  };
}

/** user, nice, system, irq, softirq and steal; guests are in user already. */
function busyTicks(stat: string): number {
  const [, user, nice, system, , , irq, softirq, steal] = (/^cpu .*$/m.exec(stat)?.[0] ?? "").split(/ +/).map(Number);
  return [user, nice, system, irq, softirq, steal].reduce<number>((sum, ticks) => sum + (ticks ?? 0), 0);
}

/** The interfaces of /proc/net/dev but the loopback. */
export function networkUsage(text: string): NetworkUsage[] {
  return text
    .split("\n")
    .slice(2)
    .flatMap((line) => {
      const [name = "", rest = ""] = line.trim().split(/:\s*/);
      if (name === "" || name === "lo") return [];
      const [rxBytes = 0, , rxErrors = 0, , , , , , txBytes = 0, , txErrors = 0] = rest.split(/ +/).map(Number);
      return [{ name, rxBytes, rxErrors, txBytes, txErrors }];
    });
}

/** The network as a process sees it; empty when it is gone. */
export async function readNetworkUsage(pid: number | "self"): Promise<NetworkUsage[]> {
  return networkUsage(await readFile(`/proc/${pid}/net/dev`, "utf8").catch(() => ""));
}
