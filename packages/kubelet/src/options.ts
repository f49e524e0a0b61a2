/** Everything a kubelet can be told, with upstream's defaults where there is one. */
import { join } from "node:path";
import type { Taint } from "@knots/api/core/v1";
import type { Client } from "@knots/client";
import type { Clock, Logger } from "@knots/machinery";
import type { CriClients } from "./cri/types.ts";
import { DEFAULT_IMAGE_GC } from "./images/image-gc.ts";
import type { HookRunner } from "./lifecycle/types.ts";
import type { ProbeManager } from "./probes/types.ts";
import type { VolumeManager } from "./volumes/types.ts";

export interface KubeletOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly nodeName: string;
  /** The node's own address; more than one for dual stack. */
  readonly nodeIP: string;
  readonly nodeIPs?: readonly string[];
  /** Shown as the node's Hostname address. */
  readonly hostname?: string;
  /** Directory of the kubelet's state: pods' volumes and files. */
  readonly rootDir: string;
  /** Directory (or file) of static pod manifests. */
  readonly staticPodPath?: string | undefined;
  /** unix:///run/containerd/containerd.sock; not needed when `cri` is given. */
  readonly runtimeEndpoint?: string | undefined;
  /** A runtime other than the one at the endpoint, such as an in-memory one. */
  readonly cri?: CriClients | undefined;
  readonly clusterDNS: readonly string[];
  readonly clusterDomain: string;
  /** Cgroup under which kubepods lies; undefined: no cgroups are managed (no Linux, no privileges). */
  readonly cgroupRoot?: string | undefined;
  readonly port?: number;
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** PEM of the CA that signs the certificates of the kubelet's callers. */
  readonly clientCA?: string | undefined;
  readonly podLogsDir?: string;
  /** File that pods with dnsPolicy Default get their resolver settings from; "" for none. */
  readonly resolvConf?: string;
  readonly registerNode?: boolean;
  readonly registerWithTaints?: readonly Taint[];
  readonly nodeLabels?: Readonly<Record<string, string>>;
  readonly maxPods?: number;
  readonly podPidsLimit?: number | undefined;
  readonly kubeReserved?: Readonly<Record<string, string>>;
  readonly systemReserved?: Readonly<Record<string, string>>;
  readonly evictionHard?: Readonly<Record<string, string>>;
  readonly allowedUnsafeSysctls?: readonly string[];
  /** One image pull at a time. */
  readonly serializeImagePulls?: boolean;
  readonly maxParallelImagePulls?: number;
  readonly imageGCHighThresholdPercent?: number;
  readonly imageGCLowThresholdPercent?: number;
  readonly maxCrashBackoffMs?: number;
  readonly seccompRoot?: string;
  /** What nodeInfo says. */
  readonly kubeletVersion?: string;
  readonly probes?: ProbeManager;
  readonly hooks?: HookRunner;
  readonly volumes?: VolumeManager;
}

export const DEFAULT_VERSION = "v1.36.0+knots.1";

export const DEFAULT_EVICTION_HARD: Readonly<Record<string, string>> = {
  "imagefs.available": "15%",
  "imagefs.inodesFree": "5%",
  "memory.available": "100Mi",
  "nodefs.available": "10%",
  "nodefs.inodesFree": "5%",
};

/** What the parts are given: the options with every default filled in. */
export function settingsOf(o: KubeletOptions) {
  const hostIPs = o.nodeIPs ?? [o.nodeIP];
  const hostname = o.hostname ?? o.nodeName;
  return {
    endpoint: o.runtimeEndpoint ?? "unix:///run/containerd/containerd.sock",
    logsDir: o.podLogsDir ?? "/var/log/pods",
    seccompRoot: o.seccompRoot ?? join(o.rootDir, "seccomp"),
    hostIPs,
    hostname,
    addresses: [
      ...hostIPs.map((address) => ({ type: "InternalIP", address })),
      { type: "Hostname", address: hostname },
    ],
    maxPods: o.maxPods ?? 110,
    port: o.port ?? 10_250,
    kubeletVersion: o.kubeletVersion ?? DEFAULT_VERSION,
    reservations: {
      kubeReserved: { ...o.kubeReserved },
      systemReserved: { ...o.systemReserved },
      evictionHard: { ...(o.evictionHard ?? DEFAULT_EVICTION_HARD) },
    },
    maxParallelPulls: o.serializeImagePulls === false ? (o.maxParallelImagePulls ?? 8) : 1,
    imageGC: {
      ...DEFAULT_IMAGE_GC,
      ...(o.imageGCHighThresholdPercent === undefined ? {} : { highThresholdPercent: o.imageGCHighThresholdPercent }),
      ...(o.imageGCLowThresholdPercent === undefined ? {} : { lowThresholdPercent: o.imageGCLowThresholdPercent }),
    },
    resolvConf: o.resolvConf ?? "/etc/resolv.conf",
    allowedUnsafeSysctls: o.allowedUnsafeSysctls ?? [],
  };
}

export type Settings = ReturnType<typeof settingsOf>;
