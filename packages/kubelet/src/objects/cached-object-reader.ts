/** ObjectReader by GET, with a short memory: a pod that starts ten containers asks once. */
import { type ConfigMap, configMaps, type Secret, secrets } from "@knots/api/core/v1";
import type { Client } from "@knots/client";
import type { Clock } from "@knots/machinery";
import type { ObjectReader } from "./object-reader.ts";

/** Less than the time between two writings of a pod's volumes, so that each sees the objects as they are. */
const TTL_MS = 50_000;

interface Entry {
  readonly at: number;
  readonly value: Promise<ConfigMap | Secret>;
}

export class CachedObjectReader implements ObjectReader {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();

  constructor(client: Client, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  configMap(namespace: string, name: string): Promise<ConfigMap> {
    return this.#read(`${namespace}/configmaps/${name}`, () =>
      this.#client.resource(configMaps, namespace).get(name),
    ) as Promise<ConfigMap>;
  }

  secret(namespace: string, name: string): Promise<Secret> {
    return this.#read(`${namespace}/secrets/${name}`, () =>
      this.#client.resource(secrets, namespace).get(name),
    ) as Promise<Secret>;
  }

  invalidate(namespace: string, olderThanMs = 0): void {
    const now = this.#clock.monotonic();
    for (const [key, { at }] of this.#entries)
      if (key.startsWith(`${namespace}/`) && now - at >= olderThanMs) this.#entries.delete(key);
  }

  #read(key: string, load: () => Promise<ConfigMap | Secret>): Promise<ConfigMap | Secret> {
    const now = this.#clock.monotonic();
    const known = this.#entries.get(key);
    if (known !== undefined && now - known.at < TTL_MS) return known.value;
    const value = load();
    this.#entries.set(key, { at: now, value });
    // A failure is not remembered: the object may be there the next time.
    value.catch(() => {
      if (this.#entries.get(key)?.value === value) this.#entries.delete(key);
    });
    return value;
  }
}
