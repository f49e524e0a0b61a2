/** What a pod worker does in each of its phases: admit, make run, stop, release. */
import type { Pod, PodStatus } from "@knots/api/core/v1";
import { type Clock, type Logger, parseTime } from "@knots/machinery";
import { errorText } from "../cri/error.ts";
import type { Recorder } from "../events.ts";
import type { ProbeManager } from "../probes/types.ts";
import { containerHash, formatPod } from "../runtime/labels.ts";
import type { PodInputs, PodRuntime } from "../runtime/pod-runtime.ts";
import { podIPs, type PodRuntimeStatus } from "../runtime/types.ts";
import type { StartFailure } from "../status/container-statuses.ts";
import { podStatus } from "../status/pod-status.ts";
import type { StatusManager } from "../status/status-manager.ts";
import type { MountedVolume, VolumeManager } from "../volumes/types.ts";
import type { Rejection } from "./admission.ts";
import { computePodActions, type PodActions } from "./compute-pod-actions.ts";
import type { Pleg } from "./pleg.ts";
import type { PodHandlers, StepResult, Termination, WorkerView } from "./pod-workers.ts";

/** What the node does for a pod beyond the runtime. */
export interface PodNode {
  readonly runtimeName: string;
  readonly hostIPs: readonly string[];
  /** undefined: admitted; "wait": it cannot be said yet. */
  admit(pod: Pod): Rejection | "wait" | undefined;
  /** Why pods with a network of their own cannot start at present. */
  networkProblem(): string | undefined;
  /** Why the pod cannot be given the devices that its ResourceClaims stand for. */
  devicesProblem(pod: Pod): string | undefined;
  /** Containers are about to start: the objects that they refer to shall be seen as they are now. */
  lookAnew(pod: Pod): void;
  ensureCgroup(pod: Pod): Promise<void>;
  removeCgroup(pod: Pod): Promise<void>;
  inputs(pod: Pod, volumes: ReadonlyMap<string, MountedVolume>): Promise<PodInputs>;
  /** For static pods: their mirror. */
  ensureMirror(pod: Pod): Promise<void>;
  /** Removes the pod's sandboxes, containers and directories. */
  purge(uid: string, pod: Pod): Promise<void>;
  /** Ends a pod before its time. */
  end(uid: string, termination: Termination): void;
}

export interface PodSyncerOptions {
  readonly pleg: Pleg;
  readonly runtime: PodRuntime;
  readonly statuses: StatusManager;
  readonly volumes: VolumeManager;
  readonly probes: ProbeManager;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly node: PodNode;
}

/** An init container that ends at once may be followed by the next in the same step; more often than this something is wrong. */
/** A little less than the time between two looks at a pod without news, so that each of them writes its volumes anew. */
const VOLUMES_FRESH_MS = 55_000;
const MAX_ROUNDS = 16;
/** A container that could not be created is tried again after this long. */
const RETRY_MS = 10_000;
/** Until the node is registered. */
const WAIT_MS = 500;

export class PodSyncer implements PodHandlers {
  readonly #options: PodSyncerOptions;
  readonly #admitted = new Set<string>();
  /** Why containers do not start, by pod and container. */
  readonly #failures = new Map<string, Map<string, StartFailure>>();

  /** When each pod's volumes were written, and from what of the pod. */
  readonly #mounts = new Map<string, { readonly at: number; readonly from: string }>();

  constructor(options: PodSyncerOptions) {
    this.#options = options;
  }

  /** Pods that this node has taken. */
  isAdmitted(uid: string): boolean {
    return this.#admitted.has(uid);
  }

