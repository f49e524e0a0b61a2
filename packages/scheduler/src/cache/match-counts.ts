import { ownValue } from "@knots/machinery";
import type { NodeInfo } from "../framework/node-info.ts";
import type { PodInfo } from "../framework/pod-info.ts";

/** Whether a placed pod is one of those that are counted; decided once per version of the pod. */
export type Counts = (info: PodInfo) => boolean;

/** How many pods of a kind are on each node; kept up to date pod by pod, so that nobody walks over all pods for each new one. */
export class MatchCounts {
  readonly #counts: Counts;
  readonly #byNode = new Map<NodeInfo, number>();
  readonly #matching = new Set<string>();
  /** Sums by topology key and the value that nodes have of it; made when first asked for. */
  readonly #byDomain = new Map<string, Map<string, number>>();

  constructor(counts: Counts, placed: Iterable<{ readonly info: PodInfo; readonly node: NodeInfo }>) {
    this.#counts = counts;
    for (const { info, node } of placed) this.podAdded(info, node);
  }

  /** Nodes that have any, with how many. */
  get nodes(): Iterable<readonly [NodeInfo, number]> {
    return this.#byNode;
  }

  /** How many are in each zone, or whatever the label `key` names. */
  domains(key: string): ReadonlyMap<string, number> {
    let sums = this.#byDomain.get(key);
    if (sums === undefined) {
      this.#byDomain.set(key, (sums = new Map()));
      for (const [node, count] of this.#byNode) addTo(sums, key, node, count);
    }
    return sums;
  }

  /** A node came, went or bears other labels: it may be in another domain. */
  nodesChanged(): void {
    this.#byDomain.clear();
  }

  on(node: NodeInfo): number {
    return this.#byNode.get(node) ?? 0;
  }

  podAdded(info: PodInfo, node: NodeInfo): void {
    if (!this.#counts(info)) return;
    this.#matching.add(info.uid);
    this.#byNode.set(node, this.on(node) + 1);
    for (const [key, sums] of this.#byDomain) addTo(sums, key, node, 1);
  }

  podRemoved(info: PodInfo, node: NodeInfo): void {
    if (!this.#matching.delete(info.uid)) return;
    const left = this.on(node) - 1;
    if (left > 0) this.#byNode.set(node, left);
    else this.#byNode.delete(node);
    for (const [key, sums] of this.#byDomain) addTo(sums, key, node, -1);
  }
}

function addTo(sums: Map<string, number>, key: string, { node }: NodeInfo, by: number): void {
  const domain = ownValue(node?.metadata?.labels, key);
  if (domain !== undefined) sums.set(domain, (sums.get(domain) ?? 0) + by);
}
