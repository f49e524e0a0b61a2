/** Collects what the node, its pods and their containers use, when somebody asks. */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Pod } from "@knots/api/core/v1";
import type { Clock } from "@knots/machinery";
import type { CgroupLayout } from "../cm/cgroup-layout.ts";
import { podCgroup } from "../cm/cgroups.ts";
import type { CriClients } from "../cri/types.ts";
import type { PodRuntimeStatus, RuntimeContainer } from "../runtime/types.ts";
import { filesystem } from "../node/machine-info.ts";
import { readCgroupUsage } from "./cgroup-usage.ts";
import { CpuRates } from "./cpu-rates.ts";
import { readMachineUsage, readNetworkUsage } from "./machine-usage.ts";
import { criUsage } from "./usage.ts";
import type { NetworkUsage, Usage } from "./usage.ts";

/** Callers within this time share one collection. */
const FRESH_MS = 1000;

export type Filesystem = Awaited<ReturnType<typeof filesystem>>;

export interface ContainerFigures {
  readonly name: string;
  readonly id: string;
  readonly image: string;
  readonly startedAt: number;
  readonly usage: Usage;
  readonly nanoCores: number | undefined;
  /** Bytes and inodes of the writable layer. */
  readonly rootfs: { readonly usedBytes: number; readonly inodesUsed: number } | undefined;
  readonly logBytes: number | undefined;
}

export interface PodFigures {
  readonly pod: Pod;
  readonly startedAt: number;
  readonly usage: Usage | undefined;
  readonly nanoCores: number | undefined;
  readonly network: readonly NetworkUsage[];
  readonly containers: readonly ContainerFigures[];
}

export interface NodeFigures {
  readonly at: number;
  readonly startedAt: number;
  readonly usage: Usage;
  readonly nanoCores: number | undefined;
  readonly network: readonly NetworkUsage[];
  readonly fs: Filesystem | undefined;
  readonly imageFs: (Filesystem & { readonly usedBytes: number }) | undefined;
  readonly processes: { readonly running: number; readonly limit: number } | undefined;
  readonly pods: readonly PodFigures[];
  /** What could not be read. */
  readonly errors: readonly string[];
}

export interface StatsProviderOptions {
  readonly cri: CriClients;
  readonly clock: Clock;
  readonly rootDir: string;
  readonly cgroupRoot: string;
  /** Undefined: pods have no cgroups; they are the sum of their containers. */
  readonly layout: CgroupLayout | undefined;
  /** A simulated node has used what its containers have; the machine's figures are not its own. */
  readonly simulated: boolean;
  pods(): readonly Pod[];
  runtimeStatus(uid: string): PodRuntimeStatus | undefined;
}

export class StatsProvider {
  readonly #options: StatsProviderOptions;
  readonly #rates = new CpuRates();
  readonly #startedAt: number;
  #latest: { readonly at: number; readonly figures: Promise<NodeFigures> } | undefined;

  constructor(options: StatsProviderOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
  }