  async sync(worker: WorkerView): Promise<StepResult> {
    const { node, statuses, runtime, probes, recorder } = this.#options;
    const { pod, uid } = worker;
    if (!this.#admitted.has(uid) && !(await this.#admit(worker))) return { retryAfterMs: WAIT_MS };
    await node.ensureMirror(pod);
    let seen = await this.#seen(pod);
    probes.addPod(pod);

    for (let round = 0; ; round += 1) {
      this.#tellProbes(pod, seen);
      const status = this.#status(worker, seen, false);
      statuses.set(uid, status);
      if (status.phase === "Succeeded" || status.phase === "Failed") return { terminal: true };
      const left = this.#deadline(pod, status);
      if (left !== undefined && left <= 0) {
        const message = "Pod was active on the node longer than the specified deadline";
        recorder.event(pod, "Normal", "DeadlineExceeded", message);
        node.end(uid, { reason: "DeadlineExceeded", message });
        return {};
      }
      const actions = this.#actions(pod, seen);
      if (!hasWork(actions, seen) || round === MAX_ROUNDS) {
        await this.#refreshVolumes(pod);
        return { retryAfterMs: left };
      }
      const problem = pod.spec?.hostNetwork === true ? undefined : node.networkProblem();
      if (problem !== undefined && actions.createSandbox) {
        recorder.event(pod, "Warning", "NetworkNotReady", `network is not ready: ${problem}`);
        throw new Error(`network is not ready: ${problem}`);
      }
      const noDevices = node.devicesProblem(pod);
      if (noDevices !== undefined) {
        const message = `Failed to prepare dynamic resources: ${noDevices}`;
        recorder.event(pod, "Warning", "FailedPrepareDynamicResources", message);
        throw new Error(message);
      }
      const inputs = await this.#prepare(pod);
      const result = await runtime.syncPod(pod, seen, actions, inputs, worker.signal);
      this.#remember(uid, result.outcomes);
      seen = await this.#refresh(pod);
      if (worker.signal.aborted) return {};
      if (result.error !== undefined) {
        statuses.set(uid, this.#status(worker, seen, false));
        throw result.error;
      }
      const failed = [...result.outcomes.values()].some((failure) => failure !== undefined);
      if (!result.changed || failed) {
        this.#tellProbes(pod, seen);
        statuses.set(uid, this.#status(worker, seen, false));
        return { retryAfterMs: minimum(left, result.retryAfterMs ?? RETRY_MS) };
      }
    }
  }

  async terminate(worker: WorkerView, graceSeconds: number | undefined): Promise<void> {
    const { statuses, probes, runtime } = this.#options;
    const { pod, uid } = worker;
    probes.stopLivenessAndStartup(uid);
    let seen = await this.#refresh(pod);
    statuses.set(uid, this.#status(worker, seen, false));
    await runtime.killer.killPod(pod, seen, {
      ...(graceSeconds === undefined ? {} : { graceSeconds }),
      podIP: podIPs(seen)[0] ?? "",
    });
    probes.removePod(uid);
    seen = await this.#refresh(pod);
    const alive = seen.containers.filter((container) => container.state === "running");
    if (alive.length > 0)
      throw new Error(`containers still running: ${alive.map((container) => container.name).join(", ")}`);
    statuses.set(uid, this.#status(worker, seen, true));
  }

  async hasten(worker: WorkerView, graceSeconds: number): Promise<void> {
    await this.#options.runtime.killer.hasten(await this.#refresh(worker.pod), graceSeconds);
  }

  async release(worker: WorkerView): Promise<void> {
    const { volumes, node } = this.#options;
    await volumes.unmountPod(worker.uid);
    await node.removeCgroup(worker.pod);
  }

  finished(worker: WorkerView): void {
    this.#options.statuses.setDeletable(worker.uid);
  }

  forgotten(worker: WorkerView): void {
    const { statuses, node, logger } = this.#options;
    this.#admitted.delete(worker.uid);
    this.#failures.delete(worker.uid);
    this.#mounts.delete(worker.uid);
    statuses.forget(worker.uid);
    node.purge(worker.uid, worker.pod).catch((error: unknown) => {
      // Housekeeping comes by again.
      logger.warn({ pod: formatPod(worker.pod), error }, "cannot remove what is left of the pod");
    });
  }

  async #admit(worker: WorkerView): Promise<boolean> {
    const { node, recorder, statuses } = this.#options;
    const { pod, uid } = worker;
    // What ran before this kubelet started stays.
    const phase = pod.status?.phase;
    const rejection = phase === undefined || phase === "Pending" ? node.admit(pod) : undefined;
    if (rejection === "wait") return false;
    if (rejection === undefined) {
      this.#admitted.add(uid);
      return true;
    }
    recorder.event(pod, "Warning", rejection.reason, rejection.message);
    node.end(uid, { reason: rejection.reason, message: `Pod was rejected: ${rejection.message}` });
    statuses.set(
      uid,
      this.#status(
        { ...worker, termination: { reason: rejection.reason, message: `Pod was rejected: ${rejection.message}` } },
        await this.#seen(pod),
        false,
      ),
    );
    return false;
  }

  async #prepare(pod: Pod): Promise<PodInputs> {
    const { node } = this.#options;
    node.lookAnew(pod);
    await node.ensureCgroup(pod);
    return node.inputs(pod, await this.#mount(pod));
  }

  async #mount(pod: Pod): Promise<ReadonlyMap<string, MountedVolume>> {
    const { volumes, recorder, clock } = this.#options;
    try {
      const mounted = await volumes.mountPod(pod);
      this.#mounts.set(pod.metadata?.uid ?? "", { at: clock.monotonic(), from: shownInVolumes(pod) });
      return mounted;
    } catch (error) {
      recorder.event(pod, "Warning", "FailedMount", errorText(error));
      throw error;
    }
  }

  /** Writes anew what a running pod's volumes show of other objects and of itself: tokens age, ConfigMaps and labels change. */
  async #refreshVolumes(pod: Pod): Promise<void> {
    const last = this.#mounts.get(pod.metadata?.uid ?? "");
    const isFresh =
      last !== undefined &&
      this.#options.clock.monotonic() - last.at < VOLUMES_FRESH_MS &&
      last.from === shownInVolumes(pod);
    if (!isFresh) await this.#mount(pod);
  }

  #actions(pod: Pod, seen: PodRuntimeStatus): PodActions {
    const { probes } = this.#options;
    return computePodActions(
      pod,
      seen,
      { startup: (id) => probes.resultFor(id, "startup"), liveness: (id) => probes.resultFor(id, "liveness") },
      containerHash,
    );
  }

