import { CelMap } from "./collections.ts";
import type { CelType } from "./types.ts";
import { typeOfValue } from "./values.ts";
import type { Value } from "./values.ts";

/** What `Type{field: value}` makes. */
export class StructValue extends CelMap {
  readonly #type: CelType;
  readonly #fields: ReadonlyMap<string, Value>;

  constructor(type: CelType, fields: ReadonlyMap<string, Value>) {
    super();
    this.#type = type;
    this.#fields = fields;
  }

  override get type(): CelType {
    return this.#type;
  }

  get size(): number {
    return this.#fields.size;
  }

  get(key: Value): Value | undefined {
    return typeof key === "string" ? this.#fields.get(key) : undefined;
  }

  keys(): Iterable<string> {
    return this.#fields.keys();
  }

  override equals(other: Value): boolean {
    return typeOfValue(other).name === this.#type.name && super.equals(other);
  }
}
