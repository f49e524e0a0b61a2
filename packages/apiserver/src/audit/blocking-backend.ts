import type { AuditBackend, AuditEvent, EventSink } from "./types.ts";

/** Each event on its own, and the request waits for it; `strict`: and fails when it could not be kept. */
export class BlockingBackend implements AuditBackend {
  readonly #sink: EventSink;
  readonly #strict: boolean;
  readonly #pending = new Set<Promise<boolean>>();

  constructor(sink: EventSink, strict: boolean) {
    this.#sink = sink;
    this.#strict = strict;
  }

  write(event: AuditEvent): Promise<boolean> {
    const stored = this.#sink.store([event]).then((kept) => kept || !this.#strict);
    this.#pending.add(stored);
    void stored.finally(() => this.#pending.delete(stored));
    return stored;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sink.stopping?.();
    await Promise.all(this.#pending);
    await this.#sink[Symbol.asyncDispose]();
  }
}
