import type { RequestContext } from "../types.ts";
import type { FanOut } from "./fan-out.ts";
import { writeFrames } from "./shared-frames.ts";

/** Where the frames of a watch go. */
export interface WatchTransport {
  /** Sends the headers at once, before there is any event. */
  open(): void;
  send(frame: Uint8Array): void;
  /** Ends the stream after what has been sent. */
  close(): void;
  /** Resolves when the client has gone, `signal` is aborted or close() was called. */
  closed(signal: AbortSignal): Promise<void>;
}

/** A watcher that has this much unread is cut off: it must not hold the server's memory. */
const MAX_BACKLOG_BYTES = 32 * 1024 * 1024;

/** A watch as a chunked body. Frames of one round of the fan-out are written together. */
export class HttpWatchTransport implements WatchTransport {
  readonly #ctx: RequestContext;
  readonly #fanOut: FanOut;
  readonly #contentType: string;
  readonly #flushed = (): void => this.#flush();
  #queue: Uint8Array[] = [];
  #scheduled = false;
  #ended = false;
  #resolveClosed: () => void = () => undefined;
  readonly #closed: Promise<void>;

  constructor(ctx: RequestContext, fanOut: FanOut, contentType: string) {
    this.#ctx = ctx;
    this.#fanOut = fanOut;
    this.#contentType = contentType;
    this.#closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  open(): void {
    const { response } = this.#ctx;
    response.writeHead(200, { "content-type": this.#contentType, "cache-control": "no-cache, private" });
    response.flushHeaders();
    response.once("close", () => {
      this.#ended = true;
      this.#queue = [];
      this.#resolveClosed();
    });
  }

  send(frame: Uint8Array): void {
    if (this.#ended) return;
    this.#queue.push(frame);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#fanOut.schedule(this.#flushed);
  }

  close(): void {
    if (this.#ended) return;
    this.#flush();
    this.#ended = true;
    this.#ctx.response.end();
    this.#resolveClosed();
  }

  async closed(signal: AbortSignal): Promise<void> {
    const stop = (): void => this.close();
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    await this.#closed;
    signal.removeEventListener("abort", stop);
  }

  #flush(): void {
    this.#scheduled = false;
    const { response } = this.#ctx;
    if (this.#ended || this.#queue.length === 0) return;
    const frames = this.#queue;
    this.#queue = [];
    writeFrames(this.#ctx, frames);
    if (response.writableLength > MAX_BACKLOG_BYTES) {
      this.#ended = true;
      response.destroy();
      this.#resolveClosed();
    }
  }
}
