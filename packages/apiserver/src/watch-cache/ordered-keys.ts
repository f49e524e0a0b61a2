/** Keys per chunk at most; a full one is cut in two. Inserting moves at most so many. */
const CHUNK = 512;

/** Where a key is, or would be. */
interface Place {
  readonly chunk: number;
  readonly at: number;
}

/** Keys in store order, in chunks that are each kept sorted by insertion: whoever adds one key among many moves few. */
export class OrderedKeys {
  /** None is empty. */
  #chunks: string[][] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Replaces everything; sorts what is not sorted yet. */
  load(keys: string[]): void {
    keys.sort(compare);
    this.#size = keys.length;
    this.#chunks = [];
    for (let from = 0; from < keys.length; from += CHUNK / 2) this.#chunks.push(keys.slice(from, from + CHUNK / 2));
  }

  add(key: string): void {
    const place = this.#lowerBound(key);
    const next = this.#chunks[place.chunk];
    if (next?.[place.at] === key) return;
    this.#size++;
    // What belongs between two chunks goes to the end of the first: most keys come in their order.
    const before = this.#chunks[place.chunk - 1];
    if (place.at === 0 && before !== undefined) this.#insert(place.chunk - 1, before.length, key);
    else if (next === undefined) this.#chunks.push([key]);
    else this.#insert(place.chunk, place.at, key);
  }

  remove(key: string): void {
    const { chunk, at } = this.#lowerBound(key);
    const keys = this.#chunks[chunk];
    if (keys?.[at] !== key) return;
    this.#size--;
    if (keys.length === 1) this.#chunks.splice(chunk, 1);
    else keys.splice(at, 1);
  }

  /** A copy of the keys that start with `prefix` and lie after `after`: safe against changes while it is walked. */
  range(prefix: string, after?: string): readonly string[] {
    const [from, to] = this.#bounds(prefix, after);
    if (from.chunk === to.chunk) return this.#chunks[from.chunk]?.slice(from.at, to.at) ?? [];
    const pieces = [this.#chunks[from.chunk]?.slice(from.at) ?? [], ...this.#chunks.slice(from.chunk + 1, to.chunk)];
    if (to.at > 0) pieces.push(this.#chunks[to.chunk]?.slice(0, to.at) ?? []);
    return pieces.flat();
  }

  count(prefix: string, after?: string): number {
    const [from, to] = this.#bounds(prefix, after);
    let count = to.at - from.at;
    for (let chunk = from.chunk; chunk < to.chunk; chunk++) count += this.#chunks[chunk]?.length ?? 0;
    return Math.max(0, count);
  }

  #insert(chunk: number, at: number, key: string): void {
    const keys = this.#chunks[chunk] ?? [];
    if (at === keys.length) keys.push(key);
    else keys.splice(at, 0, key);
    if (keys.length <= CHUNK) return;
    // Keys that come in their order fill a chunk for good; others want room on both sides.
    const cut = chunk === this.#chunks.length - 1 && at === keys.length - 1 ? CHUNK : CHUNK / 2;
    this.#chunks.splice(chunk + 1, 0, keys.splice(cut));
  }

  #bounds(prefix: string, after?: string): [Place, Place] {
    let from = this.#lowerBound(prefix);
    if (after !== undefined && after >= prefix) {
      from = this.#lowerBound(after);
      if (this.#chunks[from.chunk]?.[from.at] === after) from = { chunk: from.chunk, at: from.at + 1 };
    }
    const to = this.#lowerBound(`${prefix}\uffff`);
    const empty = to.chunk < from.chunk || (to.chunk === from.chunk && to.at < from.at);
    return [from, empty ? from : to];
  }

  /** The first key that is not before `key`. */
  #lowerBound(key: string): Place {
    const chunks = this.#chunks;
    let low = 0;
    let high = chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((chunks[middle]?.at(-1) ?? "") < key) low = middle + 1;
      else high = middle;
    }
    const keys = chunks[low];
    return { chunk: low, at: keys === undefined ? 0 : indexIn(keys, key) };
  }
}

function indexIn(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((keys[middle] ?? "") < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
