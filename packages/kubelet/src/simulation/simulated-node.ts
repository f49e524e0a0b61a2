/** One simulated node: the kubelet's own parts over a runtime in memory. Nothing of it touches the machine. */
import type { Node, Pod } from "@knots/api/core/v1";
import type { Client } from "@knots/client";
import type { Clock, Logger } from "@knots/machinery";
import { SimulatedRuntime } from "../cri/simulated.ts";
import type { Recorder } from "../events.ts";
import { ImageManager } from "../images/image-manager.ts";
import { Hooks } from "../lifecycle/hooks.ts";
import type { MachineInfo } from "../node/machine-info.ts";
import { NodeAgent } from "../node/node-agent.ts";
import type { Settings } from "../options.ts";
import { CachedObjectReader } from "../objects/cached-object-reader.ts";
import { MirrorPods } from "../pods/mirror-pods.ts";
import { Pleg } from "../pods/pleg.ts";
import { podChanges } from "../pods/pod-source.ts";
import { PodSyncer } from "../pods/pod-syncer.ts";
import { PodWorkers } from "../pods/pod-workers.ts";
import { PodReader } from "../runtime/pod-cache.ts";
import { noLogFiles, PodRuntime } from "../runtime/pod-runtime.ts";
import type { PodRuntimeStatus } from "../runtime/types.ts";
import { StatusManager } from "../status/status-manager.ts";
import { fateOf } from "./behaviour.ts";
import { type NodeFeed, SIMULATED_LABEL } from "./node-feed.ts";
import { SimulatedPodNode, simulatedVolumes } from "./simulated-pod-node.ts";
import { SimulatedProbes, withSimulatedReadiness } from "./simulated-probes.ts";

/** The runtime tells of every end by itself; this only catches what was missed. */
const RELIST_MS = 60_000;
/** Nothing of a simulated node's status changes by itself but its images. */
const EVALUATE_MS = 60_000;
/** Nothing outside changes a simulated pod. */
const RESYNC_MS = 600_000;

export interface SimulatedNodeOptions {
  readonly client: Client;
  /** For what tells that the node lives: it waits for nothing else. */
  readonly heartbeats: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly recorder: Recorder;
  readonly feed: NodeFeed;
  readonly nodeName: string;
  readonly hostIP: string;
  readonly clusterDomain: string;
  readonly settings: Settings;
  readonly machine: MachineInfo;
  readonly diskBytes: number;
  readonly labels: Readonly<Record<string, string>>;
  /** 0 to 1: when within their period this node's heartbeats are due, so that those of all nodes spread over it. */
  readonly phase: number;
}

export class SimulatedNode implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly #options: SimulatedNodeOptions;
  readonly #agent: NodeAgent;
  readonly #pleg: Pleg;
  readonly #statuses: StatusManager;
  readonly #workers: PodWorkers;

  constructor(options: SimulatedNodeOptions) {
    this.#options = options;
    const { client, clock, logger, recorder, feed, nodeName, hostIP, settings, machine } = options;
    const cri = new SimulatedRuntime({
      clock,
      behaviour: (_container, sandbox) => fateOf(sandbox.annotations),
      onExit: () => pleg.poke(),
    });
    const pleg: Pleg = new Pleg({
      reader: new PodReader(cri.runtime, { read: () => Promise.resolve("") }),
      clock,
      logger,
      hasEvents: () => true,
      relistWithEventsMs: RELIST_MS,
      onHealthy: () => agent.poke(),
      onChange: (uid) => workers.poke(uid),
    });
    const agent: NodeAgent = new NodeAgent({
      client: options.heartbeats,
      clock,
      logger,
      recorder,
      cri,
      machine,
      nodeName,
      rootDir: "/",
      settings,
      labels: { ...options.labels, [SIMULATED_LABEL]: "true" },
      taints: [],
      registerNode: true,
      observed: () => feed.node(nodeName),
      problems: () => [pleg.problem()].filter((problem) => problem !== undefined),
      pressure: () => ({ memory: false, disk: false, pid: false }),
      diskBytes: () => Promise.resolve(options.diskBytes),
      phase: options.phase,
      evaluateMs: EVALUATE_MS,
    });
    const images = new ImageManager({ images: cri.images, clock, recorder, maxParallelPulls: 8 });
    const runtime = new PodRuntime({
      cri,
      images,
      hooks: new Hooks(cri.runtime, clock),
      recorder,
      clock,
      logger,
      seccompRoot: "",
      memoryCapacity: machine.memoryBytes,
      logFiles: noLogFiles,
    });
    const probes = this.#stack.use(new SimulatedProbes(clock));
    const statuses = new StatusManager({
      client,
      clock,
      logger,
      apiPod: (uid) => {
        const { name = "", namespace = "" } = workers.get(uid)?.pod.metadata ?? {};
        return feed.pod(namespace, name, uid);
      },
    });
    const node = new SimulatedPodNode({
      cri,
      nodeName,
      hostIP,
      clusterDomain: options.clusterDomain,
      pleg,
      node: () => agent.node,
      others: (uid) => active().filter((pod) => pod.metadata?.uid !== uid),
      end: (uid, termination) => workers.terminate(uid, termination),
    });
    const syncer = new PodSyncer({
      pleg,
      runtime,
      statuses,
      volumes: simulatedVolumes,
      probes,
      recorder,
      clock,
      logger,
      node,
    });
    const workers: PodWorkers = new PodWorkers({ handlers: syncer, clock, logger, resyncMs: RESYNC_MS });
    const active = (): Pod[] =>
      workers
        .list()
        .filter(
          ({ phase, termination, uid }) => phase === "sync" && termination === undefined && syncer.isAdmitted(uid),
        )
        .map(({ pod }) => pod);
    const changes = podChanges({
      workers,
      statuses,
      mirrors: new MirrorPods({ client, logger, node: () => agent.node, apiPod: () => undefined }),
      objects: new CachedObjectReader(client, clock),
      logger,
      staticPodsKnown: () => false,
    });
    this.#stack.use(
      feed.follow(nodeName, {
        add: (pod) => changes.add(withSimulatedReadiness(pod)),
        update: (old, pod) => changes.update(withSimulatedReadiness(old), withSimulatedReadiness(pod)),
        delete: (pod) => changes.delete(pod),
      }),
    );
    this.#stack.use(probes.onResult(({ podUID }) => workers.poke(podUID)));
    for (const part of [statuses, workers, pleg, agent]) this.#stack.use(part);
    this.#agent = agent;
    this.#pleg = pleg;
    this.#statuses = statuses;
    this.#workers = workers;
    this.cri = cri;
  }

  readonly cri: SimulatedRuntime;

  get nodeName(): string {
    return this.#options.nodeName;
  }

  /** undefined until it is registered. */
  get node(): Node | undefined {
    return this.#agent.node;
  }

  /** The pods of this node with the status as this kubelet knows it. */
  pods(): Pod[] {
    return this.#workers.list().map(({ pod, uid }) => {
      const status = this.#statuses.get(uid);
      return status === undefined ? pod : { ...pod, status };
    });
  }

  runtimeStatus(uid: string): PodRuntimeStatus | undefined {
    return this.#pleg.pods.get(uid);
  }

  start(): void {
    this.#agent.start();
    this.#pleg.start();
    this.#statuses.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
