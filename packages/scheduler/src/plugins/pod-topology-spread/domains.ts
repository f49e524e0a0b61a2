import type { StateData } from "../../framework/cycle-state.ts";
import type { NodeInfo } from "../../framework/node-info.ts";
import type { NodeMatcher } from "../../framework/node-selector.ts";
import type { PodInfo } from "../../framework/pod-info.ts";
import type { MatchCounts } from "../../cache/match-counts.ts";
import { domainOf, nodeCounts, podCounts } from "./constraint.ts";
import type { Constraint } from "./constraint.ts";

interface Domains {
  readonly constraint: Constraint;
  readonly counts: Map<string, number>;
  /** Smallest count of any domain; undefined: to be found again. */
  least: number | undefined;
}

/** Matching pods per domain, of each hard constraint. */
export class HardDomains implements StateData {
  readonly #pod: PodInfo;
  readonly #matchesAffinity: NodeMatcher | undefined;
  readonly #all: Domains[];

  private constructor(pod: PodInfo, matchesAffinity: NodeMatcher | undefined, all: Domains[]) {
    this.#pod = pod;
    this.#matchesAffinity = matchesAffinity;
    this.#all = all;
  }

  static count(
    pod: PodInfo,
    constraints: readonly Constraint[],
    matchesAffinity: NodeMatcher | undefined,
    nodes: readonly NodeInfo[],
    matches: (constraint: Constraint) => MatchCounts,
  ): HardDomains {
    const all = constraints.map((constraint): Domains => ({ constraint, counts: new Map(), least: undefined }));
    const result = new HardDomains(pod, matchesAffinity, all);
    for (const node of nodes) {
      for (const { constraint, counts } of all) {
        const domain = result.#domain(constraint, node);
        if (domain !== undefined) counts.set(domain, counts.get(domain) ?? 0);
      }
    }
    for (const { constraint, counts } of all) {
      for (const [node, count] of matches(constraint).nodes) {
        const domain = result.#domain(constraint, node);
        if (domain !== undefined) counts.set(domain, (counts.get(domain) ?? 0) + count);
      }
    }
    return result;
  }

  /** The domain of a node that counts; a node must have the keys of all constraints to count for any. */
  #domain(constraint: Constraint, node: NodeInfo): string | undefined {
    if (this.#all.some((other) => domainOf(other.constraint, node) === undefined)) return undefined;
    return nodeCounts(constraint, this.#pod, node, this.#matchesAffinity) ? domainOf(constraint, node) : undefined;
  }

  update(other: PodInfo, node: NodeInfo, by: 1 | -1): void {
    if (other.namespace !== this.#pod.namespace) return;
    for (const domains of this.#all) {
      if (!podCounts(domains.constraint, other)) continue;
      const domain = this.#domain(domains.constraint, node);
      if (domain === undefined) continue;
      domains.counts.set(domain, (domains.counts.get(domain) ?? 0) + by);
      domains.least = undefined;
    }
  }

  /** Why the pod may not go to that node; undefined: it may. */
  check(node: NodeInfo): "missing-label" | "skew" | undefined {
    for (const domains of this.#all) {
      const { constraint, counts } = domains;
      const domain = domainOf(constraint, node);
      if (domain === undefined) return "missing-label";
      const self = constraint.selector.matches(this.#pod.pod.metadata?.labels ?? {}) ? 1 : 0;
      const skew = (counts.get(domain) ?? 0) + self - leastOf(domains);
      if (skew > constraint.maxSkew) return "skew";
    }
    return undefined;
  }

  clone(): HardDomains {
    return new HardDomains(
      this.#pod,
      this.#matchesAffinity,
      this.#all.map((domains) => ({ ...domains, counts: new Map(domains.counts) })),
    );
  }
}

function leastOf(domains: Domains): number {
  if (domains.least === undefined) {
    let least = Infinity;
    for (const count of domains.counts.values()) if (count < least) least = count;
    // With fewer domains than asked for, one is still to come, and it will be empty.
    if (domains.counts.size < domains.constraint.minDomains || least === Infinity) least = 0;
    domains.least = least;
  }
  return domains.least;
}
