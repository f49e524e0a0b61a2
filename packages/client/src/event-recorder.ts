// Events: what a component tells people about an object. Repeated ones are counted, floods are held back (client-go's correlator).
import {
  formatTime,
  isAlreadyExists,
  isNotFound,
  type Clock,
  type KubeObject,
  type Logger,
  type ResourceType,
} from "@knots/machinery";
import type { Client } from "./client.ts";

interface ObjectReference {
  apiVersion?: string;
  kind?: string;
  namespace?: string;
  name?: string;
  uid?: string;
  resourceVersion?: string;
  fieldPath?: string;
}

interface CoreEvent extends KubeObject {
  involvedObject: ObjectReference;
  reason: string;
  message: string;
  type: string;
  count: number;
  firstTimestamp: string;
  lastTimestamp: string;
  source: { component: string; host?: string };
  reportingComponent: string;
  reportingInstance: string;
}

const EVENTS: ResourceType<CoreEvent> = {
  group: "",
  version: "v1",
  resource: "events",
  kind: "Event",
  namespaced: true,
};

/** A source may tell this much of one object at once, and then one event in five minutes. */
const BURST = 25;
const REFILL_MS = 300_000;
/** Ten events alike but for the message within ten minutes become one. */
const SIMILAR = 10;
const SIMILAR_MS = 600_000;
const KNOWN_LIMIT = 4096;
/** Events that wait to be written; more are dropped (client-go's maxQueuedEvents): telling must not hold up or outlast doing. */
const MAX_QUEUED = 1000;

interface Known {
  namespace: string;
  name: string;
  count: number;
}

interface Bucket {
  tokens: number;
  filled: number;
}

interface Similar {
  readonly messages: Set<string>;
  last: number;
}

/** Keeps the newest entries of a map that only serves to save work. */
function bounded<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > KNOWN_LIMIT) {
    const oldest = map.keys().next().value;
    if (oldest !== undefined) map.delete(oldest);
  }
}

function isReference(object: KubeObject | ObjectReference): object is ObjectReference {
  return !("metadata" in object);
}

export class EventRecorder implements AsyncDisposable {
  readonly #client: Client;
  readonly #component: string;
  readonly #host: string | undefined;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #known = new Map<string, Known>();
  readonly #buckets = new Map<string, Bucket>();
  readonly #similar = new Map<string, Similar>();
  #work: Promise<void> = Promise.resolve();
  #queued = 0;

  constructor(options: { client: Client; component: string; host?: string; clock: Clock; logger: Logger }) {
    this.#client = options.client;
    this.#component = options.component;
    this.#host = options.host;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  /** Tells an event; returns at once, what is written is written in order. */
  event(object: KubeObject | ObjectReference, type: "Normal" | "Warning", reason: string, message: string): void {
    const reference = isReference(object)
      ? object
      : {
          apiVersion: object.apiVersion,
          kind: object.kind,
          namespace: object.metadata?.namespace,
          name: object.metadata?.name,
          uid: object.metadata?.uid,
          resourceVersion: object.metadata?.resourceVersion,
        };
    const involved = Object.fromEntries(
      Object.entries(reference).filter(([, value]) => value !== undefined),
    ) as ObjectReference;
    const about = [this.#component, this.#host, involved.kind, involved.namespace, involved.name, involved.uid].join(
      "\0",
    );
    if (!this.#admit(about)) return;
    const text = this.#aggregate(`${about}\0${type}\0${reason}`, message);
    if (this.#queued >= MAX_QUEUED) {
      this.#logger.debug({ reason, name: involved.name }, "event dropped: too many wait to be written");
      return;
    }
    this.#queued++;
    this.#work = this.#work.then(async () => {
      await this.#write(about, involved, type, reason, text);
      this.#queued--;
    });
  }

  #admit(about: string): boolean {
    const now = this.#clock.monotonic();
    const bucket = this.#buckets.get(about) ?? { tokens: BURST, filled: now };
    const refilled = Math.floor((now - bucket.filled) / REFILL_MS);
    const tokens = Math.min(BURST, bucket.tokens + refilled);
    const filled = tokens === BURST ? now : bucket.filled + refilled * REFILL_MS;
    bounded(this.#buckets, about, { tokens: Math.max(tokens - 1, 0), filled });
    return tokens > 0;
  }

  #aggregate(key: string, message: string): string {
    const now = this.#clock.monotonic();
    let similar = this.#similar.get(key);
    if (similar === undefined || now - similar.last > SIMILAR_MS) similar = { messages: new Set(), last: now };
    similar.messages.add(message);
    similar.last = now;
    bounded(this.#similar, key, similar);
    return similar.messages.size > SIMILAR ? `(combined from similar events): ${message}` : message;
  }

  async #write(about: string, involved: ObjectReference, type: string, reason: string, message: string): Promise<void> {
    const combined = message.startsWith("(combined from similar events): ");
    const key = [about, type, reason, combined ? "" : message].join("\0");
    const now = this.#clock.now();
    try {
      const known = this.#known.get(key);
      if (known !== undefined && (await this.#countUp(known, message, now))) return;
      await this.#create(key, involved, type, reason, message, now);
    } catch (error) {
      // An event is a courtesy: what it tells of goes on without it.
      this.#logger.debug(
        { reason, error: error instanceof Error ? error.message : String(error) },
        "event not written",
      );
    }
  }

  /** False when the event is gone, an hour old perhaps. */
  async #countUp(known: Known, message: string, now: number): Promise<boolean> {
    try {
      await this.#client
        .resource(EVENTS, known.namespace)
        .patch(
          known.name,
          { count: known.count + 1, lastTimestamp: formatTime(new Date(now)), message },
          { type: "strategic" },
        );
      known.count++;
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  async #create(
    key: string,
    involved: ObjectReference,
    type: string,
    reason: string,
    message: string,
    now: number,
  ): Promise<void> {
    const namespace = involved.namespace === undefined || involved.namespace === "" ? "default" : involved.namespace;
    const time = formatTime(new Date(now));
    // As upstream: the object's name and the time in nanoseconds, in hexadecimal.
    const unique = (BigInt(now) * 1_000_000n + BigInt(Math.floor(Math.random() * 1_000_000))).toString(16);
    const name = `${involved.name ?? "unknown"}.${unique}`;
    const source = { component: this.#component, ...(this.#host === undefined ? {} : { host: this.#host }) };
    try {
      await this.#client.resource(EVENTS, namespace).create({
        metadata: { name, namespace },
        involvedObject: involved,
        reason,
        message,
        type,
        count: 1,
        firstTimestamp: time,
        lastTimestamp: time,
        source,
        reportingComponent: this.#component,
        reportingInstance: this.#host ?? "",
      });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
    bounded(this.#known, key, { namespace, name, count: 1 });
  }

  /** Resolves when everything told so far was written or given up. */
  async flush(): Promise<void> {
    await this.#work;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.flush();
  }
}
