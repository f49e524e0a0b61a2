/** What a simulated node does for a pod: admission as on every node, and configurations without files, mounts or cgroups. */
import type { Node, Pod } from "@knots/api/core/v1";
import type { CriClients } from "../cri/types.ts";
import { podHostname } from "../network/hostname.ts";
import { admit, type Rejection } from "../pods/admission.ts";
import type { Pleg } from "../pods/pleg.ts";
import type { PodNode } from "../pods/pod-syncer.ts";
import type { Termination } from "../pods/pod-workers.ts";
import type { PodInputs } from "../runtime/pod-runtime.ts";
import { podLogDirectory, sandboxConfig } from "../runtime/sandbox-config.ts";
import type { MountedVolume, VolumeManager } from "../volumes/types.ts";

export interface SimulatedPodNodeOptions {
  readonly cri: CriClients;
  readonly nodeName: string;
  readonly hostIP: string;
  readonly clusterDomain: string;
  readonly pleg: Pleg;
  readonly node: () => Node | undefined;
  /** Pods this node has taken and that have not ended, without the one of this uid. */
  readonly others: (uid: string) => readonly Pod[];
  readonly end: (uid: string, termination: Termination) => void;
}

const NO_INPUTS = { environment: new Map<string, string>(), mounts: [], devices: [] };

export class SimulatedPodNode implements PodNode {
  readonly #options: SimulatedPodNodeOptions;
  readonly runtimeName = "simulated";

  constructor(options: SimulatedPodNodeOptions) {
    this.#options = options;
  }

  get hostIPs(): readonly string[] {
    return [this.#options.hostIP];
  }

  admit(pod: Pod): Rejection | "wait" | undefined {
    const node = this.#options.node();
    if (node === undefined) return "wait";
    return admit({ pod, others: this.#options.others(pod.metadata?.uid ?? ""), node, allowedUnsafeSysctls: [] });
  }

  networkProblem(): string | undefined {
    return undefined;
  }

  /** A simulated pod uses devices no more than it uses anything else. */
  devicesProblem(): string | undefined {
    return undefined;
  }

  end(uid: string, termination: Termination): void {
    this.#options.end(uid, termination);
  }

  lookAnew(): void {
    // Simulated containers are given nothing of other objects.
  }

  async ensureCgroup(): Promise<void> {
    // There are no cgroups.
  }

  async removeCgroup(): Promise<void> {
    // There are no cgroups.
  }

  async ensureMirror(): Promise<void> {
    // There are no static pods.
  }

  async purge(uid: string, pod: Pod): Promise<void> {
    const { pleg, cri } = this.#options;
    const { name = "", namespace = "" } = pod.metadata ?? {};
    const seen = await pleg.refresh({ uid, name, namespace });
    for (const { id } of seen.containers) await cri.runtime.removeContainer(id);
    for (const { id } of seen.sandboxes) {
      await cri.runtime.stopPodSandbox(id);
      await cri.runtime.removePodSandbox(id);
    }
    await pleg.refresh({ uid, name, namespace });
  }

  async inputs(pod: Pod): Promise<PodInputs> {
    const { clusterDomain, nodeName, cri, node } = this.#options;
    // As soon as the node has its addresses pods get theirs from them.
    const podCIDR = node()?.spec?.podCIDR;
    if (podCIDR !== undefined) await cri.runtime.updateRuntimeConfig(podCIDR);
    return {
      runtimeHandler: () => Promise.resolve(""),
      sandboxConfig: (attempt) =>
        sandboxConfig(pod, {
          attempt,
          hostname: podHostname(pod, clusterDomain).kernelHostname,
          dns: { servers: [], searches: [], options: [] },
          logDirectory: podLogDirectory(`simulated/${nodeName}`, pod),
          cgroupParent: "",
          seccompRoot: "",
        }),
      containerInputs: () => Promise.resolve(NO_INPUTS),
      pullSecrets: () => Promise.resolve([]),
    };
  }
}

/** Every volume is there, with nothing in it. */
export const simulatedVolumes: VolumeManager = {
  mountPod: (pod) =>
    Promise.resolve(
      new Map((pod.spec?.volumes ?? []).map(({ name }): [string, MountedVolume] => [name, { hostPath: "" }])),
    ),
  unmountPod: () => Promise.resolve(),
};
