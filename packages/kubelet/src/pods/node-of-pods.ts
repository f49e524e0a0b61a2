/** What this node gives its pods: admission, cgroups, names, resolver settings, files. */
import { readFile } from "node:fs/promises";
import type { Node, Pod, Secret, Service } from "@knots/api/core/v1";
import { runtimeClasses } from "@knots/api/node/v1";
import type { Client } from "@knots/client";
import { isNotFound, type Logger } from "@knots/machinery";
import { burstableShares, podCgroup, podCgroupSettings, type CgroupManager } from "../cm/cgroups.ts";
import type { Recorder } from "../events.ts";
import { podDnsConfig, parseResolvConf } from "../network/dns-config.ts";
import { podHostname } from "../network/hostname.ts";
import { hostNetworkHostsFile, managedHostsFile } from "../network/hosts-file.ts";
import type { ObjectReader } from "../objects/object-reader.ts";
import type { Collector } from "../runtime/collector.ts";
import { containerInputs } from "../runtime/container-inputs.ts";
import type { PodInputs } from "../runtime/pod-runtime.ts";
import { podLogDirectory, sandboxConfig } from "../runtime/sandbox-config.ts";
import type { MountedVolume, VolumeManager } from "../volumes/types.ts";
import { claimsProblem } from "./claims-problem.ts";
import { admit, type Rejection } from "./admission.ts";
import type { MirrorPods } from "./mirror-pods.ts";
import type { Pleg } from "./pleg.ts";
import type { PodNode } from "./pod-syncer.ts";
import type { Termination } from "./pod-workers.ts";
import { isStaticPod } from "./static-pods.ts";

export interface NodeOfPodsOptions {
  readonly client: Client;
  readonly logger: Logger;
  readonly recorder: Recorder;
  /** "containerd": prefix of container ids in the API. */
  readonly runtimeName: () => string;
  readonly hostIPs: readonly string[];
  readonly rootDir: string;
  readonly logsDir: string;
  readonly seccompRoot: string;
  readonly cgroupRoot: string;
  readonly cgroups: CgroupManager | undefined;
  readonly podPidsLimit: number | undefined;
  readonly clusterDNS: readonly string[];
  readonly clusterDomain: string;
  readonly resolvConf: string;
  readonly allowedUnsafeSysctls: readonly string[];
  readonly objects: ObjectReader;
  readonly volumes: VolumeManager;
  readonly mirrors: MirrorPods;
  readonly collector: Collector;
  readonly pleg: Pleg;
  readonly node: () => Node | undefined;
  /** undefined until they were read once. */
  readonly services: () => readonly Service[] | undefined;
  /** Pods this node has taken and that have not ended, without the one of this uid. */
  readonly others: (uid: string) => readonly Pod[];
  readonly networkProblem: () => string | undefined;
  readonly end: (uid: string, termination: Termination) => void;
}

/** Read this short a time ago is as good as now: the containers of a pod that start together ask once. */
const SEEN_NOW_MS = 1_000;

export class NodeOfPods implements PodNode {
  readonly #options: NodeOfPodsOptions;

  constructor(options: NodeOfPodsOptions) {
    this.#options = options;
  }

  get runtimeName(): string {
    return this.#options.runtimeName();
  }

  get hostIPs(): readonly string[] {
    return this.#options.hostIPs;
  }

  admit(pod: Pod): Rejection | "wait" | undefined {
    const { node, others, allowedUnsafeSysctls } = this.#options;
    const current = node();
    // Static pods must run even where no API server ever registered the node.
    if (current === undefined) {
      return isStaticPod(pod) ? undefined : "wait";
    }
    return admit({ pod, others: others(pod.metadata?.uid ?? ""), node: current, allowedUnsafeSysctls });
  }

  networkProblem(): string | undefined {
    return this.#options.networkProblem();
  }

  devicesProblem(pod: Pod): string | undefined {
    return claimsProblem(pod);
  }

  end(uid: string, termination: Termination): void {
    this.#options.end(uid, termination);
  }

  lookAnew(pod: Pod): void {
    this.#options.objects.invalidate(pod.metadata?.namespace ?? "", SEEN_NOW_MS);
  }

  async ensureCgroup(pod: Pod): Promise<void> {
    const { cgroups, cgroupRoot, podPidsLimit, others } = this.#options;
    await cgroups?.setBurstableShares(burstableShares([pod, ...others(pod.metadata?.uid ?? "")]));
    await cgroups?.apply(podCgroup(cgroupRoot, pod), podCgroupSettings(pod, podPidsLimit));
  }

  async removeCgroup(pod: Pod): Promise<void> {
    const { cgroups, cgroupRoot, others } = this.#options;
    await cgroups?.remove(podCgroup(cgroupRoot, pod));
    await cgroups?.setBurstableShares(burstableShares(others(pod.metadata?.uid ?? "")));
  }

