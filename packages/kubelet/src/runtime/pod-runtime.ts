/** Carries out the actions of one sync: sandbox, init containers, containers. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Container, Pod, Secret } from "@knots/api/core/v1";
import type { Clock, Logger } from "@knots/machinery";
import { linuxResources, oomScoreAdj } from "../cm/resources.ts";
import { CriError, errorText } from "../cri/error.ts";
import type { cri, CriClients } from "../cri/types.ts";
import { containerRef, type Recorder } from "../events.ts";
import { ImageError, type ImageManager } from "../images/image-manager.ts";
import type { HookRunner } from "../lifecycle/types.ts";
import { Backoff } from "../pods/backoff.ts";
import type { PodActions } from "../pods/compute-pod-actions.ts";
import type { StartFailure } from "../status/container-statuses.ts";
import { containerConfig, type ContainerContext } from "./container-config.ts";
import type { ContainerInputs } from "./container-inputs.ts";
import { Killer } from "./kill.ts";
import { containerHash, formatPod } from "./labels.ts";
import { goSeconds, restartsFromLogs } from "./restart-count.ts";
import { verifyRunAsNonRoot } from "./security-context.ts";
import { latestContainer, type PodRuntimeStatus } from "./types.ts";
import { unlessAborted } from "./unless-aborted.ts";

/** What the kubelet supplies for a pod; computed late, because some of it needs the pod's address. */
export interface PodInputs {
  sandboxConfig(attempt: number): cri.PodSandboxConfig;
  /** Rejects when the pod's RuntimeClass is not there. */
  runtimeHandler(): Promise<string>;
  containerInputs(container: Container, podIPs: readonly string[]): Promise<ContainerInputs>;
  pullSecrets(): Promise<readonly Secret[]>;
}

export interface PodRuntimeOptions {
  readonly cri: CriClients;
  readonly images: ImageManager;
  readonly hooks: HookRunner;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly seccompRoot: string;
  /** Bytes of memory of the node. */
  readonly memoryCapacity: number;
  /** Longest delay between restarts of a crashing container. */
  readonly maxCrashBackoffMs?: number;
  readonly logFiles?: LogFiles;
}

/** Where containers log to. */
export interface LogFiles {
  makeDirectory(path: string): Promise<void>;
  /** How often a container ran, by what it left in its directory. */
  restarts(directory: string): Promise<number>;
}

const nodeLogFiles: LogFiles = {
  async makeDirectory(path) {
    await mkdir(path, { recursive: true, mode: 0o755 });
  },
  restarts: restartsFromLogs,
};

/** For a runtime whose containers write nothing. */
export const noLogFiles: LogFiles = {
  makeDirectory: () => Promise.resolve(),
  restarts: () => Promise.resolve(0),
};

export interface SyncResult {
  /** Containers that were tried: undefined is success. */
  readonly outcomes: Map<string, StartFailure | undefined>;
  /** Milliseconds until something that waits may be tried again. */
  retryAfterMs: number | undefined;
  /** What kept the whole pod from going on. */
  error: Error | undefined;
  /** Something was started or stopped: the runtime's view is another now. */
  changed: boolean;
}

class StartError extends Error implements StartFailure {
  readonly reason: string;
  readonly retryAfterMs: number | undefined;

  constructor(reason: string, message: string, retryAfterMs?: number) {
    super(message);
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

export class PodRuntime {
  readonly killer: Killer;
  readonly #options: PodRuntimeOptions;
  readonly #backoff: Backoff;

  constructor(options: PodRuntimeOptions) {
    this.#options = options;
    this.killer = new Killer({ ...options, runtime: options.cri.runtime });
    this.#backoff = new Backoff({
      baseMs: 10_000,
      maxMs: options.maxCrashBackoffMs ?? 300_000,
      now: () => options.clock.now(),
    });
  }

