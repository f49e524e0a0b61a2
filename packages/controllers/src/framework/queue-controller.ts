import { runWorkers } from "@knots/client";
import type { WorkQueue } from "@knots/client";
import { isConflict, namespacedName } from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import type { Controller, ControllerContext } from "./types.ts";

/** Ms until a key is tried again whose object somebody else wrote at the same time. */
const CONFLICT_DELAY = 100;

export interface QueueControllerOptions {
  readonly name: string;
  readonly ctx: Pick<ControllerContext, "clock" | "logger" | "queues">;
  readonly workers: number;
  /** Level-triggered: brings the world one step nearer to what the object of that key asks for. Throwing retries with back-off. */
  reconcile(key: string): Promise<void | { requeueAfterMs: number }>;
  /** Upstream's per-queue bounds of the back-off, where they differ from 5 ms … 1000 s. */
  readonly baseDelayMs?: number;
  readonly maxDelayMs?: number;
}

/** A controller that is one keyed queue, its workers, and the subscriptions that feed it. */
export class QueueController implements Controller {
  readonly name: string;
  readonly queue: WorkQueue;
  readonly #options: QueueControllerOptions;
  readonly #owned: Disposable[] = [];
  readonly #abort = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: QueueControllerOptions) {
    this.name = options.name;
    this.#options = options;
    this.queue = options.ctx.queues.queue({
      clock: options.ctx.clock,
      name: options.name,
      ...(options.baseDelayMs === undefined ? {} : { baseDelayMs: options.baseDelayMs }),
      ...(options.maxDelayMs === undefined ? {} : { maxDelayMs: options.maxDelayMs }),
    });
  }

  /** Disposes `subscription` together with the controller. */
  own(subscription: Disposable): void {
    this.#owned.push(subscription);
  }

  enqueue(object: KubeObject): void {
    this.queue.add(namespacedName(object));
  }

  enqueueAfter(object: KubeObject, delayMs: number): void {
    this.queue.addAfter(namespacedName(object), delayMs);
  }

  start(): void {
    if (this.#running !== undefined) throw new Error(`controller ${this.name} was started twice`);
    this.#running = runWorkers(this.queue, {
      workers: this.#options.workers,
      reconcile: (key) => this.#reconcile(key),
      logger: this.#options.ctx.logger,
      signal: this.#abort.signal,
    });
  }

  async #reconcile(key: string): Promise<void | { requeueAfterMs: number }> {
    try {
      return await this.#options.reconcile(key);
    } catch (error) {
      if (!isConflict(error)) throw error;
      // Somebody else wrote in between. Their event is on its way; no failure worth a back-off or a line in the log.
      return { requeueAfterMs: CONFLICT_DELAY };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const subscription of this.#owned.splice(0)) subscription[Symbol.dispose]();
    this.#abort.abort();
    this.queue.shutDown();
    await this.#running;
  }
}
