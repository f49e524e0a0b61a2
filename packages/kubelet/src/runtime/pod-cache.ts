/** Reads pods from the runtime, with as few calls as possible: what cannot change any more is asked once. */
import { isNotFound } from "../cri/error.ts";
import type { cri, RuntimeService } from "../cri/types.ts";
import { ContainerState as CriState, NamespaceMode, PodSandboxState } from "../generated/cri.ts";
import {
  ANNOTATION_HASH,
  ANNOTATION_RESTART_COUNT,
  LABEL_CONTAINER_NAME,
  LABEL_POD_NAME,
  LABEL_POD_NAMESPACE,
  LABEL_POD_UID,
} from "./labels.ts";
import type { MessageReader } from "./termination-message.ts";
import type { ContainerState, PodRuntimeStatus, RuntimeContainer, RuntimeSandbox } from "./types.ts";

/** One pod as the runtime's lists show it. */
export interface ListedPod {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly sandboxes: cri.PodSandbox[];
  readonly containers: cri.Container[];
}

const STATES: Record<number, ContainerState> = {
  [CriState.CONTAINER_CREATED]: "created",
  [CriState.CONTAINER_RUNNING]: "running",
  [CriState.CONTAINER_EXITED]: "exited",
};

/** Groups the two lists by pod. Sandboxes and containers that are not a kubelet's are left out. */
export function groupByPod(
  sandboxes: readonly cri.PodSandbox[],
  containers: readonly cri.Container[],
): Map<string, ListedPod> {
  const pods = new Map<string, ListedPod>();
  const podOf = (labels: Record<string, string>): ListedPod | undefined => {
    const uid = labels[LABEL_POD_UID];
    if (uid === undefined) return undefined;
    let pod = pods.get(uid);
    if (pod === undefined) {
      pod = {
        uid,
        name: labels[LABEL_POD_NAME] ?? "",
        namespace: labels[LABEL_POD_NAMESPACE] ?? "",
        sandboxes: [],
        containers: [],
      };
      pods.set(uid, pod);
    }
    return pod;
  };
  for (const sandbox of sandboxes) podOf(sandbox.labels)?.sandboxes.push(sandbox);
  for (const container of containers)
    if (container.labels[LABEL_CONTAINER_NAME] !== undefined) podOf(container.labels)?.containers.push(container);
  return pods;
}

/** A short text that changes whenever something of the pod changes its state. */
export function fingerprint(pod: ListedPod): string {
  return [...pod.sandboxes.map((s) => `${s.id}:${s.state}`), ...pod.containers.map((c) => `${c.id}:${c.state}`)]
    .toSorted()
    .join(",");
}

export class PodReader {
  readonly #runtime: RuntimeService;
  readonly #messages: MessageReader;
  /** Statuses that are final (exited), by container id; and addresses of ready sandboxes. */
  readonly #exited = new Map<string, RuntimeContainer>();
  readonly #sandboxes = new Map<string, RuntimeSandbox>();

  constructor(runtime: RuntimeService, messages: MessageReader) {
    this.#runtime = runtime;
    this.#messages = messages;
  }

