/** A binary heap with removal by key. `less`: what comes out first. */
export class Heap<T> {
  readonly #keyOf: (item: T) => string;
  readonly #less: (a: T, b: T) => boolean;
  readonly #items: T[] = [];
  readonly #positions = new Map<string, number>();

  constructor(keyOf: (item: T) => string, less: (a: T, b: T) => boolean) {
    this.#keyOf = keyOf;
    this.#less = less;
  }

  get size(): number {
    return this.#items.length;
  }

  get(key: string): T | undefined {
    const position = this.#positions.get(key);
    return position === undefined ? undefined : this.#items[position];
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  values(): Iterable<T> {
    return this.#items;
  }

  /** Adds, or replaces what has the same key. */
  set(item: T): void {
    const key = this.#keyOf(item);
    const position = this.#positions.get(key) ?? this.#items.length;
    this.#put(position, item);
    this.#up(position);
    this.#down(this.#positions.get(key) ?? position);
  }

  pop(): T | undefined {
    const first = this.#items[0];
    if (first !== undefined) this.delete(this.#keyOf(first));
    return first;
  }

  delete(key: string): T | undefined {
    const position = this.#positions.get(key);
    if (position === undefined) return undefined;
    const item = this.#items[position];
    const last = this.#items.pop();
    this.#positions.delete(key);
    if (last !== undefined && position < this.#items.length) {
      this.#put(position, last);
      this.#up(position);
      this.#down(this.#positions.get(this.#keyOf(last)) ?? position);
    }
    return item;
  }

  #put(position: number, item: T): void {
    this.#items[position] = item;
    this.#positions.set(this.#keyOf(item), position);
  }

  #swapIfLess(child: number, parent: number): boolean {
    const a = this.#items[child];
    const b = this.#items[parent];
    if (a === undefined || b === undefined || !this.#less(a, b)) return false;
    this.#put(parent, a);
    this.#put(child, b);
    return true;
  }

  #up(position: number): void {
    let child = position;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!this.#swapIfLess(child, parent)) return;
      child = parent;
    }
  }

  #down(position: number): void {
    let parent = position;
    for (;;) {
      const left = 2 * parent + 1;
      const right = left + 1;
      let least = left;
      const l = this.#items[left];
      const r = this.#items[right];
      if (l === undefined) return;
      if (r !== undefined && this.#less(r, l)) least = right;
      if (!this.#swapIfLess(least, parent)) return;
      parent = least;
    }
  }
}
