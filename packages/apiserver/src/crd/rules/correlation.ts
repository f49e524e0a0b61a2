import type { JSONSchemaProps } from "@knots/api/apiextensions/v1";
import { deepEqual } from "../../registry/metadata.ts";
import { itemsOf, valuesOf } from "@knots/cel/structural-schema";
import { isObject } from "../structural.ts";

/**
 * A value beside what it was before the update. What did not change may stay as it is, even where it breaks a rule
 * that came later (upstream: ratcheting).
 */
export class Correlation {
  readonly #value: unknown;
  readonly #old: unknown;
  readonly #schema: JSONSchemaProps | undefined;
  #unchanged: boolean | undefined;
  #byKey: Map<string, unknown> | undefined;

  constructor(value: unknown, old: unknown, schema: JSONSchemaProps | undefined) {
    this.#value = value;
    this.#old = old;
    this.#schema = schema;
  }

  get unchanged(): boolean {
    return (this.#unchanged ??= deepEqual(this.#value, this.#old));
  }

  /** The same for a field, when it was there before. */
  key(name: string): Correlation | undefined {
    if (!isObject(this.#value) || !isObject(this.#old)) return undefined;
    if (!Object.hasOwn(this.#value, name) || !Object.hasOwn(this.#old, name)) return undefined;
    const schema = this.#schema;
    const property =
      schema?.properties !== undefined && Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
    const inner = property ?? (schema === undefined ? undefined : valuesOf(schema));
    return new Correlation(this.#value[name], this.#old[name], inner);
  }

  /** The same for an item of a list whose items have keys. */
  index(index: number): Correlation | undefined {
    const schema = this.#schema;
    if (schema === undefined || !Array.isArray(this.#value) || !Array.isArray(this.#old)) return undefined;
    this.#byKey ??= itemsByKey(this.#old, schema);
    const item: unknown = this.#value[index];
    const key = itemKey(item, schema);
    if (key === undefined || !this.#byKey.has(key)) return undefined;
    return new Correlation(item, this.#byKey.get(key), itemsOf(schema));
  }
}

/** What identifies an item of a list of type map; undefined for any other list. */
export function itemKey(item: unknown, schema: JSONSchemaProps): string | undefined {
  const keys = schema["x-kubernetes-list-map-keys"];
  if (schema["x-kubernetes-list-type"] !== "map" || keys === undefined || !isObject(item)) return undefined;
  return JSON.stringify(keys.map((key) => (Object.hasOwn(item, key) ? item[key] : null)));
}

export function itemsByKey(items: readonly unknown[], schema: JSONSchemaProps): Map<string, unknown> {
  const result = new Map<string, unknown>();
  for (const item of items) {
    const key = itemKey(item, schema);
    if (key !== undefined) result.set(key, item);
  }
  return result;
}
