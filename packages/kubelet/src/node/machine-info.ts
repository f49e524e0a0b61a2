/** What the kernel and the distribution say about this machine. */
import { readdir, readFile, statfs } from "node:fs/promises";
import { arch, release } from "node:os";

export interface MachineInfo {
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly machineID: string;
  readonly systemUUID: string;
  readonly bootID: string;
  readonly kernelVersion: string;
  readonly osImage: string;
  /** Go's name of the architecture: amd64, arm64… */
  readonly architecture: string;
  readonly swapBytes: number;
  /** Page size ("2Mi") → bytes set aside. */
  readonly hugePages: Readonly<Record<string, number>>;
}

const ARCHITECTURES: Record<string, string> = { x64: "amd64", ia32: "386", ppc64: "ppc64le" };

/** Architecture as Go and Kubernetes name it. */
export function goArch(node: string = arch()): string {
  return ARCHITECTURES[node] ?? node;
}

export async function readMachineInfo(): Promise<MachineInfo> {
  const read = (path: string): Promise<string> => readFile(path, "utf8").catch(() => "");
  const [meminfo, cpuinfo, machineID, dbusID, uuid, bootID, osRelease, hugePages] = await Promise.all([
    read("/proc/meminfo"),
    read("/proc/cpuinfo"),
    read("/etc/machine-id"),
    read("/var/lib/dbus/machine-id"),
    read("/sys/class/dmi/id/product_uuid"),
    read("/proc/sys/kernel/random/boot_id"),
    read("/etc/os-release"),
    readHugePages(),
  ]);
  const id = machineID.trim() || dbusID.trim();
  return {
    cpus: Math.max(1, cpuinfo.split("\n").filter((line) => line.startsWith("processor")).length),
    memoryBytes: meminfoBytes(meminfo, "MemTotal"),
    machineID: id,
    systemUUID: uuid.trim() || id,
    bootID: bootID.trim(),
    kernelVersion: release(),
    osImage: /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(osRelease)?.[1] ?? "Linux",
    architecture: goArch(),
    swapBytes: meminfoBytes(meminfo, "SwapTotal"),
    hugePages,
  };
}

export function meminfoBytes(meminfo: string, key: string): number {
  return Number(new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(meminfo)?.[1] ?? "0") * 1024;
}

async function readHugePages(): Promise<Record<string, number>> {
  const base = "/sys/kernel/mm/hugepages";
  const result: Record<string, number> = {};
  for (const name of await readdir(base).catch(() => [])) {
    const kib = Number(/^hugepages-(\d+)kB$/.exec(name)?.[1] ?? "0");
    const count = Number((await readFile(`${base}/${name}/nr_hugepages`, "utf8").catch(() => "0")).trim());
    if (kib > 0) result[kib >= 1_048_576 ? `${kib / 1_048_576}Gi` : `${kib / 1024}Mi`] = count * kib * 1024;
  }
  return result;
}

/** Size and free space in bytes, and inodes, of the filesystem that holds `path`. */
export async function filesystem(
  path: string,
): Promise<{ capacity: number; available: number; inodes: number; inodesFree: number }> {
  const stats = await statfs(path);
  return {
    capacity: stats.blocks * stats.bsize,
    available: stats.bavail * stats.bsize,
    inodes: stats.files,
    inodesFree: stats.ffree,
  };
}
