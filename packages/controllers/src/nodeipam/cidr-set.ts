import { formatCIDR, overlaps } from "./cidr.ts";
import type { CIDR } from "./cidr.ts";

/** The node-sized parts of one cluster CIDR, and which of them are taken. */
export class CIDRSet {
  readonly #cluster: CIDR;
  readonly #prefix: number;
  readonly #count: number;
  readonly #used = new Set<number>();
  #next = 0;

  /** `nodePrefix`: prefix length of a node's part. Throws where that is no part of the cluster's CIDR. */
  constructor(cluster: CIDR, nodePrefix: number) {
    if (nodePrefix < cluster.prefix || nodePrefix > cluster.bits) {
      throw new Error(`node CIDR mask size ${nodePrefix} does not fit into cluster CIDR ${formatCIDR(cluster)}`);
    }
    this.#cluster = cluster;
    this.#prefix = nodePrefix;
    // Upstream's bound as well: 2^16 nodes; more would only be a longer walk.
    this.#count = 2 ** Math.min(nodePrefix - cluster.prefix, 16);
  }

  get bits(): 32 | 128 {
    return this.#cluster.bits;
  }

  #part(index: number): CIDR {
    const host = BigInt(this.#cluster.bits - this.#prefix);
    return { base: this.#cluster.base + (BigInt(index) << host), prefix: this.#prefix, bits: this.#cluster.bits };
  }

  /** The indexes of the parts that `range` touches, as [first, last]; undefined where it lies outside. */
  #touched(range: CIDR): [number, number] | undefined {
    if (!overlaps(range, this.#cluster)) return undefined;
    if (range.prefix <= this.#cluster.prefix) return [0, this.#count - 1];
    const host = BigInt(this.#cluster.bits - this.#prefix);
    const first = Number((range.base - this.#cluster.base) >> host);
    const length = range.prefix >= this.#prefix ? 1 : 2 ** (this.#prefix - range.prefix);
    return [first, Math.min(this.#count, first + length) - 1];
  }

  /** Takes the next free part, round robin so that a freed one rests a while; undefined when all are taken. */
  allocate(): CIDR | undefined {
    for (let i = 0; i < this.#count; i++) {
      const index = (this.#next + i) % this.#count;
      if (this.#used.has(index)) continue;
      this.#used.add(index);
      this.#next = index + 1;
      return this.#part(index);
    }
    return undefined;
  }

  /** Marks what `range` touches as taken. False where it lies outside this set. */
  occupy(range: CIDR): boolean {
    const touched = this.#touched(range);
    if (touched === undefined) return false;
    for (let i = touched[0]; i <= touched[1]; i++) this.#used.add(i);
    return true;
  }

  release(range: CIDR): void {
    const touched = this.#touched(range);
    if (touched === undefined) return;
    for (let i = touched[0]; i <= touched[1]; i++) this.#used.delete(i);
  }
}
