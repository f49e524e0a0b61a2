import type { Clock, Logger } from "@knots/machinery";
import type { AuditBackend, AuditEvent, EventSink } from "./types.ts";

export interface BatchOptions {
  /** Events that wait at most; further ones are lost. */
  readonly bufferSize: number;
  readonly maxSize: number;
  readonly maxWaitMs: number;
  /** Batches a second; 0: no limit. */
  readonly throttleQps: number;
  readonly throttleBurst: number;
}

/** Upstream's figures for a webhook. */
export const WEBHOOK_BATCH: BatchOptions = {
  bufferSize: 10_000,
  maxSize: 400,
  maxWaitMs: 30_000,
  throttleQps: 10,
  throttleBurst: 15,
};

/** Events in batches: when enough have come together, or the first has waited long enough. */
export class BatchBackend implements AuditBackend {
  readonly #sink: EventSink;
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

  constructor(sink: EventSink, options: BatchOptions, clock: Clock, logger: Logger) {
    this.#sink = sink;
    this.#options = options;
    this.#clock = clock;
    this.#logger = logger;
    this.#tokens = options.throttleBurst;
    this.#refilled = clock.monotonic();
  }

  write(event: AuditEvent): undefined {
    if (this.#buffer.length + this.#undelivered >= this.#options.bufferSize) {
      if (this.#lost++ === 0) this.#logger.error("audit events are lost: the backend is too slow");
      return;
    }
    this.#buffer.push(event);
    if (this.#buffer.length >= this.#options.maxSize) this.#flush();
    else this.#timer ??= this.#clock.setTimeout(() => this.#flush(), this.#options.maxWaitMs);
  }

  /** Delivers what is left; a webhook that does not answer is not waited for. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#sink.stopping?.();
    this.#flush();
    await this.#sending;
    await this.#sink[Symbol.asyncDispose]();
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
      await this.#sink.store(batch);
      this.#undelivered -= batch.length;
      if (this.#lost > 0) this.#logger.error({ events: this.#lost }, "audit events were lost: the backend is too slow");
      this.#lost = 0;
    });
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
