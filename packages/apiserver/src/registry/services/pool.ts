/**
 * Numbers 0…size-1 of which each is in use at most once. What is in use is told by the owner of the truth (the watch
 * cache); between asking for a number and seeing it there, it is reserved.
 */
export class Pool {
  readonly #size: number;
  /** Numbers below this one are given out last: people choose fixed ones there. */
  readonly #staticBand: number;
  readonly #used = new Map<number, number>();
  readonly #reserved = new Set<number>();

  constructor(size: number) {
    this.#size = size;
    // Upstream's bands: a sixteenth of the range, at least 16 and at most 256.
    this.#staticBand = size < 16 ? 0 : Math.min(Math.max(16, Math.floor(size / 16)), 256);
  }

  get free(): number {
    return this.#size - this.#used.size - this.#reserved.size;
  }

  /** Numbers that objects hold. */
  used(): number[] {
    return [...this.#used.keys()];
  }

  isTaken(n: number): boolean {
    return this.#used.has(n) || this.#reserved.has(n);
  }

  /** False when it is taken. */
  reserve(n: number): boolean {
    if (this.isTaken(n)) return false;
    this.#reserved.add(n);
    return true;
  }

  /** A free number, or undefined when there is none. */
  reserveAny(): number | undefined {
    const upper = this.#size - this.#staticBand;
    const found = this.#search(this.#staticBand, upper) ?? this.#search(0, this.#staticBand);
    if (found !== undefined) this.#reserved.add(found);
    return found;
  }

  release(n: number): void {
    this.#reserved.delete(n);
  }

  /** An object that holds `n` has appeared. */
  use(n: number): void {
    this.#reserved.delete(n);
    this.#used.set(n, (this.#used.get(n) ?? 0) + 1);
  }

  /** An object that held `n` has gone or let it go. */
  drop(n: number): void {
    const count = (this.#used.get(n) ?? 0) - 1;
    if (count > 0) this.#used.set(n, count);
    else this.#used.delete(n);
  }

  #search(from: number, length: number): number | undefined {
    if (length <= 0) return undefined;
    const start = Math.floor(Math.random() * length);
    for (let i = 0; i < length; i++) {
      const n = from + ((start + i) % length);
      if (!this.isTaken(n)) return n;
    }
    return undefined;
  }
}
