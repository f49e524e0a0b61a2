import type { Logger } from "@knots/machinery";
import { formatEvent } from "./log-format.ts";
import type { LogFormat } from "./log-format.ts";
import type { AuditBackend, AuditEvent } from "./types.ts";

/** Lines that wait for the disk at most; beyond that they are lost, and counted. */
const MAX_PENDING_BYTES = 64 * 1024 * 1024;

/** Takes text in order. */
export interface LineSink extends AsyncDisposable {
  append(text: string): Promise<void>;
}

/** Events as lines. What comes in one turn, or while the disk is busy, is written at once. */
export class LogBackend implements AuditBackend {
  readonly #sink: LineSink;
  readonly #format: LogFormat;
  readonly #logger: Logger;
  #pending: string[] = [];
  #bytes = 0;
  #lost = 0;
  #writing: Promise<void> | undefined;

  constructor(sink: LineSink, format: LogFormat, logger: Logger) {
    this.#sink = sink;
    this.#format = format;
    this.#logger = logger;
  }

  write(event: AuditEvent): void {
    const line = formatEvent(event, this.#format);
    if (this.#bytes + line.length > MAX_PENDING_BYTES) {
      this.#lost++;
      return;
    }
    this.#pending.push(line);
    this.#bytes += line.length;
    this.#writing ??= this.#run().finally(() => {
      this.#writing = undefined;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing;
    await this.#sink[Symbol.asyncDispose]();
  }

  async #run(): Promise<void> {
    while (this.#pending.length > 0) {
      await Promise.resolve();
      const text = this.#pending.join("");
      this.#pending = [];
      this.#bytes = 0;
      try {
        await this.#sink.append(text);
      } catch (error) {
        this.#logger.error({ err: error }, "audit events could not be written to the log");
      }
      if (this.#lost > 0) this.#logger.error({ events: this.#lost }, "audit events were lost: the log is too slow");
      this.#lost = 0;
    }
  }
}