  /** Starts nothing more once `signal` is aborted; what is left undone then is no failure. */
  async syncPod(
    pod: Pod,
    status: PodRuntimeStatus,
    actions: PodActions,
    inputs: PodInputs,
    signal: AbortSignal,
  ): Promise<SyncResult> {
    const result: SyncResult = { outcomes: new Map(), retryAfterMs: undefined, error: undefined, changed: false };
    const { recorder, cri, logFiles = nodeLogFiles } = this.#options;
    try {
      if (actions.killPod) {
        if (actions.createSandbox && actions.sandboxID !== undefined) {
          recorder.event(pod, "Normal", "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.");
        }
        if (status.sandboxes.length > 0 || status.containers.some((container) => container.state === "running")) {
          await this.killer.killPod(pod, status, {});
          result.changed = true;
        }
      } else {
        for (const { container, message, reason } of actions.containersToKill) {
          await this.killer.killContainer(pod, container, {
            message,
            reason,
            podIP: status.sandboxes[0]?.ips[0] ?? "",
          });
          result.changed = true;
        }
      }
    } catch (error) {
      result.error = new Error(`error killing pod: ${errorText(error)}`);
      recorder.event(pod, "Warning", "FailedKillPod", result.error.message);
      return result;
    }

    let sandboxID = actions.sandboxID;
    let podIPs = status.sandboxes[0]?.ips ?? [];
    const config = inputs.sandboxConfig(actions.attempt);
    if (actions.createSandbox) {
      try {
        await logFiles.makeDirectory(config.logDirectory);
        sandboxID = await cri.runtime.runPodSandbox(config, await inputs.runtimeHandler());
        result.changed = true;
        const network = (await cri.runtime.podSandboxStatus(sandboxID)).status?.network;
        podIPs = [network?.ip ?? "", ...(network?.additionalIps ?? []).map((each) => each.ip)].filter(
          (ip) => ip !== "",
        );
      } catch (error) {
        result.error = new Error(`Failed to create pod sandbox: ${errorText(error)}`);
        recorder.event(pod, "Warning", "FailedCreatePodSandBox", result.error.message);
        return result;
      }
    }
    if (sandboxID === undefined) return result;
    const id = sandboxID;
    const start = async (container: Container | undefined): Promise<boolean> => {
      if (container === undefined || signal.aborted) return false;
      const failure = await this.#start(pod, container, status, id, config, podIPs, inputs, signal);
      result.outcomes.set(container.name, failure);
      if (failure === undefined) {
        result.changed = true;
      } else if (failure.retryAfterMs !== undefined) {
        result.retryAfterMs = Math.min(result.retryAfterMs ?? Number.POSITIVE_INFINITY, failure.retryAfterMs);
      }
      return failure === undefined;
    };
    const spec = pod.spec;
    for (const index of actions.ephemeralContainersToStart)
      await start(spec?.ephemeralContainers?.[index] as Container | undefined);
    for (const index of actions.initContainersToStart) {
      const container = spec?.initContainers?.[index];
      // A sidecar that is restarted beside running containers does not hold up the others.
      if (!(await start(container)) && container?.restartPolicy !== "Always") return result;
    }
    for (const index of actions.containersToStart) await start(spec?.containers[index]);
    return result;
  }