  async list(): Promise<Map<string, ListedPod>> {
    const [sandboxes, containers] = await Promise.all([this.#runtime.listPodSandbox(), this.#runtime.listContainers()]);
    return groupByPod(sandboxes, containers);
  }

  async listOne(uid: string): Promise<ListedPod | undefined> {
    const labelSelector = { [LABEL_POD_UID]: uid };
    const [sandboxes, containers] = await Promise.all([
      this.#runtime.listPodSandbox({ labelSelector }),
      this.#runtime.listContainers({ labelSelector }),
    ]);
    return groupByPod(sandboxes, containers).get(uid);
  }

  async status(pod: ListedPod): Promise<PodRuntimeStatus> {
    const [sandboxes, containers] = await Promise.all([
      Promise.all(pod.sandboxes.map((sandbox) => this.#sandbox(sandbox))),
      Promise.all(pod.containers.map((container) => this.#container(container))),
    ]);
    const present = <T>(item: T | undefined): item is T => item !== undefined;
    return {
      uid: pod.uid,
      name: pod.name,
      namespace: pod.namespace,
      sandboxes: sandboxes.filter(present).toSorted((a, b) => b.createdAt - a.createdAt || b.attempt - a.attempt),
      containers: containers
        .filter(present)
        .toSorted((a, b) => b.createdAt - a.createdAt || b.restartCount - a.restartCount),
    };
  }

  /** Drops what belongs to sandboxes and containers that exist no more. */
  retain(pods: ReadonlyMap<string, ListedPod>): void {
    const ids = new Set<string>();
    for (const pod of pods.values()) {
      for (const sandbox of pod.sandboxes) ids.add(sandbox.id);
      for (const container of pod.containers) ids.add(container.id);
    }
    for (const cache of [this.#exited, this.#sandboxes])
      for (const id of cache.keys()) if (!ids.has(id)) cache.delete(id);
  }

  async #sandbox(listed: cri.PodSandbox): Promise<RuntimeSandbox | undefined> {
    const ready = listed.state === PodSandboxState.SANDBOX_READY;
    const known = this.#sandboxes.get(listed.id);
    if (known !== undefined && known.ready === ready && (!ready || known.hostNetwork || known.ips.length > 0))
      return known;
    try {
      const { status } = await this.#runtime.podSandboxStatus(listed.id);
      if (status === undefined) return undefined;
      const network = status.network;
      const ips = [network?.ip ?? "", ...(network?.additionalIps ?? []).map((each) => each.ip)].filter(
        (ip) => ip !== "",
      );
      const sandbox: RuntimeSandbox = {
        id: listed.id,
        attempt: status.metadata?.attempt ?? 0,
        ready: status.state === PodSandboxState.SANDBOX_READY,
        createdAt: milliseconds(status.createdAt),
        hostNetwork: status.linux?.namespaces?.options?.network === NamespaceMode.NODE,
        ips,
      };
      this.#sandboxes.set(listed.id, sandbox);
      return sandbox;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async #container(listed: cri.Container): Promise<RuntimeContainer | undefined> {
    const known = this.#exited.get(listed.id);
    if (known !== undefined) return known;
    try {
      const { status } = await this.#runtime.containerStatus(listed.id);
      if (status === undefined) return undefined;
      const container = await this.#convert(status, listed.podSandboxId);
      if (container.state === "exited") this.#exited.set(container.id, container);
      return container;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async #convert(status: cri.ContainerStatus, sandboxID: string): Promise<RuntimeContainer> {
    const state = STATES[status.state] ?? "unknown";
    const words = state === "exited" ? await this.#messages.read(status) : "";
    const user = status.user?.linux;
    const resources = status.resources?.linux;
    return {
      id: status.id,
      name: status.labels[LABEL_CONTAINER_NAME] ?? status.metadata?.name ?? "",
      sandboxID,
      state,
      createdAt: milliseconds(status.createdAt),
      startedAt: milliseconds(status.startedAt),
      finishedAt: state === "exited" ? milliseconds(status.finishedAt) : 0,
      exitCode: status.exitCode,
      reason: status.reason,
      message: [status.message, words].filter((part) => part !== "").join(": "),
      image: status.image?.userSpecifiedImage || (status.image?.image ?? ""),
      imageID: status.imageRef,
      hash: status.annotations[ANNOTATION_HASH] ?? "",
      restartCount: Number(status.annotations[ANNOTATION_RESTART_COUNT] ?? "0"),
      logPath: status.logPath,
      annotations: status.annotations,
      resources:
        resources === undefined
          ? undefined
          : {
              cpuShares: Number(resources.cpuShares),
              cpuQuota: Number(resources.cpuQuota),
              cpuPeriod: Number(resources.cpuPeriod),
              memoryLimit: Number(resources.memoryLimitInBytes),
            },
      user:
        user === undefined
          ? undefined
          : { uid: Number(user.uid), gid: Number(user.gid), supplementalGroups: user.supplementalGroups.map(Number) },
    };
  }
}

/** The CRI tells time in nanoseconds; 0 or less is "never". */
function milliseconds(nanoseconds: bigint): number {
  return nanoseconds <= 0n ? 0 : Number(nanoseconds / 1_000_000n);
}
