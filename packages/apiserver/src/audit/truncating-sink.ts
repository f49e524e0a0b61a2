import type { Logger } from "@knots/machinery";
import type { AuditEvent, EventSink } from "./types.ts";

export interface TruncateOptions {
  /** Bytes of one event; a larger one loses its objects, and is lost itself where that is not enough. */
  readonly maxEventSize: number;
  /** Bytes of what is stored at once. */
  readonly maxBatchSize: number;
}

/** Upstream's figures. */
export const DEFAULT_TRUNCATION: TruncateOptions = { maxEventSize: 100 * 1024, maxBatchSize: 10 * 1024 * 1024 };

const TRUNCATED = "audit.k8s.io/truncated";

/** Events as they fit, in lists that fit; those that do not even without their objects apart. Pure. */
export function fitting(
  events: readonly AuditEvent[],
  { maxEventSize, maxBatchSize }: TruncateOptions,
): { batches: AuditEvent[][]; tooLarge: AuditEvent[] } {
  const batches: AuditEvent[][] = [];
  const tooLarge: AuditEvent[] = [];
  let size = 0;
  for (const event of events) {
    let fits = event;
    let bytes = sizeOf(event);
    if (bytes > maxEventSize && (event.level === "Request" || event.level === "RequestResponse")) {
      fits = withoutObjects(event);
      bytes = sizeOf(fits);
    }
    if (bytes > maxEventSize) {
      tooLarge.push(event);
      continue;
    }
    const last = batches.at(-1);
    if (last === undefined || size + bytes > maxBatchSize) {
      batches.push([fits]);
      size = bytes;
    } else {
      last.push(fits);
      size += bytes;
    }
  }
  return { batches, tooLarge };
}

function sizeOf(event: AuditEvent): number {
  return Buffer.byteLength(JSON.stringify(event));
}

function withoutObjects(event: AuditEvent): AuditEvent {
  const { requestObject: _request, responseObject: _response, ...rest } = event;
  return { ...rest, annotations: { ...event.annotations, [TRUNCATED]: "true" } };
}

/** Keeps what goes to a sink within sizes (--audit-*-truncate-enabled). */
export class TruncatingSink implements EventSink {
  readonly #sink: EventSink;
  readonly #options: TruncateOptions;
  readonly #logger: Logger;

  constructor(sink: EventSink, options: TruncateOptions, logger: Logger) {
    this.#sink = sink;
    this.#options = options;
    this.#logger = logger;
  }

  async store(events: readonly AuditEvent[]): Promise<boolean> {
    const { batches, tooLarge } = fitting(events, this.#options);
    for (const { auditID, stage } of tooLarge)
      this.#logger.error({ auditID, stage }, "event is too large even after truncating");
    let stored = tooLarge.length === 0;
    for (const batch of batches) stored = (await this.#sink.store(batch)) && stored;
    return stored;
  }

  stopping(): void {
    this.#sink.stopping?.();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.#sink[Symbol.asyncDispose]());
  }
}
