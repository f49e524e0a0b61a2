/** Sets of nodes, a numbered row of them. */
export class NodeSets {
  readonly #words: number;
  readonly #bits: Uint32Array;

  constructor(nodes: number, rows: number) {
    this.#words = (nodes + 31) >>> 5;
    this.#bits = new Uint32Array(this.#words * rows);
  }

  has(row: number, node: number): boolean {
    return (((this.#bits[row * this.#words + (node >>> 5)] as number) >>> (node & 31)) & 1) === 1;
  }

  add(row: number, node: number): void {
    const index = row * this.#words + (node >>> 5);
    this.#bits[index] = (this.#bits[index] as number) | (1 << (node & 31));
  }

  clear(): void {
    this.#bits.fill(0);
  }

  /** The nodes of a row. */
  *of(row: number): Generator<number> {
    for (let word = 0; word < this.#words; word++) {
      for (let bits = this.#bits[row * this.#words + word] as number; bits !== 0;) {
        const bit = 31 - Math.clz32(bits);
        yield word * 32 + bit;
        bits = (bits & ~(1 << bit)) >>> 0;
      }
    }
  }
}
