import { ownValue } from "@knots/machinery";
import type { NodeInfo } from "../framework/node-info.ts";

/** Sums by topology key and value, e.g. pods per zone. */
export class TopologyCounts {
  readonly #counts = new Map<string, Map<string, number>>();

  /** Adds to the value that the node has of that key; a node without it counts nowhere. */
  add(key: string, node: NodeInfo, by: number): void {
    const value = ownValue(node.node?.metadata?.labels, key);
    if (value === undefined) return;
    let values = this.#counts.get(key);
    if (values === undefined) this.#counts.set(key, (values = new Map()));
    const sum = (values.get(value) ?? 0) + by;
    if (sum === 0) values.delete(value);
    else values.set(value, sum);
    if (values.size === 0) this.#counts.delete(key);
  }

  get(key: string, node: NodeInfo): number {
    const value = ownValue(node.node?.metadata?.labels, key);
    return value === undefined ? 0 : (this.#counts.get(key)?.get(value) ?? 0);
  }

  anyOn(node: NodeInfo): boolean {
    for (const key of this.#counts.keys()) if (this.get(key, node) > 0) return true;
    return false;
  }

  sumOn(node: NodeInfo): number {
    let sum = 0;
    for (const key of this.#counts.keys()) sum += this.get(key, node);
    return sum;
  }

  get empty(): boolean {
    return this.#counts.size === 0;
  }

  clone(): TopologyCounts {
    const copy = new TopologyCounts();
    for (const [key, values] of this.#counts) copy.#counts.set(key, new Map(values));
    return copy;
  }
}
