import { cloneJson } from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import { apiVersionOf } from "../../registry/served.ts";
import type { Converter } from "../../registry/served.ts";
import type { CustomVersion } from "../definition.ts";
import { applyDefaults, prune } from "../structural.ts";
import type { ObjectConverter } from "./object-converter.ts";

/** Between a served version and the stored one, by the definition's conversion; the served version's schema prunes and defaults. */
export function versionConverter(
  { info, schema }: CustomVersion,
  storedVersion: () => string,
  conversion: ObjectConverter,
): Converter {
  const target = apiVersionOf(info);
  const shaped = (object: KubeObject): KubeObject => {
    object.apiVersion = target;
    if (schema !== undefined) {
      prune(object, schema, true);
      applyDefaults(object, schema);
    }
    return object;
  };
  const storedApiVersion = (): string => `${info.group}/${storedVersion()}`;
  if (!conversion.remote) {
    return {
      toServed: (stored) => shaped(cloneJson(stored)),
      toStored: (served) => ({ ...served, apiVersion: storedApiVersion() }),
    };
  }
  const converted = new Conversions(conversion, target);
  return {
    prepare: (stored) => converted.prepare(stored),
    toServed: (stored) => shaped(cloneJson(stored.apiVersion === target ? stored : converted.of(stored))),
    async toStored(served) {
      const [object] = await conversion.convert([served], storedApiVersion());
      return object ?? served;
    },
  };
}

/** What stored states are in one version: each is asked about once, and together with others. */
class Conversions {
  readonly #conversion: ObjectConverter;
  readonly #target: string;
  readonly #done = new WeakMap<KubeObject, KubeObject>();
  readonly #running = new WeakMap<KubeObject, Promise<void>>();

  constructor(conversion: ObjectConverter, target: string) {
    this.#conversion = conversion;
    this.#target = target;
  }

  of(stored: KubeObject): KubeObject {
    const converted = this.#done.get(stored);
    if (converted === undefined)
      throw new Error(
        `${stored.apiVersion ?? ""} ${stored.kind ?? ""} was read before it was converted to ${this.#target}`,
      );
    return converted;
  }

  async prepare(stored: readonly KubeObject[]): Promise<void> {
    const missing: KubeObject[] = [];
    const waiting = new Set<Promise<void>>();
    for (const object of stored) {
      if (object.apiVersion === this.#target || this.#done.has(object)) continue;
      const running = this.#running.get(object);
      if (running === undefined) missing.push(object);
      else waiting.add(running);
    }
    if (missing.length > 0) {
      const work = this.#convert(missing);
      for (const object of missing) this.#running.set(object, work);
      waiting.add(work);
    }
    await Promise.all(waiting);
  }

  async #convert(objects: readonly KubeObject[]): Promise<void> {
    try {
      const converted = await this.#conversion.convert(objects, this.#target);
      converted.forEach((object, index) => {
        const from = objects[index];
        if (from !== undefined) this.#done.set(from, object);
      });
    } finally {
      for (const object of objects) this.#running.delete(object);
    }
  }
}
