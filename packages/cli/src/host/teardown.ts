// Leaving nothing behind: the containers' processes, mounts and cgroups of a node or a cluster. Only what lies in our own folders and cgroups is touched.
import { existsSync, readdirSync, readFileSync, readlinkSync, rmdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { ClusterPaths, NodePaths } from "../cluster/paths.ts";
import { run } from "./exec.ts";

const CGROUP = "/sys/fs/cgroup";

/** The mount points of every cgroup hierarchy: the v2 one, each v1 controller's. */
function cgroupRoots(): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => line.split(" ")[4] ?? "")
    .filter((path) => path.startsWith(CGROUP));
}

function folders(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(dir, entry.name));
}

/** A cgroup and all below it, deepest first; one that goes away while it is listed, as its last process ends, is left out. */
export function tree(dir: string, list: (dir: string) => string[] = folders): string[] {
  let below: string[];
  try {
    below = list(dir);
  } catch (error) {
    // ENODEV: it went away between being opened and being read.
    if (["ENOENT", "ENODEV"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
    throw error;
  }
  return [...below.flatMap((each) => tree(each, list)), dir];
}

function pidsIn(group: string): Set<number> {
  const pids = new Set<number>();
  for (const root of cgroupRoots()) {
    for (const dir of tree(join(root, group))) {
      try {
        for (const pid of readFileSync(join(dir, "cgroup.procs"), "utf8").split("\n"))
          if (pid !== "") pids.add(Number(pid));
      } catch {
        // The cgroup went away between listing and reading.
      }
    }
  }
  return pids;
}

/** Processes whose command line names a path below `dir`: containerd's shims, and tools of ours. */
function pidsNaming(dir: string): Set<number> {
  const pids = new Set<number>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
    try {
      const words = readFileSync(`/proc/${entry}/cmdline`, "utf8").split("\0");
      if (/containerd-shim/.test(words[0] ?? "") && words.some((word) => word.startsWith(`${dir}/`)))
        pids.add(Number(entry));
    } catch {
      // It ended while we looked.
    }
  }
  return pids;
}

/** Processes that stand in the network namespace of a node. */
function pidsInNetns(netnsFile: string): Set<number> {
  const pids = new Set<number>();
  if (!existsSync(netnsFile)) return pids;
  let inode: bigint;
  try {
    inode = BigInt(statInode(netnsFile));
  } catch {
    return pids;
  }
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      if (readlinkSync(`/proc/${entry}/ns/net`) === `net:[${inode}]`) pids.add(Number(entry));
    } catch {
      // It ended while we looked.
    }
  }
  pids.delete(process.pid);
  return pids;
}

function statInode(file: string): number {
  return Number(statSync(file).ino);
}

async function killAll(find: () => Set<number>): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const pids = find();
    if (pids.size === 0) return;
    for (const pid of pids) {
      try {
        process.kill(pid, "SIGKILL");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`processes ${[...find()].join(", ")} do not end; the machine may be waiting for a disk`);
}

/** Mount points below a folder, innermost first. */
export function mountsBelow(dir: string, mountinfo = readFileSync("/proc/self/mountinfo", "utf8")): string[] {
  return mountinfo
    .split("\n")
    .map((line) =>
      (line.split(" ")[4] ?? "").replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))),
    )
    .filter((path) => path === dir || path.startsWith(`${dir}/`))
    .toReversed();
}

async function unmountBelow(dir: string): Promise<void> {
  for (let attempt = 0; attempt < 5; attempt++) {
    const mounts = mountsBelow(dir);
    if (mounts.length === 0) return;
    for (const mount of mounts) {
      // A mount that shares propagation may have gone with another; the next round sees what is left.
      await run("umount", ["-l", mount]).catch(() => undefined);
    }
  }
  const left = mountsBelow(dir);
  if (left.length > 0) throw new Error(`these mounts do not come off: ${left.join(", ")}`);
}

function removeCgroups(group: string): void {
  for (const root of cgroupRoots()) {
    for (const dir of tree(join(root, group))) {
      try {
        rmdirSync(dir);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      }
    }
  }
}

/** What power-off does to a node: its containers and their shims end, mounts and cgroups go; what is on disk stays. */
export async function powerOffNode(
  clusterName: string,
  nodeName: string,
  paths: NodePaths,
  runDir: string,
): Promise<void> {
  const group = join("knots", clusterName, nodeName);
  await killAll(() => new Set([...pidsNaming(join(runDir, nodeName)), ...pidsIn(group)]));
  await unmountBelow(join(runDir, nodeName));
  await unmountBelow(paths.root);
  removeCgroups(group);
  rmSync(join(runDir, nodeName), { recursive: true, force: true });
  forgetCniResults(`knots-${clusterName}-${nodeName}`);
}

/** libcni caches a result a container in a folder of the machine's; those of our network go with it. */
function forgetCniResults(network: string): void {
  const dir = "/var/lib/cni/results";
  if (!existsSync(dir)) return;
  for (const file of readdirSync(dir)) if (file.startsWith(`${network}-`)) rmSync(join(dir, file), { force: true });
}

/** Ends what still stands in a node's network namespace after its supervisor stopped. */
export async function endInNetns(netnsFile: string): Promise<void> {
  await killAll(() => pidsInNetns(netnsFile));
}

/** The cgroups above the nodes', when no node is left. */
export function removeClusterCgroups(clusterName: string): void {
  removeCgroups(join("knots", clusterName));
  for (const root of cgroupRoots()) {
    const parent = join(root, "knots");
    if (existsSync(parent) && folders(parent).length === 0) rmdirSync(parent);
  }
}

/** A last look for mounts anywhere below the cluster's folder. */
export async function unmountCluster(paths: ClusterPaths): Promise<void> {
  await unmountBelow(paths.dataDir);
}
