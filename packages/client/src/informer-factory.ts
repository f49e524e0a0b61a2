// Informers shared by all who watch the same thing.
import { nullLogger, RealClock, type Clock, type KubeObject, type Logger, type ResourceType } from "@knots/machinery";
import type { Client } from "./client.ts";
import { Informer, type InformerOptions } from "./informer.ts";

// oxlint-disable-next-line typescript/no-explicit-any -- informers of every type stand in one map; informer() gives each back as what it was made
type AnyInformer = Informer<any>;

export interface InformerFactoryOptions {
  clock?: Clock;
  logger?: Logger;
  /** Makes what is kept of the objects of every informer smaller that has no transform of its own. */
  transform?: <T extends KubeObject>(object: T) => T;
}

export class InformerFactory implements AsyncDisposable {
  readonly #client: Client;
  readonly #context: { clock: Clock; logger: Logger };
  readonly #informers = new Map<string, AnyInformer>();
  readonly #transform: InformerFactoryOptions["transform"];
  #started = false;

  constructor(client: Client, options: InformerFactoryOptions = {}) {
    this.#client = client;
    this.#transform = options.transform;
    this.#context = { clock: options.clock ?? new RealClock(), logger: options.logger ?? nullLogger };
  }

  /** The informer of a type and selection; indexers are added to the shared one. A transform belongs to who asks first. */
  informer<T extends KubeObject>(type: ResourceType<T>, options: InformerOptions<T> = {}): Informer<T> {
    const key = JSON.stringify([
      type.group,
      type.version,
      type.resource,
      options.namespace ?? "",
      options.labelSelector ?? "",
      options.fieldSelector ?? "",
    ]);
    const known = this.#informers.get(key) as Informer<T> | undefined;
    if (known !== undefined) {
      if (options.indexers !== undefined) known.addIndexers(options.indexers);
      return known;
    }
    const transform = this.#transform;
    const withDefault = transform === undefined ? options : { transform: (object: T) => transform(object), ...options };
    const informer = new Informer(this.#client, type, withDefault, this.#context);
    this.#informers.set(key, informer);
    if (this.#started) informer.start();
    return informer;
  }

  start(): void {
    this.#started = true;
    for (const informer of this.#informers.values()) informer.start();
  }

  async waitForSync(signal?: AbortSignal): Promise<void> {
    await Promise.all([...this.#informers.values()].map((informer: AnyInformer) => informer.waitForSync(signal)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#informers.values()].map((informer: AnyInformer) => informer[Symbol.asyncDispose]()));
  }
}
