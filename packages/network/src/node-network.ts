// The pod network of one node, kept as the Nodes say.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nodes, type Node } from "@knots/api/core/v1";
import {
  InformerFactory,
  runWorkers,
  withoutManagedFields,
  WorkQueue,
  type Client,
  type Informer,
} from "@knots/client";
import { DisposableStore, formatTime, type Clock, type Logger } from "@knots/machinery";
import { cniConfig, CONFIG_FILE } from "./cni-config.ts";
import { masqueradeRules } from "./masquerade.ts";
import { parseRoutes, routeCommands, ROUTE_PROTOCOL, wantedRoutes } from "./routes.ts";
import { runCommand, type Runner } from "./run.ts";

export interface NodeNetworkOptions {
  /** Reads Nodes. */
  readonly client: Client;
  /** Writes this Node's condition; the node's own identity. */
  readonly statusClient: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly nodeName: string;
  readonly cniConfDir: string;
  readonly cniDataDir: string;
  readonly networkName: string;
  readonly clusterCIDR: string;
  readonly mtu?: number;
  readonly run?: Runner;
}

const KEY = "network";

export class NodeNetwork {
  readonly #options: NodeNetworkOptions;
  readonly #run: Runner;
  readonly #disposables = new DisposableStore();
  readonly #abort = new AbortController();
  #nodes: Informer<Node> | undefined;
  #masqueraded: string | undefined;

  constructor(options: NodeNetworkOptions) {
    this.#options = options;
    this.#run = options.run ?? runCommand;
  }

  async start(): Promise<void> {
    const { client, clock, logger } = this.#options;
    const informers = new InformerFactory(client, { clock, logger, transform: withoutManagedFields });
    const queue = new WorkQueue({ clock, name: "node-network" });
    this.#disposables.add(informers);
    const informer = informers.informer(nodes);
    this.#nodes = informer;
    const changed = (): void => queue.add(KEY);
    informer.addHandler({
      add: changed,
      // Heartbeats change a Node often; only what routes and the configuration come from matters.
      update: (old, next) => {
        if (fingerprint(old) !== fingerprint(next)) changed();
      },
      delete: changed,
    });
    informers.start();
    await informers.waitForSync(this.#abort.signal);
    const workers = runWorkers(queue, { workers: 1, logger, reconcile: () => this.#reconcile() });
    this.#disposables.add(async () => {
      queue.shutDown();
      await workers;
    });
    queue.add(KEY);
  }

  async #reconcile(): Promise<void> {
    const all = this.#nodes?.lister.list() ?? [];
    const self = this.#nodes?.lister.get(this.#options.nodeName);
    const podCIDR = self?.spec?.podCIDR;
    if (self !== undefined && podCIDR !== undefined) {
      this.#writeConfig(podCIDR);
      await this.#masquerade(podCIDR);
    }
    const have = parseRoutes(await this.#run("ip", ["-j", "route", "show", "proto", String(ROUTE_PROTOCOL)]));
    const commands = routeCommands(have, wantedRoutes(all, this.#options.nodeName));
    if (commands.length > 0) await this.#run("ip", ["-batch", "-"], `${commands.join("\n")}\n`);
    if (self !== undefined && podCIDR !== undefined) await this.#tellAvailable(self);
  }

  #writeConfig(podCIDR: string): void {
    const { cniConfDir, cniDataDir, networkName, mtu = 1500 } = this.#options;
    const text = cniConfig({ networkName, podCIDR, dataDir: cniDataDir, mtu });
    const file = join(cniConfDir, CONFIG_FILE);
    if (readIfThere(file) === text) return;
    mkdirSync(cniConfDir, { recursive: true });
    mkdirSync(cniDataDir, { recursive: true });
    // containerd watches the folder: it must see the whole file at once.
    writeFileSync(`${file}.new`, text, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }

  async #masquerade(podCIDR: string): Promise<void> {
    const rules = masqueradeRules(podCIDR, this.#options.clusterCIDR);
    if (rules === this.#masqueraded) return;
    await this.#run("nft", ["-f", "-"], rules);
    this.#masqueraded = rules;
  }

  async #tellAvailable(self: Node): Promise<void> {
    const condition = self.status?.conditions?.find((each) => each.type === "NetworkUnavailable");
    if (condition?.status === "False") return;
    const now = formatTime(new Date(this.#options.clock.now()));
    await this.#options.statusClient.resource(nodes).patch(
      this.#options.nodeName,
      {
        status: {
          conditions: [
            {
              type: "NetworkUnavailable",
              status: "False",
              reason: "RouteCreated",
              message: "Node created a route",
              lastHeartbeatTime: now,
              lastTransitionTime: now,
            },
          ],
        },
      },
      { type: "strategic", subresource: "status" },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.#disposables[Symbol.asyncDispose]();
  }
}

function fingerprint(node: Node): string {
  return JSON.stringify([
    node.spec?.podCIDR,
    node.spec?.podCIDRs,
    node.status?.addresses,
    node.status?.conditions?.some((each) => each.type === "NetworkUnavailable"),
  ]);
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
