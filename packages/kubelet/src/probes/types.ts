/** The seam between the pod workers and the probes. */
import type { Pod } from "@knots/api/core/v1";

export type ProbeKind = "startup" | "liveness" | "readiness";

export interface ProbeResult {
  readonly kind: ProbeKind;
  readonly podUID: string;
  readonly containerName: string;
  readonly containerID: string;
  readonly success: boolean;
}

/** What runs at present of a pod: the probes go to these containers and addresses. */
export interface ProbeTarget {
  readonly podIPs: readonly string[];
  /** Running containers by name. */
  readonly containers: ReadonlyMap<string, { readonly id: string; readonly startedAt: number }>;
}

export interface ProbeManager {
  /** Starts the probes of the pod's containers, or goes on with those that exist. */
  addPod(pod: Pod): void;
  /** Tells what runs now. Called after every sync and relist of the pod; a container with a new id is probed from the beginning. */
  updatePod(pod: Pod, target: ProbeTarget): void;
  /** Liveness and startup probes end as soon as the pod begins to terminate, readiness probes only with `removePod`. */
  stopLivenessAndStartup(podUID: string): void;
  removePod(podUID: string): void;
  /** The last verdict on a container; undefined before the first. */
  resultFor(containerID: string, kind: ProbeKind): boolean | undefined;
  /** Called whenever a verdict changes. */
  onResult(listener: (result: ProbeResult) => void): Disposable;
  /** How often probes ran, in Prometheus' text format. */
  metrics?(): string;
}

/** What one run of a probe gave; a warning is a success worth an Event. */
export interface ProbeOutcome {
  readonly result: "success" | "warning" | "failure";
  readonly output: string;
}