  figures(): Promise<NodeFigures> {
    const now = this.#options.clock.monotonic();
    if (this.#latest !== undefined && now - this.#latest.at < FRESH_MS) return this.#latest.figures;
    const figures = this.#collect();
    this.#latest = { at: now, figures };
    // A failure is not to be kept.
    figures.catch(() => {
      this.#latest = undefined;
    });
    return figures;
  }

  async #collect(): Promise<NodeFigures> {
    const { cri, clock, rootDir, simulated } = this.#options;
    const errors: string[] = [];
    const stats = await cri.runtime.listContainerStats().catch((error: unknown) => {
      errors.push(error instanceof Error ? error.message : String(error));
      return [];
    });
    const byId = new Map(stats.map((each) => [each.attributes?.id ?? "", each]));
    const pods = await Promise.all(this.#options.pods().map((pod) => this.#pod(pod, byId)));
    const now = clock.now();
    const usage = simulated
      ? sum(
          now,
          pods.map((pod) => pod.usage),
        )
      : await readMachineUsage(now);
    const figures = {
      at: now,
      startedAt: simulated ? this.#startedAt : await bootTime(now),
      usage,
      nanoCores: this.#rates.rate("", usage),
      network: simulated ? [] : await readNetworkUsage("self"),
      fs: await filesystem(rootDir).catch(() => undefined),
      imageFs: await this.#imageFs(),
      processes: simulated ? undefined : await processes(),
      pods: pods.filter(({ containers }) => containers.length > 0),
      errors,
    };
    this.#rates.sweep();
    return figures;
  }

  async #pod(pod: Pod, stats: ReadonlyMap<string, Parameters<typeof criUsage>[0]>): Promise<PodFigures> {
    const { clock, layout, cgroupRoot } = this.#options;
    const uid = pod.metadata?.uid ?? "";
    const running = (this.#options.runtimeStatus(uid)?.containers ?? []).filter(({ state }) => state === "running");
    const path = podCgroup(cgroupRoot, pod);
    const containers = await Promise.all(
      running.map(async (container) => {
        const found = stats.get(container.id);
        return await this.#container(container, found, join(path, container.id));
      }),
    );
    const known = containers.filter((container) => container !== undefined);
    const own = layout === undefined ? undefined : await readCgroupUsage(layout, path, clock.now());
    const usage =
      own ??
      (known.length === 0
        ? undefined
        : sum(
            clock.now(),
            known.map((each) => each.usage),
          ));
    return {
      pod,
      startedAt: Date.parse(pod.status?.startTime ?? "") || Math.min(...running.map(({ startedAt }) => startedAt)),
      usage,
      nanoCores: usage === undefined ? undefined : this.#rates.rate(`pod/${uid}`, usage),
      network: pod.spec?.hostNetwork === true ? [] : await this.#network(path, running),
      containers: known,
    };
  }

  async #container(
    container: RuntimeContainer,
    stats: Parameters<typeof criUsage>[0] | undefined,
    path: string,
  ): Promise<ContainerFigures | undefined> {
    const { layout, clock } = this.#options;
    const { id, name, image, startedAt, logPath } = container;
    const told = stats === undefined ? undefined : criUsage(stats);
    const usage =
      told?.cpuNanoseconds !== undefined || layout === undefined
        ? told
        : await readCgroupUsage(layout, path, clock.now());
    if (usage === undefined) return undefined;
    const layer = stats?.writableLayer;
    return {
      name,
      id,
      image,
      startedAt,
      usage,
      nanoCores: this.#rates.rate(id, usage),
      rootfs:
        layer?.usedBytes === undefined
          ? undefined
          : { usedBytes: Number(layer.usedBytes.value), inodesUsed: Number(layer.inodesUsed?.value ?? 0n) },
      logBytes:
        logPath === ""
          ? undefined
          : await stat(logPath).then(
              ({ size }) => size,
              () => undefined,
            ),
    };
  }

  /** A pod's network is that of any of its processes. */
  async #network(path: string, containers: readonly RuntimeContainer[]): Promise<NetworkUsage[]> {
    const { layout } = this.#options;
    const mount = layout?.version === 2 ? layout.mount : (layout?.mounts.get("cpu") ?? layout?.mounts.get("memory"));
    if (mount === undefined) return [];
    for (const { id } of containers) {
      const processes = await readFile(join(mount, path, id, "cgroup.procs"), "utf8").catch(() => "");
      const pid = Number(processes.split("\n")[0]);
      if (pid > 0) return await readNetworkUsage(pid);
    }
    return [];
  }

  async #imageFs(): Promise<NodeFigures["imageFs"]> {
    const info = await this.#options.cri.images.imageFsInfo().catch(() => undefined);
    const used = info?.imageFilesystems[0];
    const mountpoint = used?.fsId?.mountpoint;
    if (mountpoint === undefined) return undefined;
    const fs = await filesystem(mountpoint).catch(() => undefined);
    return fs === undefined ? undefined : { ...fs, usedBytes: Number(used?.usedBytes?.value ?? 0n) };
  }
}

function sum(at: number, usages: readonly (Usage | undefined)[]): Usage {
  const total = (of: (usage: Usage) => number | undefined): number =>
    usages.reduce((all, usage) => all + ((usage === undefined ? undefined : of(usage)) ?? 0), 0);
  return {
    at,
    cpuNanoseconds: total(({ cpuNanoseconds }) => cpuNanoseconds),
    memory: {
      usageBytes: total(({ memory }) => memory?.usageBytes),
      workingSetBytes: total(({ memory }) => memory?.workingSetBytes),
      rssBytes: total(({ memory }) => memory?.rssBytes),
    },
  };
}

async function bootTime(now: number): Promise<number> {
  const [seconds] = (await readFile("/proc/uptime", "utf8")).split(" ");
  return now - Number(seconds) * 1000;
}

async function processes(): Promise<{ running: number; limit: number } | undefined> {
  const [limit, load] = await Promise.all([
    readFile("/proc/sys/kernel/pid_max", "utf8").catch(() => ""),
    readFile("/proc/loadavg", "utf8").catch(() => ""),
  ]);
  const running = /\/(\d+) /.exec(load)?.[1];
  return running === undefined || limit === "" ? undefined : { running: Number(running), limit: Number(limit) };
}
