/** Which cgroup hierarchies this machine has: v1, v2, or hybrid (v1 controllers beside an empty v2). */

export type CgroupLayout =
  | {
      readonly version: 1;
      /** Mount point of each v1 hierarchy, by controller ("cpu", "memory", "name=systemd"). */ readonly mounts: ReadonlyMap<
        string,
        string
      >;
    }
  | { readonly version: 2; readonly mount: string };

/** `mounts` is the text of /proc/self/mounts. undefined: no cgroups at all. */
export function cgroupLayout(mounts: string): CgroupLayout | undefined {
  const v1 = new Map<string, string>();
  let v2: string | undefined;
  for (const line of mounts.split("\n")) {
    const [, path, type, options] = line.split(" ");
    if (path === undefined || options === undefined) continue;
    if (type === "cgroup2") v2 ??= path;
    if (type !== "cgroup") continue;
    for (const option of options.split(",")) {
      if (CONTROLLERS.has(option) || option.startsWith("name=")) if (!v1.has(option)) v1.set(option, path);
    }
  }
  // In a hybrid set-up the controllers belong to v1.
  if (v1.has("cpu") || v1.has("memory")) return { version: 1, mounts: v1 };
  return v2 === undefined ? undefined : { version: 2, mount: v2 };
}

const CONTROLLERS = new Set([
  "cpu",
  "cpuacct",
  "cpuset",
  "memory",
  "devices",
  "freezer",
  "blkio",
  "pids",
  "hugetlb",
  "net_cls",
  "net_prio",
  "perf_event",
  "rdma",
  "misc",
]);
