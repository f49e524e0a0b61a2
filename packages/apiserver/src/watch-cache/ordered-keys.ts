/** Keys in store order, kept sorted by insertion: ranges are slices found by binary search. */
export class OrderedKeys {
  #keys: string[] = [];

  get size(): number {
    return this.#keys.length;
  }

  /** Replaces everything; sorts what is not sorted yet. */
  load(keys: string[]): void {
    this.#keys = keys.sort(compare);
  }

  add(key: string): void {
    const last = this.#keys[this.#keys.length - 1];
    if (last === undefined || last < key) {
      this.#keys.push(key);
      return;
    }
    const at = this.#lowerBound(key);
    if (this.#keys[at] !== key) this.#keys.splice(at, 0, key);
  }

  remove(key: string): void {
    const at = this.#lowerBound(key);
    if (this.#keys[at] === key) this.#keys.splice(at, 1);
  }

  /** A copy of the keys that start with `prefix` and lie after `after`: safe against changes while it is walked. */
  range(prefix: string, after?: string): readonly string[] {
    return this.#keys.slice(...this.#bounds(prefix, after));
  }

  count(prefix: string, after?: string): number {
    const [from, to] = this.#bounds(prefix, after);
    return Math.max(0, to - from);
  }

  #bounds(prefix: string, after?: string): [number, number] {
    let from = this.#lowerBound(prefix);
    if (after !== undefined && after >= prefix) {
      from = this.#lowerBound(after);
      if (this.#keys[from] === after) from++;
    }
    return [from, this.#lowerBound(`${prefix}\uffff`)];
  }

  #lowerBound(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#keys[middle] ?? "") < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
