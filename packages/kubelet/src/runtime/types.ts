/** What the runtime knows of a pod, in the kubelet's own words: times in milliseconds since the epoch, ids without the runtime's prefix. */

export type ContainerState = "created" | "running" | "exited" | "unknown";

export interface RuntimeContainer {
  readonly id: string;
  readonly name: string;
  readonly sandboxID: string;
  readonly state: ContainerState;
  readonly createdAt: number;
  /** 0 when it never started. */
  readonly startedAt: number;
  /** 0 while it has not finished. */
  readonly finishedAt: number;
  readonly exitCode: number;
  /** The runtime's reason for an exit: Completed, Error, OOMKilled, ContainerCannotRun… */
  readonly reason: string;
  /** Termination message, or the runtime's own message. */
  readonly message: string;
  /** The image as the pod names it. */
  readonly image: string;
  /** Digest or id the container runs. */
  readonly imageID: string;
  readonly hash: string;
  readonly restartCount: number;
  readonly logPath: string;
  readonly annotations: Readonly<Record<string, string>>;
  /** What the cgroup has at present, where the runtime tells. */
  readonly resources?: RuntimeResources | undefined;
  readonly user?:
    | { readonly uid: number; readonly gid: number; readonly supplementalGroups: readonly number[] }
    | undefined;
}

export interface RuntimeResources {
  readonly cpuShares: number;
  readonly cpuQuota: number;
  readonly cpuPeriod: number;
  readonly memoryLimit: number;
}

export interface RuntimeSandbox {
  readonly id: string;
  readonly attempt: number;
  readonly ready: boolean;
  readonly createdAt: number;
  /** Empty with the node's network, and when the network is not set up (any more). */
  readonly ips: readonly string[];
  readonly hostNetwork: boolean;
}

export interface PodRuntimeStatus {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  /** Newest first. */
  readonly sandboxes: readonly RuntimeSandbox[];
  /** Newest first, of all sandboxes. */
  readonly containers: readonly RuntimeContainer[];
}

export function emptyRuntimeStatus(pod: { uid: string; name: string; namespace: string }): PodRuntimeStatus {
  return { ...pod, sandboxes: [], containers: [] };
}

/** The newest incarnation of a container. */
export function latestContainer(status: PodRuntimeStatus, name: string): RuntimeContainer | undefined {
  return status.containers.find((container) => container.name === name);
}

/** The addresses of the newest sandbox; none while it is not ready. */
export function podIPs(status: PodRuntimeStatus): readonly string[] {
  const newest = status.sandboxes[0];
  return newest?.ready === true ? newest.ips : [];
}
