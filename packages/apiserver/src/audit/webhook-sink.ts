import type { Clock, Logger } from "@knots/machinery";
import { API_VERSION } from "./types.ts";
import type { AuditEvent, EventSink } from "./types.ts";

const BACKOFF_FACTOR = 1.5;
/** Tries of one list before it is lost. */
const TRIES = 5;

/** Sends EventLists to a webhook; one that fails is asked again later. */
export class WebhookSink implements EventSink {
  readonly #send: (list: object) => Promise<unknown>;
  readonly #initialBackoffMs: number;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #stop = new AbortController();

  constructor(send: (list: object) => Promise<unknown>, initialBackoffMs: number, clock: Clock, logger: Logger) {
    this.#send = send;
    this.#initialBackoffMs = initialBackoffMs;
    this.#clock = clock;
    this.#logger = logger;
  }

  async store(events: readonly AuditEvent[]): Promise<boolean> {
    const list = { kind: "EventList", apiVersion: API_VERSION, metadata: {}, items: events };
    let backoff = this.#initialBackoffMs;
    for (let tries = 1; ; tries++) {
      try {
        await this.#send(list);
        return true;
      } catch (error) {
        if (tries >= TRIES || this.#stop.signal.aborted) {
          this.#logger.error({ err: error, events: events.length }, "audit events could not be sent to the webhook");
          return false;
        }
        await this.#clock.sleep(backoff, this.#stop.signal).catch(() => undefined);
        backoff *= BACKOFF_FACTOR;
      }
    }
  }

  /** The server stops: nobody waits any more for a webhook that fails. */
  stopping(): void {
    this.#stop.abort();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.stopping();
    return Promise.resolve();
  }
}
