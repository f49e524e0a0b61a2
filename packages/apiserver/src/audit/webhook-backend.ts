import type { Clock, Logger } from "@knots/machinery";
import { API_VERSION } from "./types.ts";
import type { AuditBackend, AuditEvent } from "./types.ts";

export interface BatchOptions {
  /** Events that wait at most; further ones are lost. */
  readonly bufferSize: number;
  readonly maxSize: number;
  readonly maxWaitMs: number;
  /** Batches a second; 0: no limit. */
  readonly throttleQps: number;
  readonly throttleBurst: number;
  readonly initialBackoffMs: number;
}

export const DEFAULT_BATCH: BatchOptions = {
  bufferSize: 10_000,
  maxSize: 400,
  maxWaitMs: 30_000,
  throttleQps: 10,
  throttleBurst: 15,
  initialBackoffMs: 10_000,
};

const BACKOFF_FACTOR = 1.5;
/** Tries of one batch before it is lost. */
const TRIES = 5;

/** Sends EventLists to a webhook, in batches: when enough have come together, or the first has waited long enough. */
export class WebhookBackend implements AuditBackend {
  readonly #send: (list: object) => Promise<unknown>;
  readonly #options: BatchOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #stop = new AbortController();
  #buffer: AuditEvent[] = [];
  /** Events of batches that are not delivered yet. */
  #undelivered = 0;
  #timer: { cancel(): void } | undefined;
  #sending: Promise<void> = Promise.resolve();
  #lost = 0;
  #tokens: number;
  #refilled: number;

  constructor(send: (list: object) => Promise<unknown>, options: BatchOptions, clock: Clock, logger: Logger) {
    this.#send = send;
    this.#options = options;
    this.#clock = clock;
    this.#logger = logger;
    this.#tokens = options.throttleBurst;
    this.#refilled = clock.monotonic();
  }

  write(event: AuditEvent): void {
    if (this.#buffer.length + this.#undelivered >= this.#options.bufferSize) {
      if (this.#lost++ === 0) this.#logger.error("audit events are lost: the webhook is too slow");
      return;
    }
    this.#buffer.push(event);
    if (this.#buffer.length >= this.#options.maxSize) this.#flush();
    else this.#timer ??= this.#clock.setTimeout(() => this.#flush(), this.#options.maxWaitMs);
  }

  /** Sends what is left; a webhook that does not answer is not waited for. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#flush();
    await this.#sending;
  }

  /** One batch after another; their events count against the buffer until they are delivered. */
  #flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const batch = this.#buffer;
    this.#buffer = [];
    if (batch.length === 0) return;
    this.#undelivered += batch.length;
    this.#sending = this.#sending.then(async () => {
      await this.#throttle();
      await this.#deliver(batch);
      this.#undelivered -= batch.length;
      if (this.#lost > 0) this.#logger.error({ events: this.#lost }, "audit events were lost: the webhook is too slow");
      this.#lost = 0;
    });
  }

  async #deliver(batch: readonly AuditEvent[]): Promise<void> {
    const list = { kind: "EventList", apiVersion: API_VERSION, metadata: {}, items: batch };
    let backoff = this.#options.initialBackoffMs;
    for (let tries = 1; ; tries++) {
      try {
        await this.#send(list);
        return;
      } catch (error) {
        if (tries >= TRIES || this.#stop.signal.aborted) {
          this.#logger.error({ err: error, events: batch.length }, "audit events could not be sent to the webhook");
          return;
        }
        await this.#clock.sleep(backoff, this.#stop.signal).catch(() => undefined);
        backoff *= BACKOFF_FACTOR;
      }
    }
  }

  async #throttle(): Promise<void> {
    const { throttleQps, throttleBurst } = this.#options;
    if (throttleQps <= 0) return;
    const now = this.#clock.monotonic();
    this.#tokens = Math.min(throttleBurst, this.#tokens + ((now - this.#refilled) / 1000) * throttleQps);
    this.#refilled = now;
    this.#tokens--;
    if (this.#tokens >= 0) return;
    await this.#clock.sleep((-this.#tokens / throttleQps) * 1000, this.#stop.signal).catch(() => undefined);
  }
}
