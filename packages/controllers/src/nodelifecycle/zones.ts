import type { Node } from "@knots/api/core/v1";

export type ZoneState = "Normal" | "PartialDisruption" | "FullDisruption";

export interface ZoneRates {
  /** Nodes per second whose pods may be evicted. */
  readonly evictionRate: number;
  readonly secondaryEvictionRate: number;
  readonly largeClusterSizeThreshold: number;
  readonly unhealthyZoneThreshold: number;
}

/** Key of the failure zone: region and zone labels; "" where there are none. */
export function zoneOf(node: Node): string {
  const labels = node.metadata?.labels ?? {};
  const region = labels["topology.kubernetes.io/region"] ?? labels["failure-domain.beta.kubernetes.io/region"] ?? "";
  const zone = labels["topology.kubernetes.io/zone"] ?? labels["failure-domain.beta.kubernetes.io/zone"] ?? "";
  return region === "" && zone === "" ? "" : `${region}:\0:${zone}`;
}

/** State of a zone by how many of its nodes are ready; three or more must fail before it counts as disrupted. */
export function zoneState(ready: number, notReady: number, unhealthyThreshold: number): ZoneState {
  if (ready === 0 && notReady > 0) return "FullDisruption";
  if (notReady > 2 && notReady / (notReady + ready) >= unhealthyThreshold) return "PartialDisruption";
  return "Normal";
}

/**
 * Evictions per second in a zone. A small zone in partial disruption is left alone, a large one slows down. When *all* zones
 * are in full disruption the fault is more likely ours (this process lost the network): nothing is evicted anywhere.
 */
export function evictionRate(state: ZoneState, nodes: number, allDisrupted: boolean, rates: ZoneRates): number {
  if (allDisrupted) return 0;
  if (state !== "PartialDisruption") return rates.evictionRate;
  return nodes > rates.largeClusterSizeThreshold ? rates.secondaryEvictionRate : 0;
}

/** Node names that wait for their NoExecute taint, released at a rate (burst of one). Times in ms. */
export class ZoneQueue {
  readonly #waiting = new Set<string>();
  #rate = 0;
  #tokens = 1;
  #filledAt: number;

  constructor(now: number) {
    this.#filledAt = now;
  }

  get size(): number {
    return this.#waiting.size;
  }

  add(name: string): void {
    this.#waiting.add(name);
  }

  remove(name: string): void {
    this.#waiting.delete(name);
  }

  setRate(rate: number, now: number): void {
    this.#refill(now);
    this.#rate = rate;
  }

  #refill(now: number): void {
    this.#tokens = Math.min(1, this.#tokens + ((now - this.#filledAt) / 1000) * this.#rate);
    this.#filledAt = now;
  }

  /** The next name whose turn has come, taken out of the queue. */
  take(now: number): string | undefined {
    this.#refill(now);
    if (this.#rate <= 0 || this.#tokens < 1 - 1e-9) return undefined;
    for (const name of this.#waiting) {
      this.#waiting.delete(name);
      this.#tokens = 0;
      return name;
    }
    return undefined;
  }
}
