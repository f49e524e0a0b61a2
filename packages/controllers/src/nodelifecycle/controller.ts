import type { Lease } from "@knots/api/coordination/v1";
import { leases } from "@knots/api/coordination/v1";
import type { Node, Pod, Taint } from "@knots/api/core/v1";
import { nodes, pods } from "@knots/api/core/v1";
import type { EventRecorder, Informer } from "@knots/client";
import { isConflict, isNotFound } from "@knots/machinery";
import type { Timer } from "@knots/machinery";
import { metaOf } from "../framework/objects.ts";
import { messageOf } from "../framework/pod-control.ts";
import { QueueController } from "../framework/queue-controller.ts";
import type { Controller, ControllerContext, ControllerInitializer } from "../framework/types.ts";
import { judgeNode, nodeCondition } from "./health.ts";
import type { HealthResult, NodeHealth } from "./health.ts";
import { withNodeLabels } from "./labels.ts";
import { markPodsNotReady, NODE_INDEX, nodeIndexer } from "./pods.ts";
import { hasNoExecuteTaint, noExecuteKey, withConditionTaints, withNoExecuteTaint } from "./taints.ts";
import { evictionRate, zoneOf, ZoneQueue, zoneState } from "./zones.ts";
import type { ZoneState } from "./zones.ts";

const NAME = "node-lifecycle-controller";
const LEASE_NAMESPACE = "kube-node-lease";

