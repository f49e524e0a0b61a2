/** Many simulated nodes in one process, over one connection and one watch of pods. */
import type { Pod } from "@knots/api/core/v1";
import { compactor, EventRecorder, InformerFactory } from "@knots/client";
import type { Client } from "@knots/client";
import type { Clock, Logger } from "@knots/machinery";
import type { MachineInfo } from "../node/machine-info.ts";
import { goArch } from "../node/machine-info.ts";
import { settingsOf } from "../options.ts";
import type { PodRuntimeStatus } from "../runtime/types.ts";
import { HttpError } from "../server/http-error.ts";
import { KubeletServer } from "../server/kubelet-server.ts";
import { NodeFeed } from "./node-feed.ts";
import { simulatedLog } from "./simulated-log.ts";
import { SimulatedNode } from "./simulated-node.ts";

export interface SimulationOptions {
  readonly client: Client;
  /** A connection of its own for leases and nodes' statuses, as a kubelet has one; absent: the same. */
  readonly heartbeats?: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly nodes: number;
  /** Names are this and a number; "sim-" by default. */
  readonly prefix?: string;
  /** Every simulated node's address, under which its kubelet's server answers. */
  readonly nodeIP: string;
  readonly port?: number;
  /** Without it there is no server: logs and exec have nobody to ask. */
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly clientCA?: string;
  readonly clusterDomain?: string;
  readonly maxPods?: number;
  readonly labels?: Readonly<Record<string, string>>;
}

/** So many nodes register at a time. */
const REGISTERING = 50;
/** A request does not say which of the nodes behind the one address it is about. */
const NO_FIGURES = "simulated nodes share one server, which has no figures of a single node";
const LOOK_MS = 20;
const GIB = 2 ** 30;
/** What every simulated node has. */
const DISK_BYTES = 1000 * GIB;
const MACHINE: MachineInfo = {
  cpus: 32,
  memoryBytes: 256 * GIB,
  machineID: "",
  systemUUID: "",
  bootID: "",
  kernelVersion: "simulated",
  osImage: "Simulated",
  architecture: goArch(),
  swapBytes: 0,
  hugePages: {},
};

export class Simulation implements AsyncDisposable {
  readonly #options: SimulationOptions;
  readonly #stack = new AsyncDisposableStack();
  readonly #nodes: SimulatedNode[] = [];
  readonly #abort = new AbortController();

  constructor(options: SimulationOptions) {
    this.#options = options;
  }

  get nodes(): readonly SimulatedNode[] {
    return this.#nodes;
  }

  /** Resolves when every node is registered; they become Ready by themselves soon after. */
  async start(): Promise<void> {
    const { client, clock, logger, nodes, prefix = "sim-" } = this.#options;
    const recorder = this.#stack.use(
      new EventRecorder({ client, component: "kubelet", host: "simulated", clock, logger }),
    );
    const informers = this.#stack.use(new InformerFactory(client, { clock, logger, transform: compactor() }));
    const feed = new NodeFeed(informers);
    for (let i = 0; i < nodes; i++) this.#nodes.push(this.#make(`${prefix}${i}`, i / nodes, feed, recorder));
    for (const node of this.#nodes) this.#stack.use(node);
    // A node follows its pods before the watch begins: it misses none.
    informers.start();
    await informers.waitForSync(this.#abort.signal);
    await this.#serve();
    for (let i = 0; i < nodes; i += REGISTERING) {
      const some = this.#nodes.slice(i, i + REGISTERING);
      for (const node of some) node.start();
      while (some.some(({ node }) => node === undefined)) await clock.sleep(LOOK_MS, this.#abort.signal);
    }
    logger.info({ nodes }, "simulated nodes are registered");
  }

  #make(nodeName: string, phase: number, feed: NodeFeed, recorder: EventRecorder): SimulatedNode {
    const { client, clock, logger, nodeIP, port, maxPods, labels, clusterDomain = "cluster.local" } = this.#options;
    return new SimulatedNode({
      client,
      heartbeats: this.#options.heartbeats ?? client,
      clock,
      logger: logger.child({ node: nodeName }),
      recorder,
      feed,
      nodeName,
      hostIP: nodeIP,
      clusterDomain,
      settings: settingsOf({
        client,
        clock,
        logger,
        nodeName,
        nodeIP,
        rootDir: "/",
        clusterDNS: [],
        clusterDomain,
        // A simulated node has its room for itself.
        evictionHard: {},
        ...(port === undefined ? {} : { port }),
        ...(maxPods === undefined ? {} : { maxPods }),
      }),
      machine: { ...MACHINE, machineID: nodeName, systemUUID: nodeName, bootID: nodeName },
      diskBytes: DISK_BYTES,
      labels: labels ?? {},
      phase,
    });
  }

  /** One server for all nodes: they have the same address. */
  async #serve(): Promise<void> {
    const { client, clock, logger, tls, clientCA, nodeIP, port = 10_250 } = this.#options;
    const [first] = this.#nodes;
    if (tls === undefined || first === undefined) return;
    const server = new KubeletServer({
      view: {
        nodeName: first.nodeName,
        cri: first.cri,
        pods: () => this.#nodes.flatMap((node): Pod[] => node.pods()),
        runtimeStatus: (uid) => this.#runtimeStatus(uid),
        problems: () => [],
        figures: () => Promise.reject(new HttpError(501, NO_FIGURES)),
        probeMetrics: () => "",
        configuration: () => {
          throw new HttpError(501, NO_FIGURES);
        },
        readLog: (container, options, signal) => simulatedLog(() => this.#container(container), options, clock, signal),
      },
      client,
      clock,
      logger,
      address: nodeIP,
      port,
      tls,
      clientCA,
    });
    this.#stack.use(server);
    await server.start();
  }

  #runtimeStatus(uid: string): PodRuntimeStatus | undefined {
    for (const node of this.#nodes) {
      const status = node.runtimeStatus(uid);
      if (status !== undefined) return status;
    }
    return undefined;
  }

  #container(id: string): ReturnType<SimulatedNode["cri"]["describe"]> {
    for (const { cri } of this.#nodes) {
      const found = cri.describe(id);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort(new Error("the simulation was stopped"));
    await this.#stack.disposeAsync();
  }
}
