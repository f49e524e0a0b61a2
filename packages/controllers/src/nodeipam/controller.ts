import type { Node } from "@knots/api/core/v1";
import { nodes } from "@knots/api/core/v1";
import type { EventRecorder, Informer } from "@knots/client";
import { isNotFound } from "@knots/machinery";
import { metaOf } from "../framework/objects.ts";
import type { ControllerOptions } from "../framework/options.ts";
import { QueueController } from "../framework/queue-controller.ts";
import type { ControllerContext, ControllerInitializer } from "../framework/types.ts";
import { idle } from "../rootca/controller.ts";
import { CIDRSet } from "./cidr-set.ts";
import { formatCIDR, parseCIDR } from "./cidr.ts";

/** One set per cluster CIDR, in the order of the flag; the Services' own range is left out. Throws on a bad CIDR. */
export function cidrSets(options: ControllerOptions): CIDRSet[] {
  const sets = options.clusterCIDRs.map((text) => {
    const cidr = parseCIDR(text);
    return new CIDRSet(cidr, cidr.bits === 32 ? options.nodeCIDRMaskSizeIPv4 : options.nodeCIDRMaskSizeIPv6);
  });
  if (options.serviceClusterIPRange !== undefined) {
    for (const text of options.serviceClusterIPRange.split(",")) for (const set of sets) set.occupy(parseCIDR(text));
  }
  return sets;
}

/** Writes spec.podCIDR and spec.podCIDRs of each node, from the cluster's pod CIDRs. */
export class NodeIPAM {
  readonly controller: QueueController;
  readonly #ctx: ControllerContext;
  readonly #nodes: Informer<Node>;
  readonly #sets: readonly CIDRSet[];
  readonly #recorder: EventRecorder;
  /** What each node holds, by name: what it says itself, or what was written and the cache has yet to show. */
  readonly #held = new Map<string, readonly string[]>();
  #primed = false;

  constructor(ctx: ControllerContext) {
    this.#ctx = ctx;
    this.#sets = cidrSets(ctx.options);
    this.#nodes = ctx.informers.informer(nodes);
    this.#recorder = ctx.recorder("cidrAllocator");
    // One worker: two nodes must never be given the same part.
    this.controller = new QueueController({
      name: "node-ipam-controller",
      ctx,
      workers: 1,
      reconcile: (name) => this.reconcile(name),
    });
    const enqueue = (node: Node): void => this.controller.enqueue(node);
    this.controller.own(
      this.#nodes.addHandler({
        add: enqueue,
        update: (_old, node) => {
          if (this.#held.get(metaOf(node).name) === undefined) enqueue(node);
        },
        delete: enqueue,
      }),
    );
  }

  async reconcile(name: string): Promise<void> {
    if (!this.#primed) {
      // Everything that is given away already, before the first part is given.
      this.#primed = true;
      for (const node of this.#nodes.lister.list()) this.#occupy(node);
    }
    const node = this.#nodes.lister.get(name);
    if (node === undefined) return this.#release(name);
    if (this.#occupy(node) || this.#held.has(name)) return;
    const parts: string[] = [];
    for (const set of this.#sets) {
      const part = set.allocate();
      if (part === undefined) {
        this.#free(parts);
        const message = `Node ${name} status is now: CIDRNotAvailable`;
        this.#recorder.event(node, "Normal", "CIDRNotAvailable", message);
        throw new Error(`no pod CIDR is left for node ${name}`);
      }
      parts.push(formatCIDR(part));
    }
    await this.#write(node, name, parts);
  }

  async #write(node: Node, name: string, parts: readonly string[]): Promise<void> {
    this.#held.set(name, parts);
    try {
      const body = { metadata: { uid: metaOf(node).uid }, spec: { podCIDR: parts[0], podCIDRs: parts } };
      await this.#ctx.client.resource(nodes).patch(name, body, { type: "merge" });
    } catch (error) {
      this.#held.delete(name);
      // An answer that got lost may have been a yes: look before the part is given to another node.
      const live = await this.#ctx.client
        .resource(nodes)
        .get(name)
        .catch(() => undefined);
      if (live !== undefined && this.#occupy(live)) {
        if (live.spec?.podCIDRs?.join() !== parts.join()) this.#free(parts);
        return;
      }
      this.#free(parts);
      if (!isNotFound(error)) throw error;
    }
  }

  /** Notes what the node says it has. False where it has nothing. */
  #occupy(node: Node): boolean {
    const parts = node.spec?.podCIDRs ?? (node.spec?.podCIDR ? [node.spec.podCIDR] : []);
    if (parts.length === 0) return false;
    this.#held.set(metaOf(node).name, parts);
    for (const part of parts) for (const set of this.#sets) set.occupy(parseCIDR(part));
    return true;
  }

  #release(name: string): void {
    this.#free(this.#held.get(name) ?? []);
    this.#held.delete(name);
  }

  #free(parts: readonly string[]): void {
    for (const part of parts) for (const set of this.#sets) set.release(parseCIDR(part));
  }
}

export const nodeIPAMController: ControllerInitializer = {
  name: "node-ipam-controller",
  enabledByDefault: true,
  init(ctx) {
    if (!ctx.options.allocateNodeCIDRs || ctx.options.clusterCIDRs.length === 0) {
      ctx.logger.info("nodes are not given pod CIDRs: --allocate-node-cidrs is off or --cluster-cidr is missing");
      return idle("node-ipam-controller");
    }
    return new NodeIPAM(ctx).controller;
  },
};
