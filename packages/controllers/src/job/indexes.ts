/**
 * A set of completion indexes, written as upstream does: "1,3-5,7" (a run of two is "1,2"; of three or more "3-5").
 * Immutable.
 */
export class IndexSet {
  readonly #members: ReadonlySet<number>;

  constructor(members: Iterable<number> = []) {
    this.#members = new Set(members);
  }

  /** Reads what `toString` wrote; indexes from `completions` on (the Job was made smaller) are left out. */
  static parse(text: string | undefined, completions: number): IndexSet {
    const members: number[] = [];
    for (const part of text ? text.split(",") : []) {
      const match = /^(\d+)(?:-(\d+))?$/.exec(part);
      if (match === null) throw new Error(`not a list of completion indexes: ${text}`);
      const first = Number(match[1]);
      const last = Math.min(Number(match[2] ?? match[1]), completions - 1);
      for (let index = first; index <= last; index++) members.push(index);
    }
    return new IndexSet(members);
  }

  get size(): number {
    return this.#members.size;
  }

  has(index: number): boolean {
    return this.#members.has(index);
  }

  with(indexes: Iterable<number>): IndexSet {
    return new IndexSet([...this.#members, ...indexes]);
  }

  [Symbol.iterator](): Iterator<number> {
    return this.#members[Symbol.iterator]();
  }

  toString(): string {
    const sorted = [...this.#members].toSorted((a, b) => a - b);
    const parts: string[] = [];
    for (let i = 0; i < sorted.length;) {
      const first = sorted[i] as number;
      let last = first;
      while (sorted[i + 1] === last + 1) {
        last++;
        i++;
      }
      i++;
      if (last === first) parts.push(`${first}`);
      else parts.push(last === first + 1 ? `${first},${last}` : `${first}-${last}`);
    }
    return parts.join(",");
  }
}