  #remember(uid: string, outcomes: ReadonlyMap<string, StartFailure | undefined>): void {
    const known = this.#failures.get(uid) ?? new Map<string, StartFailure>();
    for (const [name, failure] of outcomes) {
      if (failure === undefined) known.delete(name);
      else known.set(name, { reason: failure.reason, message: (failure as { message: string }).message });
    }
    this.#failures.set(uid, known);
  }

  /** Milliseconds until activeDeadlineSeconds runs out. */
  #deadline(pod: Pod, status: PodStatus): number | undefined {
    const seconds = pod.spec?.activeDeadlineSeconds;
    if (seconds === undefined || status.startTime === undefined) return undefined;
    return parseTime(status.startTime).getTime() + seconds * 1000 - this.#options.clock.now();
  }

  #status(worker: WorkerView, seen: PodRuntimeStatus, terminal: boolean): PodStatus {
    const { statuses, node, clock, probes } = this.#options;
    const { pod, uid, termination } = worker;
    const previous = statuses.get(uid) ?? pod.status;
    const before = (id: string) =>
      [...(previous?.containerStatuses ?? []), ...(previous?.initContainerStatuses ?? [])].find(
        (status) => status.containerID === `${node.runtimeName}://${id}`,
      );
    const probeOf = (id: string, kind: "startupProbe" | "readinessProbe"): boolean => {
      const name = seen.containers.find((container) => container.id === id)?.name;
      const all = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
      return all.find((container) => container.name === name)?.[kind] !== undefined;
    };
    const failure = termination === undefined || termination.reason === "" ? undefined : termination;
    return podStatus({
      pod,
      runtime: seen,
      previous,
      hostIPs: node.hostIPs,
      runtimeName: node.runtimeName,
      now: clock.now(),
      terminal,
      failure,
      startFailure: (name) => this.#failures.get(uid)?.get(name),
      probes: {
        // Before the first verdict the last report about the very same container holds: a restart of the kubelet changes nothing.
        started: (id) =>
          !probeOf(id, "startupProbe") || (probes.resultFor(id, "startup") ?? before(id)?.started ?? false),
        ready: (id) =>
          !probeOf(id, "readinessProbe") || (probes.resultFor(id, "readiness") ?? before(id)?.ready ?? false),
      },
    });
  }

  #tellProbes(pod: Pod, seen: PodRuntimeStatus): void {
    const running = new Map<string, { id: string; startedAt: number }>();
    for (const container of seen.containers) {
      if (container.state === "running" && !running.has(container.name))
        running.set(container.name, { id: container.id, startedAt: container.startedAt });
    }
    const ips = pod.spec?.hostNetwork === true ? this.#options.node.hostIPs : podIPs(seen);
    this.#options.probes.updatePod(pod, { podIPs: ips, containers: running });
  }

  async #seen(pod: Pod): Promise<PodRuntimeStatus> {
    const { pleg } = this.#options;
    return pleg.pods.get(pod.metadata?.uid ?? "") ?? (await this.#refresh(pod));
  }

  #refresh(pod: Pod): Promise<PodRuntimeStatus> {
    const { uid = "", name = "", namespace = "" } = pod.metadata ?? {};
    return this.#options.pleg.refresh({ uid, name, namespace });
  }
}

function hasWork(actions: PodActions, seen: PodRuntimeStatus): boolean {
  const alive =
    seen.containers.some((container) => container.state === "running") ||
    seen.sandboxes.some((sandbox) => sandbox.ready);
  return (
    actions.createSandbox ||
    (actions.killPod && alive) ||
    actions.containersToKill.length > 0 ||
    actions.ephemeralContainersToStart.length > 0 ||
    actions.initContainersToStart.length > 0 ||
    actions.containersToStart.length > 0
  );
}

/** What of a pod a downward API volume may show and an update may change. */
function shownInVolumes({ metadata, spec }: Pod): string {
  return JSON.stringify([metadata?.labels, metadata?.annotations, spec?.containers?.map((each) => each.resources)]);
}

function minimum(a: number | undefined, b: number): number {
  return a === undefined ? b : Math.min(a, b);
}
