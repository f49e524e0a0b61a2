// One watch on etcd that outlives connections: it goes on at the revision after the last it told of.
import type { ClientDuplexStream } from "@grpc/grpc-js";
import type { Clock, Logger, Timer } from "@knots/machinery";
import * as pb from "../generated/etcd.ts";
import { CompactedError, type KeyValue, type StoreEvent, type WatchOptions } from "../store.ts";
import type { Connection } from "./connection.ts";
import { EVERY_KEY, type KeySpace } from "./key-space.ts";

const RETRY_MS = 100;
const MAX_RETRY_MS = 2_000;

export interface WatchDependencies {
  readonly connection: Connection;
  readonly keys: KeySpace;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Watches every key and tells of those with the prefix; of other revisions it says that they passed. So a reader who
 * waits for the revision that etcd reports is always released by the events themselves. Progress notifications would
 * do the same for less, but before etcd 3.4.25 and 3.5.8 they may overtake events that they claim to follow.
 */
export class EtcdWatch implements Disposable {
  readonly #prefix: string;
  readonly #options: WatchOptions;
  readonly #deps: WatchDependencies;
  #next: number;
  #stream: ClientDuplexStream<pb.WatchRequest, pb.WatchResponse> | undefined;
  /** Events of a response that etcd sends in fragments. */
  #fragments: pb.Event[] = [];
  #retryMs = RETRY_MS;
  #timer: Timer | undefined;
  #closed = false;

  constructor(prefix: string, options: WatchOptions, deps: WatchDependencies) {
    this.#prefix = prefix;
    this.#options = options;
    this.#deps = deps;
    this.#next = options.startRevision;
    if (options.signal?.aborted === true) {
      this.#closed = true;
      return;
    }
    options.signal?.addEventListener("abort", () => this[Symbol.dispose](), { once: true });
    this.#open();
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#stream?.cancel();
    this.#stream = undefined;
  }

  #open(): void {
    const { stream, member } = this.#deps.connection.stream(pb.WatchService.watch);
    this.#stream = stream;
    this.#fragments = [];
    const current = (): boolean => !this.#closed && this.#stream === stream;
    const broke = (reason: string): void => {
      if (!current()) return;
      this.#stream = undefined;
      stream.cancel();
      this.#deps.connection.leave(member);
      this.#deps.logger.warn(
        { reason, revision: this.#next },
        "the watch on etcd broke; it goes on with the next member",
      );
      this.#timer = this.#deps.clock.setTimeout(() => this.#open(), this.#retryMs);
      this.#retryMs = Math.min(2 * this.#retryMs, MAX_RETRY_MS);
    };
    stream.on("data", (response: pb.WatchResponse) => {
      if (!current()) return;
      if (response.canceled) {
        if (response.compactRevision > 0) this.#fail(new CompactedError(response.compactRevision));
        else broke(response.cancelReason);
        return;
      }
      this.#retryMs = RETRY_MS;
      this.#take(response);
    });
    // A stream without a listener for its error would end the process, also after it was cancelled.
    stream.on("error", (error: Error) => broke(error.message));
    stream.on("end", () => broke("the member ended it"));
    stream.write({
      requestUnion: {
        $case: "createRequest",
        value: {
          ...EVERY_KEY,
          startRevision: this.#next,
          prevKv: this.#options.previous === true,
          fragment: true,
        },
      },
    });
  }

  #take(response: pb.WatchResponse): void {
    let { events } = response;
    if (response.fragment || this.#fragments.length > 0) {
      for (const event of events) this.#fragments.push(event);
      if (response.fragment) return;
      events = this.#fragments;
      this.#fragments = [];
    }
    try {
      for (let i = 0; i < events.length && !this.#closed;) {
        const revision = events[i]?.kv?.modRevision ?? 0;
        const own: StoreEvent[] = [];
        for (; i < events.length && events[i]?.kv?.modRevision === revision; i++) {
          const event = this.#decode(events[i]);
          if (event !== undefined) own.push(event);
        }
        // A member that lags behind the last one may tell of a revision again.
        if (revision < this.#next) continue;
        this.#next = revision + 1;
        if (own.length > 0) this.#options.onEvents(own, revision);
        else this.#options.onProgress?.(revision);
      }
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #decode(event: pb.Event | undefined): StoreEvent | undefined {
    if (event?.kv === undefined) return undefined;
    const kv = decodeKeyValue(event.kv, this.#deps.keys);
    if (kv === undefined || !kv.key.startsWith(this.#prefix)) return undefined;
    const prev = event.prevKv === undefined ? undefined : decodeKeyValue(event.prevKv, this.#deps.keys);
    return {
      type: event.type === pb.Event_EventType.DELETE ? "delete" : "put",
      kv,
      ...(prev === undefined ? {} : { prev }),
    };
  }

  #fail(error: Error): void {
    this[Symbol.dispose]();
    this.#options.onError(error);
  }
}

/** Undefined when the key is somebody else's. */
export function decodeKeyValue(kv: pb.KeyValue, keys: KeySpace): KeyValue | undefined {
  const key = keys.decode(kv.key);
  if (key === undefined) return undefined;
  const { value, createRevision, modRevision, version } = kv;
  return { key, value, createRevision, modRevision, version };
}
