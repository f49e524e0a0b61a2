// A reflector and its local copy: list, then watch from there; when the watch ends, watch on; when the server forgot the revision, list again.
import {
  isGone,
  namespacedName,
  StatusError,
  type Clock,
  type KubeObject,
  type Logger,
  type ResourceType,
  type Status,
} from "@knots/machinery";
import type { Client } from "./client.ts";
import { Indexer, type Indexers, type Lister } from "./lister.ts";
import type { WatchEvent } from "./resource-client.ts";

export interface Handler<T> {
  add?(object: T): void;
  update?(old: T, next: T): void;
  delete?(object: T): void;
}

export interface InformerOptions<T> {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  indexers?: Indexers<T>;
  /** Makes what is kept of an object smaller. */
  transform?(object: T): T;
}

const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 10_000;
const PAGE = 500;
/** Watches end after five to ten minutes, spread so that not all begin again at once. */
const WATCH_SECONDS = 300;

export class Informer<T extends KubeObject> {
  readonly #client: Client;
  readonly #type: ResourceType<T>;
  readonly #options: InformerOptions<T>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #objects = new Indexer<T>();
  readonly #handlers = new Set<Handler<T>>();
  readonly #abort = new AbortController();
  #revision = "";
  #synced = false;
  #running: Promise<void> | undefined;
  #waiting: (() => void)[] = [];

  constructor(
    client: Client,
    type: ResourceType<T>,
    options: InformerOptions<T>,
    context: { clock: Clock; logger: Logger },
  ) {
    this.#client = client;
    this.#type = type;
    this.#options = options;
    this.#clock = context.clock;
    this.#logger = context.logger.child({ resource: type.resource });
    if (options.indexers !== undefined) this.#objects.addIndexers(options.indexers);
  }

  get lister(): Lister<T> {
    return this.#objects;
  }

  get hasSynced(): boolean {
    return this.#synced;
  }

  get lastSyncResourceVersion(): string {
    return this.#revision;
  }

  addIndexers(indexers: Indexers<T>): void {
    this.#objects.addIndexers(indexers);
  }

  /** Tells the handler of what is there already, then of each change. */
  addHandler(handler: Handler<T>): Disposable {
    this.#handlers.add(handler);
    for (const object of this.#objects.list()) this.#guard(() => handler.add?.(object));
    return { [Symbol.dispose]: () => void this.#handlers.delete(handler) };
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Resolves after the first list; rejects when the signal aborts or the informer stops. */
  async waitForSync(signal?: AbortSignal): Promise<void> {
    if (this.#synced) return;
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push(resolve);
      const stop = (): void => reject(new Error(`stopped before ${this.#type.resource} were read`));
      signal?.addEventListener("abort", stop, { once: true });
      this.#abort.signal.addEventListener("abort", stop, { once: true });
    });
  }

  async #run(): Promise<void> {
    let failures = 0;
    const signal = this.#abort.signal;
    while (!signal.aborted) {
      try {
        if (this.#revision === "") {
          await this.#list(signal);
          failures = 0;
        }
        await this.#watch(signal, () => (failures = 0));
      } catch (error) {
        if (signal.aborted) return;
        if (isGone(error)) this.#revision = "";
        const delay = Math.min(FIRST_BACKOFF_MS * 2 ** failures++, MAX_BACKOFF_MS) * (0.8 + Math.random() * 0.4);
        this.#logger.debug(
          { error: error instanceof Error ? error.message : String(error), delay: Math.round(delay) },
          "list or watch ended",
        );
        try {
          await this.#clock.sleep(delay, signal);
        } catch {
          return;
        }
      }
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { namespace, labelSelector, fieldSelector } = this.#options;
    const resource = this.#client.resource(this.#type, namespace);
    const selectors = {
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
    };
    const seen = new Set<string>();
    let page = await resource.list({ ...selectors, limit: PAGE, signal });
    for (;;) {
      for (const object of page.items) {
        seen.add(namespacedName(object));
        this.#put(object);
      }
      if (page.metadata.continue === undefined || page.metadata.continue === "") break;
      page = await resource.list({ ...selectors, limit: PAGE, continue: page.metadata.continue, signal });
    }
    for (const key of this.#objects.keys()) if (!seen.has(key)) this.#remove(key);
    this.#revision = page.metadata.resourceVersion ?? "";
    if (!this.#synced) {
      this.#synced = true;
      for (const resolve of this.#waiting.splice(0)) resolve();
    }
  }

  async #watch(signal: AbortSignal, working: () => void): Promise<void> {
    const { namespace, labelSelector, fieldSelector } = this.#options;
    const events = this.#client.resource(this.#type, namespace).watch({
      resourceVersion: this.#revision,
      allowWatchBookmarks: true,
      timeoutSeconds: Math.round(WATCH_SECONDS * (1 + Math.random())),
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
      signal,
    });
    for await (const event of events) {
      working();
      this.#apply(event);
    }
  }

  #apply(event: WatchEvent<T>): void {
    if (event.type === "ERROR") throw StatusError.fromStatus(event.object as unknown as Status);
    const revision = event.object.metadata?.resourceVersion;
    if (event.type === "DELETED") this.#remove(namespacedName(event.object), event.object);
    else if (event.type !== "BOOKMARK") this.#put(event.object);
    if (revision !== undefined) this.#revision = revision;
  }

  #put(object: T): void {
    const kept = this.#options.transform?.(object) ?? object;
    const known = this.#objects.get(namespacedName(kept));
    // A list may repeat what the watch told already.
    if (
      known !== undefined &&
      known.metadata?.resourceVersion === kept.metadata?.resourceVersion &&
      known.metadata?.uid === kept.metadata?.uid
    )
      return;
    const old = this.#objects.set(kept);
    if (old !== undefined && old.metadata?.uid !== kept.metadata?.uid) {
      // Deleted and made again while nobody watched: two objects, not one that changed.
      for (const handler of this.#handlers) this.#guard(() => handler.delete?.(old));
      for (const handler of this.#handlers) this.#guard(() => handler.add?.(kept));
    } else if (old === undefined) for (const handler of this.#handlers) this.#guard(() => handler.add?.(kept));
    else for (const handler of this.#handlers) this.#guard(() => handler.update?.(old, kept));
  }

  #remove(key: string, last?: T): void {
    const old = this.#objects.delete(key);
    const object = last === undefined ? old : (this.#options.transform?.(last) ?? last);
    if (old === undefined || object === undefined) return;
    for (const handler of this.#handlers) this.#guard(() => handler.delete?.(object));
  }

  /** One handler's error is logged and keeps nothing from the others. */
  #guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#logger.error(
        { error: error instanceof Error ? (error.stack ?? error.message) : String(error) },
        "a handler failed",
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort(new Error("the informer was stopped"));
    await this.#running;
  }
}
