/** Probes of simulated pods: liveness and startup succeed at once, readiness after the time that the pod's annotation says. */
import type { Pod } from "@knots/api/core/v1";
import type { Clock, Timer } from "@knots/machinery";
import type { ProbeKind, ProbeManager, ProbeResult, ProbeTarget } from "../probes/types.ts";
import { READY_AFTER, readyAfterOf } from "./behaviour.ts";

interface Waiting {
  readonly id: string;
  readonly timer: Timer;
}

/** Nothing to run: it is only there so that the pod is ready when the simulation says so. */
const READINESS = { exec: { command: ["simulated"] } };

/** The pod as the kubelet shall see it: with the annotation, every container has a readiness probe. */
export function withSimulatedReadiness(pod: Pod): Pod {
  // What cannot be read is said when the container is started.
  if (pod.spec === undefined || pod.metadata?.annotations?.[READY_AFTER] === undefined) return pod;
  const containers = pod.spec.containers.map((container) => ({
    ...container,
    readinessProbe: container.readinessProbe ?? READINESS,
  }));
  return { ...pod, spec: { ...pod.spec, containers } };
}

export class SimulatedProbes implements ProbeManager {
  readonly #clock: Clock;
  /** Containers that are not ready yet, by pod. */
  readonly #waiting = new Map<string, Waiting[]>();
  readonly #unready = new Set<string>();
  readonly #listeners = new Set<(result: ProbeResult) => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  addPod(): void {
    // What there is to do begins when a container runs.
  }

  updatePod(pod: Pod, target: ProbeTarget): void {
    const delay = readyAfterOf(pod.metadata?.annotations) ?? 0;
    const podUID = pod.metadata?.uid ?? "";
    for (const [containerName, { id, startedAt }] of target.containers) {
      const left = startedAt + delay - this.#clock.now();
      if (left <= 0 || this.#unready.has(id)) continue;
      this.#unready.add(id);
      const timer = this.#clock.setTimeout(() => {
        this.#forget(podUID, id);
        const result = { kind: "readiness" as const, podUID, containerName, containerID: id, success: true };
        for (const listener of this.#listeners) listener(result);
      }, left);
      this.#waiting.set(podUID, [...(this.#waiting.get(podUID) ?? []), { id, timer }]);
    }
  }

  #forget(podUID: string, id: string): void {
    this.#unready.delete(id);
    const rest = (this.#waiting.get(podUID) ?? []).filter((each) => each.id !== id);
    if (rest.length > 0) this.#waiting.set(podUID, rest);
    else this.#waiting.delete(podUID);
  }

  stopLivenessAndStartup(): void {
    // They have no timers.
  }

  removePod(podUID: string): void {
    for (const { id, timer } of this.#waiting.get(podUID) ?? []) {
      timer.cancel();
      this.#unready.delete(id);
    }
    this.#waiting.delete(podUID);
  }

  resultFor(containerID: string, kind: ProbeKind): boolean {
    return kind !== "readiness" || !this.#unready.has(containerID);
  }

  onResult(listener: (result: ProbeResult) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  [Symbol.dispose](): void {
    for (const uid of this.#waiting.keys()) this.removePod(uid);
  }
}
