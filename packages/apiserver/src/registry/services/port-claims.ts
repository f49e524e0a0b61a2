import { newInternalError } from "@knots/machinery";
import type { KeyValue, Store } from "@knots/store";
import { storeFailure } from "../store-failure.ts";

/** Upstream's key: a RangeAllocation, which no API serves. */
const KEY = "/registry/ranges/servicenodeports";
/** Another server took a port in between; each time one of them succeeds. */
const TRIES = 100;
/** So often a port without a service is seen before it is given back: its service may be on its way (upstream's figure). */
const ROUNDS_BEFORE_RELEASE = 3;

/** Which node ports are taken, as one bitmap in the store that API servers change by compare-and-swap. */
export class PortClaims {
  readonly #store: Store;
  readonly #first: number;
  readonly #last: number;
  /** Ports without a service, by the number of repairs that found them so. */
  readonly #leaked = new Map<number, number>();
  /** The state this server saw last: a change starts from it, without asking first. */
  #seen: KeyValue | undefined;
  /** One change at a time: two of one server would only refuse each other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(store: Store, first: number, last: number) {
    this.#store = store;
    this.#first = first;
    this.#last = last;
  }

  /** False when it is taken. */
  claim(port: number): Promise<boolean> {
    return this.#change((bits) => !has(bits, port - this.#first) && set(bits, port - this.#first, true));
  }

  async release(port: number): Promise<void> {
    await this.#change((bits) => has(bits, port - this.#first) && set(bits, port - this.#first, false));
  }

  /** Marks what services have, and gives back what none had for several rounds. */
  async repair(held: ReadonlySet<number>): Promise<void> {
    this.#seen = await this.#store.get(KEY);
    const found = this.#read(this.#seen);
    for (let port = this.#first; port <= this.#last; port++) {
      if (!held.has(port) && has(found, port - this.#first)) this.#leaked.set(port, (this.#leaked.get(port) ?? 0) + 1);
      else this.#leaked.delete(port);
    }
    await this.#change((bits) => {
      let changed = false;
      for (const port of held) {
        if (port < this.#first || port > this.#last || has(bits, port - this.#first)) continue;
        changed = set(bits, port - this.#first, true);
      }
      for (const [port, rounds] of this.#leaked) {
        if (rounds >= ROUNDS_BEFORE_RELEASE) changed = set(bits, port - this.#first, false);
      }
      return changed;
    });
  }

  /** Applies `change` to the newest bitmap until the store takes it; false when there was nothing to change. */
  #change(change: (bits: Uint8Array) => boolean): Promise<boolean> {
    const done = this.#turn.then(() => this.#attempt(change));
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #attempt(change: (bits: Uint8Array) => boolean): Promise<boolean> {
    try {
      for (let tries = 0; tries < TRIES; tries++) {
        const bits = this.#read(this.#seen);
        if (!change(bits)) {
          // What was seen may be old: only the newest state may refuse.
          const newest = await this.#store.get(KEY);
          if (newest?.modRevision === this.#seen?.modRevision) return false;
          this.#seen = newest;
          continue;
        }
        const value = this.#write(bits);
        const from = this.#seen;
        const result = await this.#store.txn({
          compare: [{ key: KEY, modRevision: from?.modRevision ?? 0 }],
          then: [{ op: "put", key: KEY, value }],
        });
        if (result.succeeded) {
          const { revision } = result;
          this.#seen = { key: KEY, value, createRevision: 0, modRevision: revision, version: 0 };
          return true;
        }
        this.#seen = result.kvs[0];
      }
    } catch (error) {
      this.#seen = undefined;
      throw storeFailure(error);
    }
    throw newInternalError("the node ports are changed too often by others");
  }

  /** A copy of the bitmap; an empty one of another range, whose services the next repair marks. */
  #read(kv: KeyValue | undefined): Uint8Array {
    const bits = new Uint8Array(Math.ceil((this.#last - this.#first + 1) / 8));
    if (kv === undefined) return bits;
    const { range, data } = JSON.parse(new TextDecoder().decode(kv.value)) as { range?: string; data?: string };
    if (range === this.#range) bits.set(Buffer.from(data ?? "", "base64").subarray(0, bits.length));
    return bits;
  }

  #write(bits: Uint8Array): Uint8Array {
    const data = Buffer.from(bits).toString("base64");
    const allocation = { kind: "RangeAllocation", apiVersion: "v1", metadata: {}, range: this.#range, data };
    return new TextEncoder().encode(JSON.stringify(allocation));
  }

  get #range(): string {
    return `${this.#first}-${this.#last}`;
  }
}

function has(bits: Uint8Array, n: number): boolean {
  return ((bits[n >> 3] ?? 0) & (1 << (n & 7))) !== 0;
}

function set(bits: Uint8Array, n: number, on: boolean): true {
  const byte = bits[n >> 3] ?? 0;
  bits[n >> 3] = on ? byte | (1 << (n & 7)) : byte & ~(1 << (n & 7));
  return true;
}