  async #start(
    pod: Pod,
    container: Container,
    status: PodRuntimeStatus,
    sandboxID: string,
    sandbox: cri.PodSandboxConfig,
    podIPs: readonly string[],
    inputs: PodInputs,
    signal: AbortSignal,
  ): Promise<StartError | ImageError | undefined> {
    const { recorder, logger } = this.#options;
    const ref = containerRef(pod, container);
    try {
      this.#checkBackoff(pod, container, status);
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      recorder.event(
        ref,
        "Warning",
        "BackOff",
        `Back-off restarting failed container ${container.name} in pod ${formatPod(pod)}`,
      );
      return error;
    }
    try {
      await this.#startNow(pod, container, status, sandboxID, sandbox, podIPs, inputs, signal);
      return undefined;
    } catch (error) {
      if (!(error instanceof StartError || error instanceof ImageError)) throw error;
      const text = error instanceof ImageError ? error.reason : error.message;
      recorder.event(ref, "Warning", "Failed", `Error: ${text}`);
      logger.debug(
        { pod: formatPod(pod), container: container.name, reason: error.reason, message: error.message },
        "container does not start",
      );
      return error;
    }
  }

  /** Throws CrashLoopBackOff while the container must wait, counted from its last exit. */
  #checkBackoff(pod: Pod, container: Container, status: PodRuntimeStatus): void {
    const last = status.containers.find(
      (candidate) => candidate.name === container.name && candidate.state === "exited",
    );
    if (last === undefined) return;
    const key = `${pod.metadata?.uid ?? ""}_${container.name}_${containerHash(container)}`;
    const wait = this.#backoff.remaining(key, last.finishedAt);
    if (wait > 0) {
      const delay = goSeconds(this.#backoff.get(key));
      throw new StartError(
        "CrashLoopBackOff",
        `back-off ${delay} restarting failed container=${container.name} pod=${formatPod(pod)}`,
        wait,
      );
    }
    this.#backoff.next(key, last.finishedAt);
  }

  async #startNow(
    pod: Pod,
    container: Container,
    status: PodRuntimeStatus,
    sandboxID: string,
    sandbox: cri.PodSandboxConfig,
    podIPs: readonly string[],
    inputs: PodInputs,
    signal: AbortSignal,
  ): Promise<void> {
    const { cri, images, recorder, logFiles = nodeLogFiles } = this.#options;
    const ref = containerRef(pod, container);
    const imageRef = await unlessAborted(images.ensure(pod, container, await inputs.pullSecrets(), sandbox), signal);
    if (imageRef === undefined) return;
    const last = latestContainer(status, container.name);
    const restartCount =
      last === undefined ? await logFiles.restarts(join(sandbox.logDirectory, container.name)) : last.restartCount + 1;
    const config = await this.#config(pod, container, status, imageRef, restartCount, podIPs, inputs);
    let id: string;
    try {
      await logFiles.makeDirectory(join(sandbox.logDirectory, container.name));
      id = await cri.runtime.createContainer(sandboxID, config, sandbox);
    } catch (error) {
      throw new StartError("CreateContainerError", error instanceof CriError ? error.message : errorText(error));
    }
    recorder.event(ref, "Normal", "Created", "Container created");
    try {
      await cri.runtime.startContainer(id);
    } catch (error) {
      throw new StartError("RunContainerError", error instanceof CriError ? error.message : errorText(error));
    }
    recorder.event(ref, "Normal", "Started", "Container started");
    await unlessAborted(this.#postStart(pod, container, id, podIPs[0] ?? "", signal), signal);
  }

  async #config(
    pod: Pod,
    container: Container,
    status: PodRuntimeStatus,
    imageRef: string,
    restartCount: number,
    podIPs: readonly string[],
    inputs: PodInputs,
  ): Promise<cri.ContainerConfig> {
    const { cri, seccompRoot, memoryCapacity } = this.#options;
    try {
      const image = await cri.images.imageStatus(imageRef);
      const username = image?.username ?? "";
      // An image that names nobody runs as root.
      const unnamed = username === "" ? 0 : undefined;
      const imageUser = { uid: image?.uid === undefined ? unnamed : Number(image.uid.value), username };
      verifyRunAsNonRoot(pod, container, imageUser);
      const own = await inputs.containerInputs(container, podIPs);
      const target = (container as { targetContainerName?: string }).targetContainerName;
      const context: ContainerContext = {
        restartCount,
        imageRef,
        imageUser,
        ...own,
        resources: linuxResources(container.resources),
        oomScoreAdj: oomScoreAdj(pod, container, memoryCapacity),
        seccompRoot,
        targetID: target === undefined || target === "" ? undefined : latestContainer(status, target)?.id,
      };
      return containerConfig(pod, container, context);
    } catch (error) {
      throw new StartError("CreateContainerConfigError", errorText(error));
    }
  }

  async #postStart(pod: Pod, container: Container, id: string, podIP: string, signal: AbortSignal): Promise<void> {
    const handler = container.lifecycle?.postStart;
    if (handler === undefined) return;
    const { hooks, recorder, cri, logger } = this.#options;
    try {
      await hooks.run(pod, container, id, podIP, handler, signal);
    } catch (error) {
      if (signal.aborted) return;
      logger.warn({ pod: formatPod(pod), container: container.name, error }, "postStart hook failed");
      const ref = containerRef(pod, container);
      recorder.event(ref, "Warning", "FailedPostStartHook", "PostStartHook failed");
      recorder.event(ref, "Normal", "Killing", "FailedPostStartHook");
      await cri.runtime.stopContainer(id, pod.spec?.terminationGracePeriodSeconds ?? 30);
      throw new StartError("PostStartHookError", errorText(error));
    }
  }
}
