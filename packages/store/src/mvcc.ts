// The multi-version index both embedded engines share: which revisions each key has, decided synchronously, so that transactions of one turn see each other.

/** One change of one key. */
export interface Version {
  readonly revision: number;
  readonly createRevision: number;
  readonly version: number;
  readonly deleted: boolean;
  readonly lease?: number;
}

export class MvccIndex {
  readonly #histories = new Map<string, Version[]>();
  /** Keys in order; made again on demand after keys came or went. */
  #sorted: string[] | undefined;

  /** The state of a key at a revision, tombstones excluded. */
  at(key: string, revision: number): Version | undefined {
    const history = this.#histories.get(key);
    if (history === undefined) return undefined;
    for (let i = history.length - 1; i >= 0; i--) {
      const version = history[i];
      if (version !== undefined && version.revision <= revision) return version.deleted ? undefined : version;
    }
    return undefined;
  }

  current(key: string): Version | undefined {
    const last = this.#histories.get(key)?.at(-1);
    return last === undefined || last.deleted ? undefined : last;
  }

  add(key: string, version: Version): void {
    const history = this.#histories.get(key);
    if (history === undefined) {
      this.#histories.set(key, [version]);
      this.#sorted = undefined;
    } else history.push(version);
  }

  /** Keys that begin with `prefix` and come after `start`, in order. */
  *keys(prefix: string, start: string | undefined): Generator<string> {
    const sorted = (this.#sorted ??= [...this.#histories.keys()].toSorted(compareKeys));
    let low = 0;
    let high = sorted.length;
    const from = start !== undefined && compareKeys(start, prefix) >= 0 ? start : prefix;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareKeys(sorted[middle] ?? "", from) < 0) low = middle + 1;
      else high = middle;
    }
    for (let i = low; i < sorted.length; i++) {
      const key = sorted[i] ?? "";
      if (!key.startsWith(prefix)) return;
      if (key !== start) yield key;
    }
  }

  /** Forgets versions that no read at or after `revision` can see; answers them for the engine to forget too. */
  compact(revision: number): { key: string; revision: number }[] {
    const dropped: { key: string; revision: number }[] = [];
    for (const [key, history] of this.#histories) {
      let keep = 0;
      for (let i = 0; i < history.length; i++) if ((history[i]?.revision ?? 0) <= revision) keep = i;
      const last = history[keep];
      // A tombstone at or before the compaction is the same as nothing.
      const from = last?.deleted === true && last.revision <= revision ? keep + 1 : keep;
      for (const version of history.slice(0, from)) dropped.push({ key, revision: version.revision });
      if (from === history.length) {
        this.#histories.delete(key);
        this.#sorted = undefined;
      } else if (from > 0) history.splice(0, from);
    }
    return dropped;
  }

  entries(): IterableIterator<[string, Version[]]> {
    return this.#histories.entries();
  }
}

/** By UTF-16 code units: upstream's keys are ASCII, where that is the order of bytes. */
export function compareKeys(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
