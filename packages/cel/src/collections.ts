import { CelError, CostExceeded } from "./errors.ts";
import { DYN, listOf, mapOf } from "./types.ts";
import type { CelType } from "./types.ts";
import { CelObject, Uint, valuesEqual } from "./values.ts";
import type { Value } from "./values.ts";

const ANY_LIST = listOf(DYN);
const ANY_MAP = mapOf(DYN, DYN);

export abstract class CelList extends CelObject {
  abstract get size(): number;
  /** `index` is within the list. */
  abstract at(index: number): Value;

  get type(): CelType {
    return ANY_LIST;
  }

  *[Symbol.iterator](): Generator<Value> {
    for (let i = 0; i < this.size; i++) yield this.at(i);
  }

  equals(other: Value): boolean {
    if (!(other instanceof CelList) || other.size !== this.size) return false;
    for (let i = 0; i < this.size; i++) if (!valuesEqual(this.at(i), other.at(i))) return false;
    return true;
  }

  includes(value: Value): boolean {
    for (let i = 0; i < this.size; i++) if (valuesEqual(this.at(i), value)) return true;
    return false;
  }

  concat(other: CelList): CelList {
    if (other.size === 0) return this;
    return this.size === 0 ? other : new JoinedList(this, other);
  }
}

/** Longest list: nothing that walks over a longer one could be paid for. Lists that are doubled again and again get there. */
const LONGEST = 10_000_000;
/** Longer ones are read where they are. */
const LONGEST_GATHERED = 1_000_000;

/** Two lists, one after the other: an addition costs one unit, so the elements are gathered when they are read. */
class JoinedList extends CelList {
  readonly size: number;
  /** What it is made of; undefined when the elements are gathered. */
  #parts: readonly [CelList, CelList] | undefined;
  #values: Value[] = [];

  constructor(first: CelList, second: CelList) {
    super();
    this.size = first.size + second.size;
    if (this.size > LONGEST) throw new CostExceeded();
    this.#parts = [first, second];
  }

  at(index: number): Value {
    if (this.size > LONGEST_GATHERED && this.#parts !== undefined) {
      const [first, second] = this.#parts;
      return index < first.size ? first.at(index) : second.at(index - first.size);
    }
    if (this.#parts !== undefined) this.#gather();
    return this.#values[index] ?? null;
  }

  #gather(): void {
    // Not by recursion: a list may have been added to many times.
    const open: CelList[] = [this];
    const values: Value[] = [];
    for (let list = open.pop(); list !== undefined; list = open.pop()) {
      if (list instanceof JoinedList && list.#parts !== undefined) open.push(list.#parts[1], list.#parts[0]);
      else for (let i = 0; i < list.size; i++) values.push(list.at(i));
    }
    this.#parts = undefined;
    this.#values = values;
  }
}

export class ArrayList extends CelList {
  readonly values: readonly Value[];
  constructor(values: readonly Value[]) {
    super();
    this.values = values;
  }
  get size(): number {
    return this.values.length;
  }
  at(index: number): Value {
    return this.values[index] ?? null;
  }
}

export abstract class CelMap extends CelObject {
  abstract get size(): number;
  abstract get(key: Value): Value | undefined;
  abstract keys(): Iterable<Value>;
  /** What absence of a key is called. */
  missing(key: Value): CelError {
    return new CelError(`no such key: ${showKey(key)}`);
  }

  get type(): CelType {
    return ANY_MAP;
  }

  has(key: Value): boolean {
    return this.get(key) !== undefined;
  }

  equals(other: Value): boolean {
    if (!(other instanceof CelMap) || other.size !== this.size) return false;
    for (const key of this.keys()) {
      const mine = this.get(key);
      const theirs = other.get(key);
      if (mine === undefined || theirs === undefined || !valuesEqual(mine, theirs)) return false;
    }
    return true;
  }
}

function showKey(key: Value): string {
  if (key instanceof Uint) return String(key.value);
  return key instanceof CelObject ? key.type.name : String(key);
}

type MapKey = string | bigint | boolean;

/** Keys that are equal as values become the same key; undefined for what cannot be a key. */
export function mapKey(key: Value): MapKey | undefined {
  if (typeof key === "string" || typeof key === "bigint" || typeof key === "boolean") return key;
  if (key instanceof Uint) return key.value;
  if (typeof key === "number" && Number.isInteger(key)) return BigInt(key);
  return undefined;
}

export class ValueMap extends CelMap {
  readonly #entries: ReadonlyMap<MapKey, readonly [Value, Value]>;

  private constructor(entries: ReadonlyMap<MapKey, readonly [Value, Value]>) {
    super();
    this.#entries = entries;
  }

  static of(entries: Iterable<readonly [Value, Value]>): ValueMap {
    const map = new Map<MapKey, readonly [Value, Value]>();
    for (const [key, value] of entries) {
      const normal = typeof key === "number" ? undefined : mapKey(key);
      if (normal === undefined) throw new CelError("unsupported key type");
      if (map.has(normal)) throw new CelError("Failed with repeated key");
      map.set(normal, [key, value]);
    }
    return new ValueMap(map);
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: Value): Value | undefined {
    const normal = mapKey(key);
    return normal === undefined ? undefined : this.#entries.get(normal)?.[1];
  }

  *keys(): Generator<Value> {
    for (const [key] of this.#entries.values()) yield key;
  }

  /** A map with one entry more. */
  with(key: Value, value: Value): ValueMap {
    const normal = typeof key === "number" ? undefined : mapKey(key);
    if (normal === undefined) throw new CelError("unsupported key type");
    if (this.#entries.has(normal)) throw new CelError(`insert failed: key ${showKey(key)} already exists`);
    // Only a comprehension adds, and nothing but its accumulator sees the map before it is complete.
    (this.#entries as Map<MapKey, readonly [Value, Value]>).set(normal, [key, value]);
    return this;
  }

  static empty(): ValueMap {
    return new ValueMap(new Map());
  }
}
