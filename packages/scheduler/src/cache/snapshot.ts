import type { ContainerImage, Node } from "@knots/api/core/v1";
import type { NodeInfo } from "../framework/node-info.ts";
import type { PodInfo } from "../framework/pod-info.ts";
import { MatchCounts } from "./match-counts.ts";
import type { Counts } from "./match-counts.ts";
import { acrossZones, zoneOf } from "./node-order.ts";

/** Questions remembered per namespace: each costs a look at every pod that comes or goes there. */
const MAX_MATCH_COUNTS = 128;

/** A pod and where it is. */
export interface PlacedPod {
  readonly info: PodInfo;
  readonly node: NodeInfo;
}

export interface ImageState {
  /** Bytes. */
  readonly size: number;
  /** How many nodes have it. */
  nodes: number;
}

/**
 * The nodes in the order in which they are looked at, and the indexes that spare plug-ins from walking over all pods.
 * NodeInfos are the cache's own, not copies: a cycle runs in one turn of the event loop, in which nothing changes. Kept up
 * to date change by change; `refresh` does work only when nodes came, went or moved to another zone.
 */
export class Snapshot {
  #nodes: NodeInfo[] = [];
  readonly #byName = new Map<string, NodeInfo>();
  readonly #withAffinity = new Set<NodeInfo>();
  readonly #withAntiAffinity = new Set<NodeInfo>();
  readonly #byNamespace = new Map<string, Map<string, PlacedPod>>();
  readonly #images = new Map<string, ImageState>();
  /** By namespace, then by what is counted; those asked for last are at the end. */
  readonly #matchCounts = new Map<string, Map<string, MatchCounts>>();
  #orderStale = true;

  get nodes(): readonly NodeInfo[] {
    return this.#nodes;
  }

  node(name: string): NodeInfo | undefined {
    return this.#byName.get(name);
  }

  /** Nodes with pods that have affinity or anti-affinity terms of any kind. */
  get nodesWithAffinityPods(): Iterable<NodeInfo> {
    return this.#withAffinity;
  }

  get nodesWithAntiAffinityPods(): Iterable<NodeInfo> {
    return this.#withAntiAffinity;
  }

  /** Namespaces that have pods on nodes. */
  get namespaces(): Iterable<string> {
    return this.#byNamespace.keys();
  }

  podsIn(namespace: string): Iterable<PlacedPod> {
    return this.#byNamespace.get(namespace)?.values() ?? [];
  }

  /** How many pods of the namespace `counts` says yes to, by node. `what` names it: the same name means the same question. */
  matchCounts(namespace: string, what: string, counts: Counts): MatchCounts {
    let known = this.#matchCounts.get(namespace);
    if (known === undefined) this.#matchCounts.set(namespace, (known = new Map()));
    const found = known.get(what) ?? new MatchCounts(counts, this.podsIn(namespace));
    known.delete(what);
    known.set(what, found);
    if (known.size > MAX_MATCH_COUNTS) {
      const oldest = known.keys().next().value;
      if (oldest !== undefined) known.delete(oldest);
    }
    return found;
  }

  image(name: string): ImageState | undefined {
    return this.#images.get(name);
  }

  refresh(all: ReadonlyMap<string, NodeInfo>): void {
    if (!this.#orderStale) return;
    this.#orderStale = false;
    this.#nodes = acrossZones(all.values());
    this.#byName.clear();
    for (const info of this.#nodes) this.#byName.set(info.name, info);
  }

  nodeChanged(old: Node | undefined, current: Node | undefined): void {
    if (old === undefined || current === undefined || zoneOf(old) !== zoneOf(current)) this.#orderStale = true;
    if (!sameLabels(old?.metadata?.labels, current?.metadata?.labels) || old === undefined || current === undefined) {
      for (const known of this.#matchCounts.values()) for (const counts of known.values()) counts.nodesChanged();
    }
    const before = old?.status?.images;
    const after = current?.status?.images;
    if (sameImages(before, after)) return;
    this.#countImages(before, -1);
    this.#countImages(after, 1);
  }

  #countImages(images: readonly ContainerImage[] | undefined, by: 1 | -1): void {
    for (const { names, sizeBytes } of images ?? []) {
      for (const name of names ?? []) {
        const state = this.#images.get(name) ?? { size: sizeBytes ?? 0, nodes: 0 };
        state.nodes += by;
        if (state.nodes > 0) this.#images.set(name, state);
        else this.#images.delete(name);
      }
    }
  }

  podAdded(info: PodInfo, node: NodeInfo): void {
    this.#indexNode(node);
    let pods = this.#byNamespace.get(info.namespace);
    if (pods === undefined) this.#byNamespace.set(info.namespace, (pods = new Map()));
    pods.set(info.uid, { info, node });
    for (const counts of this.#matchCounts.get(info.namespace)?.values() ?? []) counts.podAdded(info, node);
  }

  podRemoved(info: PodInfo, node: NodeInfo): void {
    this.#indexNode(node);
    const pods = this.#byNamespace.get(info.namespace);
    pods?.delete(info.uid);
    for (const counts of this.#matchCounts.get(info.namespace)?.values() ?? []) counts.podRemoved(info, node);
    if (pods?.size !== 0) return;
    this.#byNamespace.delete(info.namespace);
    this.#matchCounts.delete(info.namespace);
  }

  #indexNode(node: NodeInfo): void {
    if (node.podsWithAffinity.size > 0) this.#withAffinity.add(node);
    else this.#withAffinity.delete(node);
    if (node.podsWithRequiredAntiAffinity.size > 0) this.#withAntiAffinity.add(node);
    else this.#withAntiAffinity.delete(node);
  }
}

function sameLabels(a: Readonly<Record<string, string>> = {}, b: Readonly<Record<string, string>> = {}): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}

// A heartbeat repeats the list; it must not cost a walk over hundreds of names.
function sameImages(a: readonly ContainerImage[] | undefined, b: readonly ContainerImage[] | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined || a.length !== b.length)
    return (a?.length ?? 0) === 0 && (b?.length ?? 0) === 0;
  return a.every((image, i) => {
    const other = b[i];
    return image.sizeBytes === other?.sizeBytes && image.names?.join() === other?.names?.join();
  });
}
