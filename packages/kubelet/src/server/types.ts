/** What the kubelet's HTTPS server may know of the kubelet. */
import type { Pod } from "@knots/api/core/v1";
import type { CriClients } from "../cri/types.ts";
import type { LogOptions } from "../logs/read-log.ts";
import type { PodRuntimeStatus } from "../runtime/types.ts";
import type { NodeFigures } from "../stats/stats-provider.ts";

export interface KubeletView {
  readonly nodeName: string;
  /** Exec, attach and port-forward go to the runtime's streaming server; statistics come from its lists. */
  readonly cri: CriClients;
  /** The pods of this node with the status as this kubelet knows it, static pods included. */
  pods(): Pod[];
  /** Sandboxes and containers of a pod, newest first, with their log paths. */
  runtimeStatus(uid: string): PodRuntimeStatus | undefined;
  /** The log of a container by id; where it is absent, the file is read that the runtime names. */
  readonly readLog?: (containerID: string, options: LogOptions, signal: AbortSignal) => AsyncGenerator<Uint8Array>;
  /** What keeps the node from being ready; empty: healthy. */
  problems(): readonly string[];
  /** What the node, its pods and their containers use. */
  figures(): Promise<NodeFigures>;
  /** prober_probe_total in Prometheus' text format. */
  probeMetrics(): string;
  /** The KubeletConfiguration in force. */
  configuration(): object;
}
