import { CelList, CelMap } from "./collections.ts";
import { CelError } from "./errors.ts";
import { Duration, Timestamp } from "./time-values.ts";
import type { CelType } from "./types.ts";
import { CelObject, valuesEqual } from "./values.ts";
import type { Value } from "./values.ts";

/** JSON as a value. */
export type Reader = (json: unknown) => Value;

const READERS: Readonly<Record<string, Reader>> = {
  string: (json) => (typeof json === "string" ? json : wrong("string", json)),
  boolean: (json) => (typeof json === "boolean" ? json : wrong("boolean", json)),
  integer: (json) => integerOf(json) ?? wrong("integer", json),
  number: (json) => (typeof json === "number" ? json : typeof json === "bigint" ? Number(json) : wrong("number", json)),
  "int-or-string": (json) => (typeof json === "string" ? json : (integerOf(json) ?? wrong("int-or-string", json))),
  byte: (json) => (typeof json === "string" ? new Uint8Array(Buffer.from(json, "base64")) : wrong("byte", json)),
  duration: (json) => Duration.parse(String(json)) ?? wrong("duration", json),
  date: (json) => Timestamp.parse(`${String(json)}T00:00:00Z`) ?? wrong("date", json),
  "date-time": (json) => Timestamp.parse(String(json).toUpperCase()) ?? wrong("date-time", json),
};

/** Integers that no number holds are bigints in objects, too. */
function integerOf(json: unknown): bigint | undefined {
  if (typeof json === "bigint") return json;
  return Number.isInteger(json) ? BigInt(json as number) : undefined;
}

/** Thrown where an expression meets a value that is not of its schema: validation of the schema reports it too. */
function wrong(format: string, json: unknown): never {
  throw new CelError(`Invalid ${format} ${JSON.stringify(json)}`);
}

/** Nullable values are null to expressions, whatever their type. */
export function scalarReader(kind: string): Reader {
  const read = READERS[kind];
  if (read === undefined) throw new Error(`no reader for ${kind}`);
  return (json) => (json === null || json === undefined ? null : read(json));
}

export class SchemaObject extends CelMap {
  readonly #json: Readonly<Record<string, unknown>>;
  readonly #properties: ReadonlyMap<string, { readonly property: string; readonly read: Reader }>;
  readonly #type: CelType;

  constructor(
    json: Readonly<Record<string, unknown>>,
    properties: ReadonlyMap<string, { readonly property: string; readonly read: Reader }>,
    type: CelType,
  ) {
    super();
    this.#json = json;
    this.#properties = properties;
    this.#type = type;
  }

  override get type(): CelType {
    return this.#type;
  }

  get size(): number {
    let size = 0;
    for (const _key of this.keys()) size++;
    return size;
  }

  get(key: Value): Value | undefined {
    const found = typeof key === "string" ? this.#properties.get(key) : undefined;
    if (found === undefined || !Object.hasOwn(this.#json, found.property)) return undefined;
    const json = this.#json[found.property];
    // A field that is null is one that is not there.
    return json === undefined || json === null ? undefined : found.read(json);
  }

  *keys(): Generator<string> {
    for (const [name, { property }] of this.#properties) {
      if (!Object.hasOwn(this.#json, property)) continue;
      const json = this.#json[property];
      if (json !== undefined && json !== null) yield name;
    }
  }
}

export class SchemaMap extends CelMap {
  readonly #json: Readonly<Record<string, unknown>>;
  readonly #read: Reader;

  constructor(json: Readonly<Record<string, unknown>>, read: Reader) {
    super();
    this.#json = json;
    this.#read = read;
  }

  get size(): number {
    return Object.keys(this.#json).length;
  }

  get(key: Value): Value | undefined {
    return typeof key === "string" && Object.hasOwn(this.#json, key) ? this.#read(this.#json[key]) : undefined;
  }

  keys(): Iterable<string> {
    return Object.keys(this.#json);
  }
}

/** A list whose kind (atomic, set, map) says what it equals and how it is added to another. */
abstract class KindedList extends CelList {
  readonly #listType: string | undefined;
  readonly #keys: readonly string[];

  constructor(listType: string | undefined, keys: readonly string[]) {
    super();
    this.#listType = listType;
    this.#keys = keys;
  }

  override equals(other: Value): boolean {
    if (this.#listType !== "set" && this.#listType !== "map") return super.equals(other);
    if (!(other instanceof CelList) || other.size !== this.size) return false;
    const theirs = this.#byIdentity(other);
    const mine = this.#byIdentity(this);
    if (theirs.size !== mine.size) return false;
    for (const [key, value] of mine) {
      const found = theirs.get(key);
      if (found === undefined || !valuesEqual(value, found)) return false;
    }
    return true;
  }

  /** Sets become unions; maps take the other's values for keys that both have, in place. */
  override concat(other: CelList): CelList {
    if (this.#listType !== "set" && this.#listType !== "map") return super.concat(other);
    const merged = new Map([...this.#byIdentity(this), ...this.#byIdentity(other)]);
    return new KindedValues([...merged.values()], this.#listType, this.#keys);
  }

  /** Elements by what makes them the same element: the value of a set, the keys of a map. */
  #byIdentity(list: CelList): Map<string, Value> {
    const result = new Map<string, Value>();
    for (const each of list) {
      const identity =
        this.#listType === "map" && each instanceof CelMap
          ? this.#keys.map((key) => identityOf(each.get(key) ?? null)).join("\u0000")
          : identityOf(each);
      result.set(identity, each);
    }
    return result;
  }
}

export class SchemaList extends KindedList {
  readonly #json: readonly unknown[];
  readonly #read: Reader;

  constructor(json: readonly unknown[], read: Reader, listType: string | undefined, keys: readonly string[]) {
    super(listType, keys);
    this.#json = json;
    this.#read = read;
  }

  get size(): number {
    return this.#json.length;
  }

  at(index: number): Value {
    return this.#read(this.#json[index]);
  }
}

class KindedValues extends KindedList {
  readonly #values: readonly Value[];

  constructor(values: readonly Value[], listType: string, keys: readonly string[]) {
    super(listType, keys);
    this.#values = values;
  }

  get size(): number {
    return this.#values.length;
  }

  at(index: number): Value {
    return this.#values[index] ?? null;
  }
}

function identityOf(value: Value): string {
  if (value instanceof CelList) return `[${Array.from(value, identityOf).join(",")}]`;
  if (value instanceof CelMap) {
    const entries = Array.from(
      value.keys(),
      (key) => `${identityOf(key)}:${identityOf(value.get(key) ?? null)}`,
    ).toSorted();
    return `{${entries.join(",")}}`;
  }
  if (value instanceof Timestamp || value instanceof Duration) return `${value.type.kind} ${value.toString()}`;
  if (value instanceof CelObject) return value.type.name;
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  return `${typeof value} ${JSON.stringify(typeof value === "bigint" ? String(value) : value)}`;
}
