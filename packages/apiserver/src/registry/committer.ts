import { Entry, encodeObject, rememberDecoded } from "../watch-cache/entry.ts";
import type { Cacher } from "../watch-cache/cacher.ts";
import type { Clock } from "@knots/machinery";
import type { Store, TxnResult } from "@knots/store";
import type { StoredObject } from "./metadata.ts";

/** Leases are shared by the objects of one minute, so that a burst of events does not make as many leases. */
const LEASE_REUSE_MS = 60_000;

/** Writes decoded objects to the store: encodes them once with the revision in place, waits until readers see them. */
export class Committer {
  readonly #store: Store;
  readonly #cacher: Cacher;
  readonly #clock: Clock;
  readonly #leases = new Map<number, { id: Promise<number>; until: number }>();

  constructor(store: Store, cacher: Cacher, clock: Clock) {
    this.#store = store;
    this.#cacher = cacher;
    this.#clock = clock;
  }

  /**
   * Puts `object` if the key's modRevision is `expected` (0 = must not exist). Returns undefined when it is not;
   * readers then see at least the state that was in the way.
   */
  async put(
    key: string,
    object: StoredObject,
    expected: { modRevision: number; createRevision?: number },
    ttlSeconds?: number,
  ): Promise<Entry | undefined> {
    let bytes: Uint8Array | undefined;
    const lease = ttlSeconds === undefined ? undefined : await this.#lease(ttlSeconds);
    const value = (revision: number): Uint8Array => {
      object.metadata.resourceVersion = String(revision);
      bytes = encodeObject(object);
      rememberDecoded(bytes, object);
      return bytes;
    };
    const result = await this.#store.txn({
      compare: [{ key, modRevision: expected.modRevision }],
      // oxlint-disable-next-line unicorn/no-thenable -- the store's word, as etcd's: what to do when the comparison holds
      then: [{ op: "put", key, value, ...(lease === undefined ? {} : { lease }) }],
    });
    await this.#visible(result);
    if (!result.succeeded || bytes === undefined) return undefined;
    return new Entry(key, result.revision, expected.createRevision ?? result.revision, bytes, object);
  }

  /** Deletes the key if it is at `modRevision`; the revision of the deletion, or undefined when it is not. */
  async delete(key: string, modRevision: number): Promise<number | undefined> {
    // oxlint-disable-next-line unicorn/no-thenable -- as above
    const result = await this.#store.txn({ compare: [{ key, modRevision }], then: [{ op: "delete", key }] });
    await this.#visible(result);
    return result.succeeded ? result.revision : undefined;
  }

  async #visible(result: TxnResult): Promise<void> {
    const wait = this.#cacher.waitFor(result.revision);
    if (wait !== undefined) await wait;
  }

  #lease(ttlSeconds: number): Promise<number> {
    const now = this.#clock.now();
    const current = this.#leases.get(ttlSeconds);
    if (current !== undefined && current.until > now) return current.id;
    const id = this.#store.grantLease(ttlSeconds + LEASE_REUSE_MS / 1000);
    this.#leases.set(ttlSeconds, { id, until: now + LEASE_REUSE_MS });
    id.catch(() => this.#leases.delete(ttlSeconds));
    return id;
  }
}
