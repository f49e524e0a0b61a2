/** Stopping containers and pods: hooks, grace periods, sidecars last. */
import type { Container, LifecycleHandler, Pod } from "@knots/api/core/v1";
import type { Clock, Logger } from "@knots/machinery";
import { isNotFound } from "../cri/error.ts";
import type { RuntimeService } from "../cri/types.ts";
import { containerRef, type Recorder } from "../events.ts";
import type { HookRunner } from "../lifecycle/types.ts";
import type { KillReason } from "../pods/compute-pod-actions.ts";
import { isSidecar } from "../pods/restart-policy.ts";
import { ANNOTATION_POD_TERMINATION_GRACE, ANNOTATION_PRE_STOP } from "./labels.ts";
import type { PodRuntimeStatus, RuntimeContainer } from "./types.ts";

/** A container always gets at least this long between the stop signal and SIGKILL, unless it is killed at once on purpose. */
const MINIMUM_GRACE_SECONDS = 2;

export interface KillerOptions {
  readonly runtime: RuntimeService;
  readonly hooks: HookRunner;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface KillOptions {
  /** Overrides the pod's own grace period. */
  readonly graceSeconds?: number;
  /** Text of the Killing event. */
  readonly message?: string;
  readonly reason?: KillReason;
  readonly podIP?: string;
}

export class Killer {
  readonly #options: KillerOptions;

  constructor(options: KillerOptions) {
    this.#options = options;
  }

  /** Runs preStop and stops one container. Resolves when it has stopped. */
  async killContainer(pod: Pod, target: RuntimeContainer, kill: KillOptions): Promise<void> {
    const { runtime, recorder, clock, logger } = this.#options;
    const container = findContainer(pod, target.name) ?? restoredContainer(target);
    let grace = kill.graceSeconds ?? graceOf(pod, target, container, kill.reason);
    recorder.event(
      containerRef(pod, container),
      "Normal",
      "Killing",
      kill.message ?? `Stopping container ${container.name}`,
    );
    const preStop = container.lifecycle?.preStop;
    if (preStop !== undefined && grace > 0) {
      const began = clock.monotonic();
      await this.#preStop(pod, container, target.id, preStop, grace, kill.podIP ?? "");
      grace = Math.max(0, grace - Math.floor((clock.monotonic() - began) / 1000));
    }
    const immediately = kill.graceSeconds === 0;
    try {
      await runtime.stopContainer(target.id, immediately ? 0 : Math.max(grace, MINIMUM_GRACE_SECONDS));
    } catch (error) {
      if (!isNotFound(error)) throw error;
      logger.debug({ container: target.name, id: target.id }, "container to stop is gone");
    }
  }

  /** Stops all running containers, sidecars after the others and in reverse order, then every sandbox. */
  async killPod(pod: Pod, status: PodRuntimeStatus, kill: KillOptions): Promise<void> {
    const alive = status.containers.filter(
      (container) => container.state === "running" || container.state === "created" || container.state === "unknown",
    );
    const sidecarOrder = (pod.spec?.initContainers ?? []).filter(isSidecar).map((container) => container.name);
    const sidecars = alive.filter((container) => sidecarOrder.includes(container.name));
    const others = alive.filter((container) => !sidecarOrder.includes(container.name));
    const began = this.#options.clock.monotonic();
    const total = kill.graceSeconds ?? podGrace(pod) ?? graceFromAnnotations(alive) ?? 30;
    await settleAll(others.map((container) => this.killContainer(pod, container, { ...kill, graceSeconds: total })));
    for (const name of sidecarOrder.toReversed()) {
      const left = Math.max(0, total - Math.floor((this.#options.clock.monotonic() - began) / 1000));
      const group = sidecars.filter((container) => container.name === name);
      await settleAll(group.map((container) => this.killContainer(pod, container, { ...kill, graceSeconds: left })));
    }
    // Dead sandboxes as well: stopping is what gives their addresses back.
    await settleAll(status.sandboxes.map((sandbox) => this.#options.runtime.stopPodSandbox(sandbox.id)));
  }

  /** Stops what still runs with a shorter grace period, beside a `killPod` under way; that one does the rest. */
  async hasten(status: PodRuntimeStatus, graceSeconds: number): Promise<void> {
    const running = status.containers.filter((container) => container.state === "running");
    await settleAll(running.map((container) => this.#options.runtime.stopContainer(container.id, graceSeconds)));
  }

  async #preStop(
    pod: Pod,
    container: Container,
    id: string,
    handler: LifecycleHandler,
    graceSeconds: number,
    podIP: string,
  ): Promise<void> {
    const { hooks, recorder, clock, logger } = this.#options;
    const abort = new AbortController();
    const timer = clock.setTimeout(() => abort.abort(), graceSeconds * 1000);
    try {
      // A hook that does not listen to the signal must not hold up the end of the pod.
      const aborted = new Promise<void>((resolve) =>
        abort.signal.addEventListener("abort", () => resolve(), { once: true }),
      );
      await Promise.race([hooks.run(pod, container, id, podIP, handler, abort.signal), aborted]);
      if (abort.signal.aborted)
        logger.warn({ container: container.name, graceSeconds }, "preStop hook did not finish within the grace period");
    } catch (error) {
      logger.warn({ container: container.name, error }, "preStop hook failed");
      recorder.event(containerRef(pod, container), "Warning", "FailedPreStopHook", "PreStopHook failed");
    } finally {
      timer.cancel();
    }
  }
}

function podGrace(pod: Pod): number | undefined {
  return pod.metadata?.deletionGracePeriodSeconds ?? pod.spec?.terminationGracePeriodSeconds;
}

function graceOf(pod: Pod, target: RuntimeContainer, container: Container, reason: KillReason | undefined): number {
  // A probe may bring its own grace period for the kills it causes.
  const probe =
    reason === "LivenessProbe"
      ? container.livenessProbe
      : reason === "StartupProbe"
        ? container.startupProbe
        : undefined;
  if (pod.metadata?.deletionGracePeriodSeconds !== undefined) return pod.metadata.deletionGracePeriodSeconds;
  return probe?.terminationGracePeriodSeconds ?? podGrace(pod) ?? graceFromAnnotations([target]) ?? 30;
}

function graceFromAnnotations(containers: readonly RuntimeContainer[]): number | undefined {
  for (const container of containers) {
    const text = container.annotations[ANNOTATION_POD_TERMINATION_GRACE];
    if (text !== undefined) return Number(text);
  }
  return undefined;
}

function findContainer(pod: Pod, name: string): Container | undefined {
  const spec = pod.spec;
  const all = [
    ...(spec?.containers ?? []),
    ...(spec?.initContainers ?? []),
    ...((spec?.ephemeralContainers ?? []) as Container[]),
  ];
  return all.find((container) => container.name === name);
}

/** What stopping needs to know of a container whose pod nobody knows any more. */
function restoredContainer(target: RuntimeContainer): Container {
  const preStop = target.annotations[ANNOTATION_PRE_STOP];
  return {
    name: target.name,
    ...(preStop === undefined ? {} : { lifecycle: { preStop: JSON.parse(preStop) as LifecycleHandler } }),
  };
}

/** Waits for all, then rejects with the first failure: one stubborn container must not leave the others unstopped. */
async function settleAll(promises: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(promises);
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
