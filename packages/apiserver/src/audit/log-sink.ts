import type { Logger } from "@knots/machinery";
import { formatEvent } from "./log-format.ts";
import type { LogFormat } from "./log-format.ts";
import type { AuditEvent, EventSink } from "./types.ts";

/** Lines that wait for the disk at most; beyond that they are lost, and counted. */
const MAX_PENDING_BYTES = 64 * 1024 * 1024;

/** Takes text in order. */
export interface LineSink extends AsyncDisposable {
  append(text: string): Promise<void>;
}

/** Events as lines. What comes in one turn, or while the disk is busy, is written at once. */
export class LogSink implements EventSink {
  readonly #sink: LineSink;
  readonly #format: LogFormat;
  readonly #logger: Logger;
  #pending: string[] = [];
  #bytes = 0;
  #lost = 0;
  #writing: Promise<boolean> = Promise.resolve(true);
  /** The write that takes what is pending now. */
  #next: Promise<boolean> | undefined;

  constructor(sink: LineSink, format: LogFormat, logger: Logger) {
    this.#sink = sink;
    this.#format = format;
    this.#logger = logger;
  }

  store(events: readonly AuditEvent[]): Promise<boolean> {
    const text = events.map((event) => formatEvent(event, this.#format)).join("");
    if (this.#bytes + text.length > MAX_PENDING_BYTES) {
      this.#lost += events.length;
      return Promise.resolve(false);
    }
    this.#pending.push(text);
    this.#bytes += text.length;
    this.#next ??= this.#writing = this.#writing.then(() => this.#write());
    return this.#next;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing;
    await this.#sink[Symbol.asyncDispose]();
  }

  async #write(): Promise<boolean> {
    const text = this.#pending.join("");
    this.#pending = [];
    this.#bytes = 0;
    this.#next = undefined;
    if (this.#lost > 0) this.#logger.error({ events: this.#lost }, "audit events were lost: the log is too slow");
    this.#lost = 0;
    try {
      await this.#sink.append(text);
      return true;
    } catch (error) {
      this.#logger.error({ err: error }, "audit events could not be written to the log");
      return false;
    }
  }
}
