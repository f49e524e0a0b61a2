// An API of three kinds in memory, as far as informers use it.
import type { Client, WatchEvent } from "@knots/client";
import { namespacedName, type KubeObject, type ResourceType } from "@knots/machinery";

type Listener = (event: WatchEvent<KubeObject>) => void;

export class FakeApi {
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  readonly #listeners = new Map<string, Set<Listener>>();
  #revision = 1;

  /** Lists and watches; selectors are not looked at. */
  get client(): Client {
    const resource = (type: ResourceType): object => ({
      list: async () => ({
        items: [...this.#kind(type.resource).values()],
        metadata: { resourceVersion: String(this.#revision) },
      }),
      watch: ({ signal }: { signal: AbortSignal }) => this.#watch(type.resource, signal),
    });
    return { resource } as unknown as Client;
  }

  #kind(resource: string): Map<string, KubeObject> {
    const known = this.#objects.get(resource);
    if (known !== undefined) return known;
    const made = new Map<string, KubeObject>();
    this.#objects.set(resource, made);
    return made;
  }

  put(resource: string, object: KubeObject): void {
    const revision = String(++this.#revision);
    const key = namespacedName(object);
    const next = { ...object, metadata: { uid: `${resource}/${key}`, ...object.metadata, resourceVersion: revision } };
    const type = this.#kind(resource).has(key) ? "MODIFIED" : "ADDED";
    this.#kind(resource).set(key, next);
    for (const tell of this.#listeners.get(resource) ?? []) tell({ type, object: next });
  }

  delete(resource: string, key: string): void {
    const object = this.#kind(resource).get(key);
    if (object === undefined) throw new Error(`no ${resource} ${key}`);
    this.#kind(resource).delete(key);
    const last = { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#revision) } };
    for (const tell of this.#listeners.get(resource) ?? []) tell({ type: "DELETED", object: last });
  }

  async *#watch(resource: string, signal: AbortSignal): AsyncGenerator<WatchEvent<KubeObject>> {
    const waiting: WatchEvent<KubeObject>[] = [];
    let wake = Promise.withResolvers<void>();
    const listener: Listener = (event) => {
      waiting.push(event);
      wake.resolve();
    };
    const listeners = this.#listeners.get(resource) ?? new Set();
    this.#listeners.set(resource, listeners.add(listener));
    signal.addEventListener("abort", () => wake.resolve(), { once: true });
    try {
      while (!signal.aborted) {
        for (let event = waiting.shift(); event !== undefined; event = waiting.shift()) yield event;
        await wake.promise;
        wake = Promise.withResolvers();
      }
    } finally {
      listeners.delete(listener);
    }
  }
}