/** Watches the nodes' signs of life, says so in their conditions, and taints those that pods must leave or not come to. */
export class NodeLifecycleController implements Controller {
  readonly name = NAME;
  readonly #ctx: ControllerContext;
  readonly #nodes: Informer<Node>;
  readonly #leases: Informer<Lease>;
  readonly #pods: Informer<Pod>;
  readonly #recorder: EventRecorder;
  /** Reacts to changed nodes at once: condition taints and labels. */
  readonly #tainter: QueueController;
  readonly #health = new Map<string, NodeHealth>();
  readonly #zones = new Map<string, ZoneQueue>();
  /** Nodes of whose pods some could not yet be marked as not ready. */
  readonly #unmarked = new Set<string>();
  #allDisrupted = false;
  #timer: Timer | undefined;
  #round: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(ctx: ControllerContext) {
    this.#ctx = ctx;
    this.#nodes = ctx.informers.informer(nodes);
    this.#leases = ctx.informers.informer(leases, { namespace: LEASE_NAMESPACE });
    this.#pods = ctx.informers.informer(pods, { indexers: { [NODE_INDEX]: nodeIndexer } });
    this.#recorder = ctx.recorder("node-controller");
    this.#tainter = new QueueController({
      name: NAME,
      ctx,
      workers: 4,
      reconcile: (name) => this.#reconcileNode(name),
    });
    this.#tainter.own(
      this.#nodes.addHandler({
        add: (node) => this.#tainter.enqueue(node),
        update: (_old, node) => this.#tainter.enqueue(node),
      }),
    );
  }

  start(): void {
    this.#tainter.start();
    const round = (): void => {
      this.#round = this.monitor()
        .catch((error: unknown) => {
          this.#ctx.logger.error({ err: error }, "the nodes' health could not be told");
        })
        .finally(() => {
          if (!this.#stopped) this.#timer = this.#ctx.clock.setTimeout(round, this.#ctx.options.nodeMonitorPeriod);
        });
    };
    round();
  }

  /** One look at all nodes. */
  async monitor(): Promise<void> {
    const all = this.#nodes.lister.list();
    this.#forgetGone(new Set(all.map((node) => metaOf(node).name)));
    const zones = new Map<string, { ready: number; notReady: number }>();
    await Promise.all(
      all.map(async (node) => {
        const ready = await this.#look(node);
        const zone = zones.get(zoneOf(node)) ?? { ready: 0, notReady: 0 };
        if (ready === "True") zone.ready++;
        else zone.notReady++;
        zones.set(zoneOf(node), zone);
      }),
    );
    await this.#disruption(zones, all);
    await this.#evict();
  }

  #forgetGone(names: ReadonlySet<string>): void {
    for (const name of this.#health.keys()) {
      if (names.has(name)) continue;
      this.#health.delete(name);
      this.#unmarked.delete(name);
      for (const zone of this.#zones.values()) zone.remove(name);
      const ref = { apiVersion: "v1", kind: "Node", name, uid: name };
      this.#recorder.event(ref, "Normal", "RemovingNode", `Node ${name} event: Removing Node ${name} from Controller`);
    }
  }

  /** Judges one node, writes what changed; returns the status of its Ready condition. */
  async #look(node: Node): Promise<string> {
    const { name } = metaOf(node);
    const previous = this.#health.get(name);
    if (previous === undefined) {
      this.#recorder.event(
        node,
        "Normal",
        "RegisteredNode",
        `Node ${name} event: Registered Node ${name} in Controller`,
      );
    }
    const result = this.#judge(node, previous);
    this.#health.set(name, result.health);
    let current = node;
    if (result.conditions !== undefined) {
      const written = await this.#writeConditions(node, previous);
      if (written === undefined) return result.observedReady;
      current = written;
    }
    const wentDown = result.observedReady === "True" && result.currentReady !== "True";
    if (wentDown) this.#recorder.event(node, "Normal", "NodeNotReady", `Node ${name} status is now: NodeNotReady`);
    if (wentDown || this.#unmarked.has(name) || (previous === undefined && result.currentReady !== "True")) {
      await this.#markPods(name);
    }
    if (result.currentReady === "True") this.#unmarked.delete(name);
    this.#planEviction(current, result.currentReady);
    return result.currentReady;
  }

  #judge(node: Node, previous: NodeHealth | undefined): HealthResult {
    return judgeNode({
      node,
      renewTime: this.#leases.lister.get(`${LEASE_NAMESPACE}/${metaOf(node).name}`)?.spec?.renewTime,
      previous,
      now: this.#ctx.clock.now(),
      gracePeriod: this.#ctx.options.nodeMonitorGracePeriod,
      startupGracePeriod: this.#ctx.options.nodeStartupGracePeriod,
    });
  }

  /** Undefined when the node lives after all, or is gone. */
  async #writeConditions(node: Node, previous: NodeHealth | undefined): Promise<Node | undefined> {
    const client = this.#ctx.client.resource(nodes);
    let current = node;
    for (let attempt = 0; ; attempt++) {
      const { conditions } = this.#judge(current, previous);
      if (conditions === undefined) return undefined;
      try {
        return await client.updateStatus({ ...current, status: { ...current.status, conditions } });
      } catch (error) {
        if (isNotFound(error)) return undefined;
        if (!isConflict(error) || attempt === 4) throw error;
        current = await client.get(metaOf(node).name);
      }
    }
  }

  async #markPods(name: string): Promise<void> {
    const failed = await markPodsNotReady(this.#ctx, this.#recorder, this.#pods.lister.byIndex(NODE_INDEX, name));
    if (failed === undefined) return void this.#unmarked.delete(name);
    this.#unmarked.add(name);
    this.#ctx.logger.warn({ node: name, err: failed }, "pods of a lost node could not be marked as not ready");
  }

  /** Puts a lost node into its zone's queue; takes a healthy one out, and its taints off it. */
  #planEviction(node: Node, ready: string): void {
    const { name } = metaOf(node);
    const zone = this.#zone(zoneOf(node));
    const key = noExecuteKey(ready);
    if (key === undefined) {
      zone.remove(name);
      if (hasNoExecuteTaint(node)) this.#tainter.queue.add(name);
    } else if (hasNoExecuteTaint(node)) {
      // Evicting already; only the reason changes, which costs no eviction.
      if (withNoExecuteTaint(node, key, 0) !== undefined) this.#tainter.queue.add(name);
    } else zone.add(name);
  }

  #zone(key: string): ZoneQueue {
    let zone = this.#zones.get(key);
    if (zone === undefined) this.#zones.set(key, (zone = new ZoneQueue(this.#ctx.clock.now())));
    return zone;
  }

  async #disruption(
    counts: ReadonlyMap<string, { ready: number; notReady: number }>,
    all: readonly Node[],
  ): Promise<void> {
    const { options, clock } = this.#ctx;
    const now = clock.now();
    const states = new Map<string, ZoneState>();
    for (const [key, { ready, notReady }] of counts) {
      states.set(key, zoneState(ready, notReady, options.unhealthyZoneThreshold));
    }
    const allDisrupted = states.size > 0 && [...states.values()].every((state) => state === "FullDisruption");
    if (allDisrupted && !this.#allDisrupted) {
      this.#ctx.logger.warn("no node is ready: nothing is evicted until one is");
      this.#allDisrupted = true;
      await Promise.all(all.map((node) => this.#writeTaints(node, (n) => withNoExecuteTaint(n, undefined, now))));
    } else if (!allDisrupted && this.#allDisrupted) {
      this.#ctx.logger.info("a node is ready again: evictions go on");
      this.#allDisrupted = false;
      // Nobody was heard for a while, and the fault may have been ours: each node gets its full grace period anew.
      for (const [name, health] of this.#health) this.#health.set(name, { ...health, probeTime: now });
    }
    for (const key of this.#zones.keys()) if (!counts.has(key)) this.#zones.delete(key);
    for (const [key, { ready, notReady }] of counts) {
      const rate = evictionRate(states.get(key) ?? "Normal", ready + notReady, this.#allDisrupted, {
        evictionRate: options.nodeEvictionRate,
        secondaryEvictionRate: options.secondaryNodeEvictionRate,
        largeClusterSizeThreshold: options.largeClusterSizeThreshold,
        unhealthyZoneThreshold: options.unhealthyZoneThreshold,
      });
      this.#zone(key).setRate(rate, now);
    }
  }

  /** Gives nodes their NoExecute taint, as many as the zones' rates allow now. */
  async #evict(): Promise<void> {
    for (const zone of this.#zones.values()) {
      for (;;) {
        const name = zone.take(this.#ctx.clock.now());
        if (name === undefined) break;
        const node = this.#nodes.lister.get(name);
        if (node === undefined) continue;
        try {
          await this.#writeTaints(node, (n) => {
            const key = noExecuteKey(nodeCondition(n, "Ready")?.status);
            return key === undefined ? undefined : withNoExecuteTaint(n, key, this.#ctx.clock.now());
          });
        } catch (error) {
          zone.add(name);
          this.#ctx.logger.warn({ node: name, err: error }, "a lost node could not be tainted");
          break;
        }
      }
    }
  }

  /** Condition taints, the right one of the two NoExecute taints, and labels, of one node. */
  async #reconcileNode(name: string): Promise<void> {
    const node = this.#nodes.lister.get(name);
    if (node === undefined) return;
    await this.#writeTaints(node, (n) => {
      const now = this.#ctx.clock.now();
      const taints = withConditionTaints(n, now);
      const next: Node = taints === undefined ? n : { ...n, spec: { ...n.spec, taints } };
      // A taint is added by the zone's queue alone; here one is only exchanged for the other, or taken off.
      const execute = hasNoExecuteTaint(next)
        ? withNoExecuteTaint(next, noExecuteKey(nodeCondition(next, "Ready")?.status), now)
        : undefined;
      return execute ?? taints;
    });
    const labels = withNodeLabels(node);
    if (labels !== undefined)
      await this.#ctx.client.resource(nodes).patch(name, { metadata: { labels } }, { type: "merge" });
  }

  /** Writes what `change` makes of the node's taints; undefined: nothing. On a conflict it looks at the newest node. */
  async #writeTaints(node: Node, change: (node: Node) => Taint[] | undefined): Promise<void> {
    const client = this.#ctx.client.resource(nodes);
    let current = node;
    for (let attempt = 0; ; attempt++) {
      const taints = change(current);
      if (taints === undefined) return;
      const { name, uid, resourceVersion } = metaOf(current);
      try {
        await client.patch(name, { metadata: { uid, resourceVersion }, spec: { taints } }, { type: "merge" });
        return;
      } catch (error) {
        if (isNotFound(error)) return;
        if (!isConflict(error) || attempt === 4)
          throw new Error(`taints of node ${name}: ${messageOf(error)}`, { cause: error });
        current = await client.get(name);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#tainter[Symbol.asyncDispose]();
    await this.#round;
    this.#timer?.cancel();
  }
}

export const nodeLifecycleController: ControllerInitializer = {
  name: NAME,
  enabledByDefault: true,
  init: (ctx) => new NodeLifecycleController(ctx),
};
