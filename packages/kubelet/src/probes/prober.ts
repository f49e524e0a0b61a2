/** The probes of this node's containers: a worker for each container and kind. */
import type { Container, Pod } from "@knots/api/core/v1";
import type { Clock, Logger } from "@knots/machinery";
import type { RuntimeService } from "../cri/types.ts";
import { containerRef, type Recorder } from "../events.ts";
import { runProbe } from "./probe-actions.ts";
import { ProbeCounts } from "./probe-counts.ts";
import { ProbeWorker } from "./probe-worker.ts";
import type { ProbeKind, ProbeManager, ProbeOutcome, ProbeResult, ProbeTarget } from "./types.ts";

const KINDS: readonly ProbeKind[] = ["startup", "liveness", "readiness"];
const TITLES: Readonly<Record<ProbeKind, string>> = {
  startup: "Startup",
  liveness: "Liveness",
  readiness: "Readiness",
};
const FIELDS = { startup: "startupProbe", liveness: "livenessProbe", readiness: "readinessProbe" } as const;

export interface ProberOptions {
  readonly runtime: Pick<RuntimeService, "execSync">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly recorder: Recorder;
  readonly run?: typeof runProbe;
}

interface ProbedPod {
  pod: Pod;
  podIP: string;
  /** By container name, then kind. */
  readonly workers: Map<string, Map<ProbeKind, ProbeWorker>>;
}

export class Prober implements ProbeManager {
  readonly #options: ProberOptions;
  readonly #pods = new Map<string, ProbedPod>();
  readonly #counts = new ProbeCounts();
  readonly #listeners = new Set<(result: ProbeResult) => void>();

  constructor(options: ProberOptions) {
    this.#options = options;
  }

  addPod(pod: Pod): void {
    const uid = pod.metadata?.uid ?? "";
    const known = this.#pods.get(uid);
    if (known !== undefined) {
      known.pod = pod;
      return;
    }
    const probed: ProbedPod = { pod, podIP: "", workers: new Map() };
    for (const container of probedContainers(pod)) {
      const kinds = KINDS.filter((kind) => container[FIELDS[kind]] !== undefined);
      if (kinds.length === 0) continue;
      probed.workers.set(
        container.name,
        new Map(kinds.map((kind) => [kind, this.#worker(uid, probed, container, kind)])),
      );
    }
    if (probed.workers.size > 0) this.#pods.set(uid, probed);
  }

  #worker(uid: string, probed: ProbedPod, container: Container, kind: ProbeKind): ProbeWorker {
    const { clock, recorder, runtime, logger, run = runProbe } = this.#options;
    const probe = container[FIELDS[kind]] ?? {};
    return new ProbeWorker({
      kind,
      container,
      probe,
      clock,
      run: (containerID) =>
        this.#counts.counted(probed.pod, container, kind, () =>
          run(runtime, probe, container, { containerID, podIP: probed.podIP }),
        ),
      hasStarted: (containerID) => {
        const startup = probed.workers.get(container.name)?.get("startup");
        return startup === undefined || startup.resultFor(containerID) === true;
      },
      onOutcome: (outcome) => {
        const [reason, message] = eventOf(TITLES[kind], outcome);
        recorder.event(containerRef(probed.pod, container), "Warning", reason, message);
      },
      onVerdict: (containerID, success) => {
        logger.debug({ pod: uid, container: container.name, kind, success }, "probe verdict");
        if (kind === "startup" && success)
          for (const [other, worker] of probed.workers.get(container.name) ?? [])
            if (other !== "startup") worker.poke();
        const result = { kind, podUID: uid, containerName: container.name, containerID, success };
        for (const listener of this.#listeners) listener(result);
      },
    });
  }

  updatePod(pod: Pod, target: ProbeTarget): void {
    const probed = this.#pods.get(pod.metadata?.uid ?? "");
    if (probed === undefined) return;
    probed.pod = pod;
    probed.podIP = target.podIPs[0] ?? "";
    // Without an address there is nothing to connect to yet.
    if (probed.podIP === "") return;
    for (const [name, workers] of probed.workers)
      for (const worker of workers.values()) worker.update(target.containers.get(name));
  }

  stopLivenessAndStartup(podUID: string): void {
    for (const workers of this.#pods.get(podUID)?.workers.values() ?? []) {
      workers.get("liveness")?.stop();
      workers.get("startup")?.stop();
    }
  }

  removePod(podUID: string): void {
    for (const workers of this.#pods.get(podUID)?.workers.values() ?? [])
      for (const worker of workers.values()) worker.stop();
    this.#pods.delete(podUID);
    this.#counts.remove(podUID);
  }

  resultFor(containerID: string, kind: ProbeKind): boolean | undefined {
    for (const { workers } of this.#pods.values()) {
      for (const byKind of workers.values()) {
        const result = byKind.get(kind)?.resultFor(containerID);
        if (result !== undefined) return result;
      }
    }
    return undefined;
  }

  onResult(listener: (result: ProbeResult) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  metrics(): string {
    return this.#counts.render();
  }

  [Symbol.dispose](): void {
    for (const uid of this.#pods.keys()) this.removePod(uid);
  }
}

/** Containers that run beside each other: the main ones and the sidecars. */
function probedContainers(pod: Pod): Container[] {
  const sidecars = (pod.spec?.initContainers ?? []).filter((each) => each.restartPolicy === "Always");
  return [...sidecars, ...(pod.spec?.containers ?? [])];
}

function eventOf(title: string, outcome: ProbeOutcome | { readonly error: string }): [string, string] {
  if ("error" in outcome)
    return ["Unhealthy", `${title} probe errored and resulted in unknown state: ${outcome.error}`];
  if (outcome.result === "warning") return ["ProbeWarning", `${title} probe warning: ${outcome.output}`];
  return ["Unhealthy", `${title} probe failed: ${outcome.output}`];
}
