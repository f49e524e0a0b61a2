import { CelList, CelMap } from "./collections.ts";
import type { Value } from "./values.ts";

/** JSON as a value, without a schema: whole numbers are ints. Nothing is copied. */
export function fromJson(json: unknown): Value {
  switch (typeof json) {
    case "string":
    case "boolean":
      return json;
    case "number":
      return Number.isInteger(json) ? BigInt(json) : json;
    case "object":
      if (json === null) return null;
      return Array.isArray(json) ? new JsonList(json) : new JsonMap(json as Record<string, unknown>);
    default:
      return null;
  }
}

class JsonList extends CelList {
  readonly #items: readonly unknown[];
  constructor(items: readonly unknown[]) {
    super();
    this.#items = items;
  }
  get size(): number {
    return this.#items.length;
  }
  at(index: number): Value {
    return fromJson(this.#items[index]);
  }
}

class JsonMap extends CelMap {
  readonly #object: Readonly<Record<string, unknown>>;
  constructor(object: Readonly<Record<string, unknown>>) {
    super();
    this.#object = object;
  }
  get size(): number {
    return Object.keys(this.#object).length;
  }
  get(key: Value): Value | undefined {
    if (typeof key !== "string" || !Object.hasOwn(this.#object, key)) return undefined;
    const json = this.#object[key];
    return json === undefined ? undefined : fromJson(json);
  }
  *keys(): Generator<string> {
    for (const key of Object.keys(this.#object)) if (this.#object[key] !== undefined) yield key;
  }
}
