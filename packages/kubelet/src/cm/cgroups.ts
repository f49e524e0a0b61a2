/** The cgroups of the kubelet (driver cgroupfs): <root>/kubepods, its QoS children, and one for each pod. */
import { mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join, posix } from "node:path";
import type { Pod } from "@knots/api/core/v1";
import { podLimits, podQOSClass, podRequests } from "@knots/machinery";
import type { CgroupLayout } from "./cgroup-layout.ts";
import { milliCPU, milliCPUToQuota, milliCPUToShares, QUOTA_PERIOD, wholeValue } from "./resources.ts";

export interface CgroupSettings {
  cpuShares?: number;
  /** 0 or less: no quota. */
  cpuQuota?: number;
  /** Bytes; 0: no limit. */
  memoryLimit?: number;
  pids?: number;
}

/** Path of a pod's cgroup below the root of the hierarchies, as CRI's cgroup_parent wants it. */
export function podCgroup(cgroupRoot: string, pod: Pod): string {
  const base = posix.join("/", cgroupRoot, "kubepods");
  const name = `pod${pod.metadata?.uid ?? ""}`;
  switch (podQOSClass(pod)) {
    case "Guaranteed":
      return posix.join(base, name);
    case "Burstable":
      return posix.join(base, "burstable", name);
    default:
      return posix.join(base, "besteffort", name);
  }
}

/** What a pod as a whole is given. Limits hold for the pod only when every container has one. */
export function podCgroupSettings(pod: Pod, podPidsLimit: number | undefined): CgroupSettings {
  const spec = pod.spec ?? { containers: [] };
  const containers = [...spec.containers, ...(spec.initContainers ?? [])];
  const requests = podRequests(spec);
  const limits = podLimits(spec);
  const all = (resource: string): boolean =>
    spec.resources?.limits?.[resource] !== undefined ||
    containers.every((container) => container.resources?.limits?.[resource] !== undefined);
  const qos = podQOSClass(pod);
  return {
    cpuShares: qos === "BestEffort" ? 2 : milliCPUToShares(milliCPU(text(requests["cpu"]))),
    ...(all("cpu") ? { cpuQuota: milliCPUToQuota(milliCPU(text(limits["cpu"]))) } : {}),
    ...(all("memory") ? { memoryLimit: wholeValue(text(limits["memory"])) } : {}),
    ...(podPidsLimit === undefined ? {} : { pids: podPidsLimit }),
  };
}

/** Quantities come as strings or as Quantity objects, whose toString is the canonical form. */
function text(quantity: { toString(): string } | undefined): string | undefined {
  return quantity?.toString();
}

/** What the burstable pods together are owed, against the guaranteed ones beside them. */
export function burstableShares(pods: readonly Pod[]): number {
  const burstable = pods.filter((pod) => podQOSClass(pod) === "Burstable");
  const total = burstable.reduce(
    (sum, pod) => sum + milliCPU(text(podRequests(pod.spec ?? { containers: [] })["cpu"])),
    0,
  );
  return milliCPUToShares(total);
}

export class CgroupManager {
  #burstable = 0;
  readonly #layout: CgroupLayout;
  readonly #root: string;

  constructor(layout: CgroupLayout, cgroupRoot: string) {
    this.#layout = layout;
    this.#root = posix.join("/", cgroupRoot);
  }

  get layout(): CgroupLayout {
    return this.#layout;
  }

  get version(): 1 | 2 {
    return this.#layout.version;
  }

