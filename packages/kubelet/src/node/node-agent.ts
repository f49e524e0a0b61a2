/** The node's own side of the kubelet: registration, status, heartbeat. */
import type { Node, Taint } from "@knots/api/core/v1";
import type { Client } from "@knots/client";
import type { Clock, Logger } from "@knots/machinery";
import type { CriClients } from "../cri/types.ts";
import type { Pressure } from "../eviction/signals.ts";
import type { Recorder } from "../events.ts";
import type { Settings } from "../options.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import type { MachineInfo } from "./machine-info.ts";
import { NodeFactsSource } from "./node-facts.ts";
import { nodeLabels } from "./node-labels.ts";
import { NodeStatusUpdater } from "./node-status-updater.ts";
import { PodCIDR } from "./pod-cidr.ts";

export interface NodeAgentOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly recorder: Recorder;
  readonly cri: CriClients;
  readonly machine: MachineInfo;
  readonly nodeName: string;
  readonly rootDir: string;
  readonly settings: Settings;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly registerNode: boolean;
  /** The Node as the informer knows it. */
  readonly observed: () => Node | undefined;
  readonly problems: () => string[];
  readonly pressure: () => Pressure;
  /** Size of the node's disk; that of the filesystem of `rootDir` where it is absent. */
  readonly diskBytes?: () => Promise<number>;
  /** 0 to 1: when within their period heartbeats are due. Nodes that start together spread theirs by it. */
  readonly phase?: number;
  /** How often it is looked at whether the node's status changed. */
  readonly evaluateMs?: number;
}

export class NodeAgent implements AsyncDisposable {
  readonly #facts: NodeFactsSource;
  readonly #updater: NodeStatusUpdater;
  readonly #lease: LeaseKeeper;
  readonly #options: NodeAgentOptions;

  constructor(options: NodeAgentOptions) {
    const { client, clock, logger, recorder, cri, machine, nodeName, rootDir, settings } = options;
    this.#options = options;
    const { addresses, maxPods, reservations, port, kubeletVersion } = settings;
    const podCIDR = new PodCIDR(cri.runtime, logger);
    this.#facts = new NodeFactsSource({
      cri,
      clock,
      machine,
      rootDir,
      addresses,
      maxPods,
      reservations,
      port,
      kubeletVersion,
      problems: options.problems,
      pressure: options.pressure,
      ...(options.diskBytes === undefined ? {} : { diskBytes: options.diskBytes }),
    });
    const phase = options.phase === undefined ? {} : { phase: options.phase };
    this.#updater = new NodeStatusUpdater({
      client,
      clock,
      logger,
      recorder,
      nodeName,
      labels: { ...nodeLabels(settings.hostname), ...options.labels },
      taints: options.taints,
      registerNode: options.registerNode,
      facts: () => this.#facts.measure(),
      observed: options.observed,
      ...(options.evaluateMs === undefined ? {} : { evaluateMs: options.evaluateMs }),
      onNode: (node) => podCIDR.observe(node),
      ...phase,
    });
    this.#lease = new LeaseKeeper({ client, clock, logger, nodeName, node: () => this.node, ...phase });
  }

  /** undefined until it was registered or seen. */
  get node(): Node | undefined {
    return this.#options.observed() ?? this.#updater.node;
  }

  /** "containerd". */
  get runtimeName(): string {
    return this.#facts.runtimeName;
  }

  start(): void {
    this.#updater.start();
    this.#lease.start();
  }

  /** Something that bears on the node's conditions changed. */
  poke(): void {
    this.#updater.poke();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#updater[Symbol.asyncDispose]();
    await this.#lease[Symbol.asyncDispose]();
  }
}
