/** /stats/summary (stats/v1alpha1 Summary). Pure. */
import { formatTime } from "@knots/machinery";
import type { ContainerFigures, Filesystem, NodeFigures, PodFigures } from "./stats-provider.ts";
import type { NetworkUsage, Usage } from "./usage.ts";

export function summaryOf(nodeName: string, figures: NodeFigures, onlyCpuAndMemory: boolean): object {
  const { at, usage, nanoCores, fs, imageFs, processes } = figures;
  const fsAt = fs === undefined ? undefined : fsOf(fs, at);
  return {
    node: {
      nodeName,
      startTime: time(figures.startedAt),
      ...cpuAndMemory(usage, nanoCores),
      ...(onlyCpuAndMemory
        ? {}
        : {
            ...network(figures.network, at),
            ...(fsAt === undefined ? {} : { fs: fsAt }),
            ...(imageFs === undefined
              ? {}
              : { runtime: { imageFs: { ...fsOf(imageFs, at), usedBytes: imageFs.usedBytes } } }),
            ...(processes === undefined
              ? {}
              : { rlimit: { time: time(at), maxpid: processes.limit, curproc: processes.running } }),
          }),
    },
    pods: figures.pods.map((pod) => podOf(pod, figures, onlyCpuAndMemory)),
  };
}

function podOf(figures: PodFigures, node: NodeFigures, onlyCpuAndMemory: boolean): object {
  const { pod, usage, nanoCores, containers } = figures;
  const { name = "", namespace = "", uid = "" } = pod.metadata ?? {};
  const total = (of: (container: ContainerFigures) => number): number =>
    containers.reduce((sum, container) => sum + of(container), 0);
  const ephemeral = {
    usedBytes: total(({ rootfs, logBytes }) => (rootfs?.usedBytes ?? 0) + (logBytes ?? 0)),
    inodesUsed: total(({ rootfs, logBytes }) => (rootfs?.inodesUsed ?? 0) + (logBytes === undefined ? 0 : 1)),
  };
  return {
    podRef: { name, namespace, uid },
    startTime: time(figures.startedAt),
    containers: containers.map((container) => containerOf(container, node, onlyCpuAndMemory)),
    ...cpuAndMemory(usage, nanoCores),
    ...(onlyCpuAndMemory
      ? {}
      : {
          ...network(figures.network, node.at),
          ...(node.fs === undefined ? {} : { "ephemeral-storage": { ...fsOf(node.fs, node.at), ...ephemeral } }),
        }),
  };
}

function containerOf(container: ContainerFigures, node: NodeFigures, onlyCpuAndMemory: boolean): object {
  const { name, startedAt, usage, nanoCores, rootfs, logBytes } = container;
  const { fs, imageFs, at } = node;
  return {
    name,
    startTime: time(startedAt),
    ...cpuAndMemory(usage, nanoCores),
    ...(onlyCpuAndMemory
      ? {}
      : {
          ...(rootfs === undefined ? {} : { rootfs: { ...fsOf(imageFs ?? fs, at), ...rootfs } }),
          ...(logBytes === undefined ? {} : { logs: { ...fsOf(fs, at), usedBytes: logBytes, inodesUsed: 1 } }),
        }),
  };
}

function cpuAndMemory(usage: Usage | undefined, nanoCores: number | undefined): object {
  if (usage === undefined) return {};
  const { cpuNanoseconds, memory } = usage;
  return {
    ...(cpuNanoseconds === undefined
      ? {}
      : {
          cpu: {
            time: time(usage.at),
            ...(nanoCores === undefined ? {} : { usageNanoCores: nanoCores }),
            usageCoreNanoSeconds: cpuNanoseconds,
          },
        }),
    ...(memory === undefined
      ? {}
      : {
          memory: {
            time: time(usage.at),
            ...Object.fromEntries(Object.entries(memory).filter(([, value]) => value !== undefined)),
          },
        }),
  };
}

function network(interfaces: readonly NetworkUsage[], at: number): object {
  const main = interfaces.find(({ name }) => name === "eth0") ?? interfaces[0];
  return main === undefined ? {} : { network: { time: time(at), ...main, interfaces } };
}

function fsOf(fs: Filesystem | undefined, at: number): object {
  if (fs === undefined) return { time: time(at) };
  const { capacity, available, inodes, inodesFree } = fs;
  return {
    time: time(at),
    availableBytes: available,
    capacityBytes: capacity,
    usedBytes: capacity - available,
    inodesFree,
    inodes,
    inodesUsed: inodes - inodesFree,
  };
}

function time(ms: number): string {
  return formatTime(new Date(ms));
}