  async ensureMirror(pod: Pod): Promise<void> {
    if (!isStaticPod(pod)) return;
    const { mirrors, logger } = this.#options;
    // A static pod runs without the API server; only its mirror has to wait.
    await mirrors
      .ensure(pod)
      .catch((error: unknown) => logger.debug({ pod: pod.metadata?.name, error }, "cannot create mirror pod yet"));
  }

  async purge(uid: string, pod: Pod): Promise<void> {
    const { pleg, collector, volumes, mirrors } = this.#options;
    const { name = "", namespace = "" } = pod.metadata ?? {};
    await volumes.unmountPod(uid);
    await collector.purge(await pleg.refresh({ uid, name, namespace }));
    await pleg.refresh({ uid, name, namespace });
    const mirror = isStaticPod(pod) ? mirrors.of(pod) : undefined;
    if (mirror !== undefined) await mirrors.delete(mirror);
  }

  async inputs(pod: Pod, volumes: ReadonlyMap<string, MountedVolume>): Promise<PodInputs> {
    const options = this.#options;
    const { hostname, domain, kernelHostname } = podHostname(pod, options.clusterDomain);
    const hostResolver = parseResolvConf(
      options.resolvConf === "" ? "" : await readFile(options.resolvConf, "utf8").catch(() => ""),
    );
    const dns = podDnsConfig(pod, {
      clusterDNS: options.clusterDNS,
      clusterDomain: options.clusterDomain,
      host: hostResolver,
      onWarning: (reason, message) => options.recorder.event(pod, "Warning", reason, message),
    });
    const hostNetwork = pod.spec?.hostNetwork === true;
    const aliases = pod.spec?.hostAliases ?? [];
    const nodeHosts = hostNetwork ? await readFile("/etc/hosts", "utf8").catch(() => "") : "";
    return {
      runtimeHandler: () => this.#runtimeHandler(pod),
      sandboxConfig: (attempt) =>
        sandboxConfig(pod, {
          attempt,
          hostname: kernelHostname,
          dns,
          logDirectory: podLogDirectory(options.logsDir, pod),
          cgroupParent: options.cgroups === undefined ? "" : podCgroup(options.cgroupRoot, pod),
          seccompRoot: options.seccompRoot,
        }),
      containerInputs: (container, podIPs) => {
        const services = options.services();
        if (services === undefined && !isStaticPod(pod)) {
          return Promise.reject(new Error("services have not yet been read at least once, cannot construct envvars"));
        }
        // The container before this one may have taken all its grace period to end.
        this.lookAnew(pod);
        const ips = hostNetwork ? options.hostIPs : podIPs;
        return containerInputs(pod, container, {
          rootDir: options.rootDir,
          volumes,
          hostsFile: hostNetwork
            ? hostNetworkHostsFile(nodeHosts, aliases)
            : managedHostsFile({ podIPs: ips, hostname, domain, aliases }),
          environment: {
            podIPs: ips,
            hostIPs: options.hostIPs,
            services: services ?? [],
            objects: options.objects,
            node: options.node(),
            onInvalidNames: (kind, name, keys) =>
              options.recorder.event(
                pod,
                "Warning",
                "InvalidEnvironmentVariableNames",
                `Keys [${keys.join(", ")}] from the EnvFrom ${kind} ${pod.metadata?.namespace}/${name} were skipped since they are considered invalid environment variable names.`,
              ),
          },
        });
      },
      pullSecrets: () => this.#pullSecrets(pod),
    };
  }

  async #pullSecrets(pod: Pod): Promise<readonly Secret[]> {
    const { objects, logger, recorder } = this.#options;
    const namespace = pod.metadata?.namespace ?? "";
    const found: Secret[] = [];
    const missing: string[] = [];
    for (const { name } of pod.spec?.imagePullSecrets ?? []) {
      if (name === undefined || name === "") continue;
      try {
        found.push(await objects.secret(namespace, name));
      } catch (error) {
        // Perhaps the image can be pulled without it; the registry decides.
        logger.warn({ secret: `${namespace}/${name}`, error }, "cannot read image pull secret");
        missing.push(name);
      }
    }
    if (missing.length > 0) {
      recorder.event(
        pod,
        "Warning",
        "FailedToRetrieveImagePullSecret",
        `Unable to retrieve some image pull secrets (${missing.join(", ")}); attempting to pull the image may not succeed.`,
      );
    }
    return found;
  }

  async #runtimeHandler(pod: Pod): Promise<string> {
    const name = pod.spec?.runtimeClassName;
    if (name === undefined || name === "") return "";
    try {
      return (await this.#options.client.resource(runtimeClasses).get(name)).handler;
    } catch (error) {
      if (isNotFound(error))
        throw new Error(`failed to get sandbox runtime: RuntimeClass.node.k8s.io "${name}" not found`, {
          cause: error,
        });
      throw error;
    }
  }
}
