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
    const [from, to] = this.#bounds(prefix);
    let start = from;
    if (after !== undefined && after >= prefix) {
      start = this.#lowerBound(after);
      if (this.#keys[start] === after) start++;
    }
    return this.#keys.slice(Math.max(start, from), to);
  }

  count(prefix: string): number {
    const [from, to] = this.#bounds(prefix);
    return to - from;
  }

  #bounds(prefix: string): [number, number] {
    const from = this.#lowerBound(prefix);
    const to = this.#lowerBound(`${prefix}\uffff`);
    return [from, to];
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
