// A local copy of a resource's objects, with indexes. What it gives out is shared: clone before changing.
import { namespacedName, type KubeObject, type Selector } from "@knots/machinery";

export type Indexers<T> = Record<string, (object: T) => string[]>;

export interface Lister<T> {
  /** By "namespace/name" or "name". */
  get(key: string): T | undefined;
  list(namespace?: string, selector?: Selector): T[];
  byIndex(index: string, value: string): T[];
}

export class Indexer<T extends KubeObject> implements Lister<T> {
  readonly #objects = new Map<string, T>();
  readonly #indexers = new Map<string, (object: T) => string[]>();
  readonly #indexes = new Map<string, Map<string, Map<string, T>>>();

  addIndexers(indexers: Indexers<T>): void {
    for (const [name, indexer] of Object.entries(indexers)) {
      if (this.#indexers.has(name)) continue;
      this.#indexers.set(name, indexer);
      this.#indexes.set(name, new Map());
      for (const [key, object] of this.#objects) this.#enter(name, indexer, key, object);
    }
  }

  #enter(name: string, indexer: (object: T) => string[], key: string, object: T): void {
    const index = this.#indexes.get(name);
    for (const value of indexer(object)) {
      const entries = index?.get(value);
      if (entries === undefined) index?.set(value, new Map([[key, object]]));
      else entries.set(key, object);
    }
  }

  /** Puts an object in; answers the one it replaces. */
  set(object: T): T | undefined {
    const key = namespacedName(object);
    const old = this.delete(key);
    this.#objects.set(key, object);
    for (const [name, indexer] of this.#indexers) this.#enter(name, indexer, key, object);
    return old;
  }

  delete(key: string): T | undefined {
    const old = this.#objects.get(key);
    if (old === undefined) return undefined;
    this.#objects.delete(key);
    for (const [name, indexer] of this.#indexers) {
      const index = this.#indexes.get(name);
      for (const value of indexer(old)) {
        const entries = index?.get(value);
        entries?.delete(key);
        if (entries?.size === 0) index?.delete(value);
      }
    }
    return old;
  }

  keys(): string[] {
    return [...this.#objects.keys()];
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list(namespace?: string, selector?: Selector): T[] {
    const found: T[] = [];
    for (const object of this.#objects.values()) {
      if (namespace !== undefined && namespace !== "" && object.metadata?.namespace !== namespace) continue;
      if (selector !== undefined && !selector.matches(object.metadata?.labels)) continue;
      found.push(object);
    }
    return found;
  }

  byIndex(index: string, value: string): T[] {
    const entries = this.#indexes.get(index);
    if (entries === undefined) throw new Error(`there is no index ${JSON.stringify(index)}`);
    return [...(entries.get(value)?.values() ?? [])];
  }
}
