/** The kubelet: puts its parts together, starts and stops them. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Node, nodes, type Pod, pods, type Service, services } from "@knots/api/core/v1";
import { EventRecorder, InformerFactory, withoutManagedFields } from "@knots/client";
import { configurationDocument } from "./configuration-document.ts";
import { nodeCgroups } from "./cm/node-cgroups.ts";
import { openCri } from "./cri/client.ts";
import { containerdEvents } from "./cri/containerd-events.ts";
import type { CriClients } from "./cri/types.ts";
import { ImageCollector } from "./images/image-gc.ts";
import { ImageManager } from "./images/image-manager.ts";
import { EvictionManager } from "./eviction/eviction-manager.ts";
import { Hooks } from "./lifecycle/hooks.ts";
import { readMachineInfo } from "./node/machine-info.ts";
import { NodeAgent } from "./node/node-agent.ts";
import { CachedObjectReader } from "./objects/cached-object-reader.ts";
import { requestToken, ServiceAccountTokens } from "./objects/service-account-tokens.ts";
import { type KubeletOptions, settingsOf } from "./options.ts";
import { Housekeeping } from "./pods/housekeeping.ts";
import { MirrorPods } from "./pods/mirror-pods.ts";
import { NodeOfPods } from "./pods/node-of-pods.ts";
import { Pleg } from "./pods/pleg.ts";
import { followPods } from "./pods/pod-source.ts";
import { PodSyncer } from "./pods/pod-syncer.ts";
import { PodWorkers } from "./pods/pod-workers.ts";
import { isStaticPod, StaticPods } from "./pods/static-pods.ts";
import type { ProbeManager } from "./probes/types.ts";
import { Prober } from "./probes/prober.ts";
import { Collector } from "./runtime/collector.ts";
import { PodReader } from "./runtime/pod-cache.ts";
import { PodRuntime } from "./runtime/pod-runtime.ts";
import { RuntimeHealth } from "./runtime/runtime-health.ts";
import { fileMessageReader } from "./runtime/termination-message.ts";
import type { PodRuntimeStatus } from "./runtime/types.ts";
import { LogRotation } from "./logs/rotation.ts";
import { KubeletServer } from "./server/kubelet-server.ts";
import type { KubeletView } from "./server/types.ts";
import { type NodeFigures, StatsProvider } from "./stats/stats-provider.ts";
import { StatusManager } from "./status/status-manager.ts";
import { NodeVolumes } from "./volumes/node-volumes.ts";
import type { VolumeManager } from "./volumes/types.ts";

export class Kubelet implements AsyncDisposable, KubeletView {
  readonly #options: KubeletOptions;
  readonly #stack = new AsyncDisposableStack();
  #workers: PodWorkers | undefined;
  #statuses: StatusManager | undefined;
  #cri: CriClients | undefined;
  #staticPods: StaticPods | undefined;
  #pleg: Pleg | undefined;
  #stats: StatsProvider | undefined;
  #probes: ProbeManager | undefined;
  #problems: () => string[] = () => ["the kubelet has not started"];

  constructor(options: KubeletOptions) {
    this.#options = options;
  }

  /** The pods of this node with the status as this kubelet knows it, static pods included. */
  pods(): Pod[] {
    return (this.#workers?.list() ?? []).map(({ pod, uid }) => {
      const status = this.#statuses?.get(uid);
      return status === undefined ? pod : { ...pod, status };
    });
  }

  get cri(): CriClients {
    if (this.#cri === undefined) throw new Error("the kubelet has not started");
    return this.#cri;
  }

  get nodeName(): string {
    return this.#options.nodeName;
  }

  runtimeStatus(uid: string): PodRuntimeStatus | undefined {
    return this.#pleg?.pods.get(uid);
  }

  problems(): readonly string[] {
    return this.#problems();
  }

  figures(): Promise<NodeFigures> {
    if (this.#stats === undefined) throw new Error("the kubelet has not started");
    return this.#stats.figures();
  }

  probeMetrics(): string {
    return this.#probes?.metrics?.() ?? "";
  }

  configuration(): object {
    return configurationDocument(this.#options, settingsOf(this.#options));
  }

  /** Resolves when everything runs; the node becomes Ready by itself soon after. */
  async start(): Promise<void> {
    const o = this.#options;
    const { client, clock, logger, nodeName, rootDir } = o;
    const settings = settingsOf(o);
    const { endpoint, hostIPs, logsDir, seccompRoot } = settings;
    await mkdir(join(rootDir, "pods"), { recursive: true, mode: 0o750 });
    await mkdir(logsDir, { recursive: true, mode: 0o755 });

    const cri = o.cri ?? openCri(endpoint);
    this.#cri = cri;
    if (o.cri === undefined) this.#stack.use(cri);
    const recorder = this.#stack.use(
      new EventRecorder({ client, component: "kubelet", host: nodeName, clock, logger }),
    );
    recorder.event(nodeRef(nodeName), "Normal", "Starting", "Starting kubelet.");
    const machine = await readMachineInfo();
    const probes = o.probes ?? this.#stack.use(new Prober({ runtime: cri.runtime, clock, logger, recorder }));
    this.#probes = probes;
    const hooks = o.hooks ?? new Hooks(cri.runtime, clock);
    const objects = new CachedObjectReader(client, clock);
    const tokens = new ServiceAccountTokens({
      clock,
      request: (owner, audience, seconds) => requestToken(client, owner, audience, seconds),
    });

    const factory = this.#stack.use(new InformerFactory(client, { clock, logger, transform: withoutManagedFields }));
    const podInformer = factory.informer<Pod>(pods, { fieldSelector: `spec.nodeName=${nodeName}` });
    const nodeInformer = factory.informer<Node>(nodes, { fieldSelector: `metadata.name=${nodeName}` });
    const serviceInformer = factory.informer<Service>(services);

    const reader = new PodReader(cri.runtime, fileMessageReader);
    const events =
      o.cri === undefined
        ? this.#stack.use(containerdEvents({ endpoint, clock, logger, onEvent: () => pleg.poke() }))
        : undefined;
    const pleg: Pleg = new Pleg({
      hasEvents: () => events?.connected === true,
      onHealthy: () => agent.poke(),
      reader,
      clock,
      logger,
      onChange: (uid) => workers.poke(uid),
    });
    const health = new RuntimeHealth({
      runtime: cri.runtime,
      clock,
      onChange: () => {
        agent.poke();
        for (const worker of workers.list()) workers.poke(worker.uid);
      },
    });
    this.#pleg = pleg;
    this.#problems = () =>
      [health.runtimeProblem, health.networkProblem, pleg.problem()].filter((problem) => problem !== undefined);
    const agent = new NodeAgent({
      client,
      clock,
      logger,
      recorder,
      cri,
      machine,
      nodeName,
      rootDir,
      settings,
      labels: o.nodeLabels ?? {},
      taints: o.registerWithTaints ?? [],
      registerNode: o.registerNode !== false,
      observed: () => nodeInformer.lister.get(nodeName),
      problems: this.#problems,
      pressure: () => eviction.pressure,
    });
    const currentNode = (): Node | undefined => agent.node;
    const cgroups = await nodeCgroups({
      cgroupRoot: o.cgroupRoot,
      cpus: machine.cpus,
      memoryBytes: machine.memoryBytes,
      ...settings.reservations,
      logger,
    });
    this.#stats = new StatsProvider({
      cri,
      clock,
      rootDir,
      cgroupRoot: o.cgroupRoot ?? "/",
      layout: cgroups?.layout,
      simulated: o.cri !== undefined,
      pods: () => this.pods(),
      runtimeStatus: (uid) => this.runtimeStatus(uid),
    });
    const images = new ImageManager({
      images: cri.images,
      clock,
      recorder,
      maxParallelPulls: settings.maxParallelPulls,
    });
    const runtime = new PodRuntime({
      cri,
      images,
      hooks,
      recorder,
      clock,
      logger,
      seccompRoot,
      memoryCapacity: machine.memoryBytes,
      ...(o.maxCrashBackoffMs === undefined ? {} : { maxCrashBackoffMs: o.maxCrashBackoffMs }),
    });
    const collector = new Collector({ runtime: cri.runtime, logger, rootDir, logsDir });
    const volumes: VolumeManager =
      o.volumes ??
      new NodeVolumes({
        rootDir,
        clock,
        payloadContext: (pod) => ({
          objects,
          node: currentNode(),
          podIPs: (statuses.get(pod.metadata?.uid ?? "")?.podIPs ?? []).map((each) => each.ip ?? ""),
          hostIPs,
          serviceAccountToken: (owner, audience, seconds) => tokens.get(owner, audience, seconds),
        }),
      });
    const mirrors = new MirrorPods({ client, logger, node: currentNode, apiPod: (key) => podInformer.lister.get(key) });
    const statuses = new StatusManager({
      client,
      clock,
      logger,
      apiPod: (uid) => {
        const pod = workers.get(uid)?.pod;
        if (pod === undefined) return undefined;
        if (isStaticPod(pod)) return mirrors.of(pod);
        // The newest version there is; a worker may be a step behind.
        const there = podInformer.lister.get(`${pod.metadata?.namespace}/${pod.metadata?.name}`);
        return there?.metadata?.uid === uid ? there : undefined;
      },
    });
    this.#statuses = statuses;
    const podNode = new NodeOfPods({
      client,
      logger,
      recorder,
      runtimeName: () => agent.runtimeName,
      hostIPs,
      rootDir,
      logsDir,
      seccompRoot,
      cgroupRoot: o.cgroupRoot ?? "/",
      cgroups,
      podPidsLimit: o.podPidsLimit,
      clusterDNS: o.clusterDNS,
      clusterDomain: o.clusterDomain,
      resolvConf: settings.resolvConf,
      allowedUnsafeSysctls: settings.allowedUnsafeSysctls,
      objects,
      volumes,
      mirrors,
      collector,
      pleg,
      node: currentNode,
      services: () => (serviceInformer.hasSynced ? serviceInformer.lister.list() : undefined),
      others: (uid) => active().filter((pod) => pod.metadata?.uid !== uid),
      networkProblem: () => health.networkProblem,
      end: (uid, termination) => workers.terminate(uid, termination),
    });
    const syncer = new PodSyncer({ pleg, runtime, statuses, volumes, probes, recorder, clock, logger, node: podNode });
    const workers = new PodWorkers({ handlers: syncer, clock, logger });
    this.#workers = workers;
    const active = (): Pod[] =>
      workers
        .list()
        .filter(
          (worker) => worker.phase === "sync" && worker.termination === undefined && syncer.isAdmitted(worker.uid),
        )
        .map((worker) => worker.pod);

    this.#stack.use(
      followPods(podInformer, {
        workers,
        statuses,
        mirrors,
        objects,
        logger,
        staticPodsKnown: () => this.#staticPods?.hasSynced !== false,
      }),
    );
    if (o.staticPodPath !== undefined && o.staticPodPath !== "") {
      this.#staticPods = new StaticPods({
        path: o.staticPodPath,
        nodeName,
        clock,
        logger,
        onAdd: (pod) => workers.update(pod),
        onRemove: (pod) => workers.remove(pod.metadata?.uid ?? ""),
      });
    }
    const imageCollector = new ImageCollector({
      cri,
      clock,
      logger,
      policy: settings.imageGC,
      lastUsed: images.lastUsed,
    });
    const eviction = new EvictionManager({
      cri,
      clock,
      logger,
      recorder,
      nodeName,
      rootDir,
      thresholds: settings.reservations.evictionHard,
      images: imageCollector,
      pods: active,
      evict: (uid, termination) => workers.terminate(uid, termination),
      onPressureChange: () => agent.poke(),
    });
    const housekeeping = new Housekeeping({
      clock,
      logger,
      recorder,
      nodeName,
      pleg,
      killer: runtime.killer,
      collector,
      volumes,
      images: imageCollector,
      cgroups,
      sourcesReady: () => podInformer.hasSynced && (this.#staticPods?.hasSynced ?? true),
      known: (uid) => workers.get(uid) !== undefined,
    });

    // Heartbeats first: nothing that follows may delay them.
    this.#stack.use(probes.onResult((result) => workers.poke(result.podUID)));
    for (const part of [statuses, workers, housekeeping, eviction, health, pleg, agent]) this.#stack.use(part);
    if (this.#staticPods !== undefined) this.#stack.use(this.#staticPods);
    agent.start();
    health.start();
    pleg.start();
    volumes.start?.();
    statuses.start();
    eviction.start();
    factory.start();
    await this.#staticPods?.start();
    housekeeping.start();
    await this.#serve(settings.port, hostIPs[0] ?? "0.0.0.0");
    logger.info({ node: nodeName }, "kubelet started");
  }

  /** The HTTPS server and the care for log files; without certificates (a kubelet in memory) there is no server. */
  async #serve(port: number, address: string): Promise<void> {
    const { client, clock, logger, tls, clientCA } = this.#options;
    const rotation = this.#stack.use(
      new LogRotation({
        runtime: this.cri.runtime,
        clock,
        logger,
        containers: () =>
          this.pods()
            .flatMap((pod) => this.runtimeStatus(pod.metadata?.uid ?? "")?.containers ?? [])
            .filter((container) => container.state === "running" && container.logPath !== ""),
      }),
    );
    rotation.start();
    if (tls === undefined) return;
    const server = new KubeletServer({ view: this, client, clock, logger, address, port, tls, clientCA });
    this.#stack.use(server);
    await server.start();
  }

  /** Stops the kubelet; its pods keep running. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

function nodeRef(name: string) {
  return { apiVersion: "v1", kind: "Node", name, uid: name };
}