  /** <root>/kubepods and its QoS children. */
  async ensureRoot(settings: CgroupSettings): Promise<void> {
    const base = posix.join(this.#root, "kubepods");
    await this.apply(base, settings);
    await this.apply(posix.join(base, "besteffort"), { cpuShares: 2 });
    await this.apply(posix.join(base, "burstable"), { cpuShares: 2 });
  }

  async setBurstableShares(cpuShares: number): Promise<void> {
    if (cpuShares === this.#burstable) return;
    this.#burstable = cpuShares;
    await this.apply(posix.join(this.#root, "kubepods", "burstable"), { cpuShares });
  }

  /** Makes the cgroup when it is not there, and writes the settings. */
  async apply(path: string, settings: CgroupSettings): Promise<void> {
    if (this.#layout.version === 2) {
      await this.#applyV2(this.#layout.mount, path, settings);
      return;
    }
    const { mounts } = this.#layout;
    const at = async (controller: string, values: Record<string, number | undefined>): Promise<void> => {
      const mount = mounts.get(controller);
      if (mount === undefined) return;
      const directory = join(mount, path);
      await mkdir(directory, { recursive: true });
      for (const [file, value] of Object.entries(values))
        if (value !== undefined) await writeFile(join(directory, file), String(value));
    };
    const { cpuShares, cpuQuota, memoryLimit, pids } = settings;
    await at("cpu", {
      "cpu.shares": cpuShares,
      ...(cpuQuota === undefined
        ? {}
        : { "cpu.cfs_period_us": QUOTA_PERIOD, "cpu.cfs_quota_us": cpuQuota > 0 ? cpuQuota : -1 }),
    });
    await at("memory", {
      "memory.limit_in_bytes": memoryLimit === undefined ? undefined : memoryLimit > 0 ? memoryLimit : -1,
    });
    await at("pids", { "pids.max": pids });
  }

  async exists(path: string): Promise<boolean> {
    const mount =
      this.#layout.version === 2
        ? this.#layout.mount
        : (this.#layout.mounts.get("cpu") ?? this.#layout.mounts.get("memory"));
    if (mount === undefined) return false;
    return readdir(join(mount, path)).then(
      () => true,
      () => false,
    );
  }

  /** Removes the cgroup and what is below it, in every hierarchy. What still holds processes is left and reported by the rejection. */
  async remove(path: string): Promise<void> {
    const roots = this.#layout.version === 2 ? [this.#layout.mount] : [...new Set(this.#layout.mounts.values())];
    for (const root of roots) await removeTree(join(root, path));
  }

  /** The uids of the pods that have a cgroup. */
  async podUIDs(): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    const mount =
      this.#layout.version === 2
        ? this.#layout.mount
        : (this.#layout.mounts.get("cpu") ?? this.#layout.mounts.get("memory"));
    if (mount === undefined) return found;
    for (const qos of ["", "burstable", "besteffort"]) {
      const parent = posix.join(this.#root, "kubepods", qos);
      for (const name of await readdir(join(mount, parent)).catch(() => []))
        if (name.startsWith("pod")) found.set(name.slice(3), posix.join(parent, name));
    }
    return found;
  }

  async #applyV2(mount: string, path: string, settings: CgroupSettings): Promise<void> {
    // Controllers must be passed down at each level before children can use them.
    let current = mount;
    for (const part of path.split("/").filter((each) => each !== "")) {
      const available = (await readFile(join(current, "cgroup.controllers"), "utf8").catch(() => "")).trim().split(" ");
      const wanted = ["cpu", "memory", "pids", "cpuset", "io"].filter((controller) => available.includes(controller));
      if (wanted.length > 0)
        await writeFile(
          join(current, "cgroup.subtree_control"),
          wanted.map((controller) => `+${controller}`).join(" "),
        );
      current = join(current, part);
      await mkdir(current, { recursive: true });
    }
    const { cpuShares, cpuQuota, memoryLimit, pids } = settings;
    const set = (file: string, value: string): Promise<void> => writeFile(join(current, file), value);
    if (cpuShares !== undefined) await set("cpu.weight", String(sharesToWeight(cpuShares)));
    if (cpuQuota !== undefined) await set("cpu.max", `${cpuQuota > 0 ? cpuQuota : "max"} ${QUOTA_PERIOD}`);
    if (memoryLimit !== undefined) await set("memory.max", memoryLimit > 0 ? String(memoryLimit) : "max");
    if (pids !== undefined) await set("pids.max", String(pids));
  }
}

/** cgroup v1 shares (2…262144) to v2 weight (1…10000). */
export function sharesToWeight(shares: number): number {
  return Math.trunc(1 + ((shares - 2) * 9999) / 262_142);
}

async function removeTree(path: string): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) return;
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(path, entry.name));
  try {
    await rmdir(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
