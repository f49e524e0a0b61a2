import { Entry, rememberDecoded } from "../watch-cache/entry.ts";
import type { Cacher } from "../watch-cache/cacher.ts";
import { encodeStored } from "../watch-cache/stored-form.ts";
import type { Clock } from "@knots/machinery";
import type { Store, Txn, TxnResult } from "@knots/store";
import type { StoredObject } from "./metadata.ts";
import { storeFailure } from "./store-failure.ts";

/** Leases are shared by the objects of one minute, so that a burst of events does not make as many leases. */
const LEASE_REUSE_MS = 60_000;

/** Writes decoded objects to the store, and waits until readers see them: what is answered are the watch cache's bytes. */
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
    const lease = ttlSeconds === undefined ? undefined : await this.#lease(ttlSeconds);
    const value = encodeStored(object);
    rememberDecoded(value, object);
    const result = await this.#commit({
      compare: [{ key, modRevision: expected.modRevision }],
      // oxlint-disable-next-line unicorn/no-thenable -- the store's word, as etcd's: what to do when the comparison holds
      then: [{ op: "put", key, value, ...(lease === undefined ? {} : { lease }) }],
    });
    if (!result.succeeded) return undefined;
    object.metadata.resourceVersion = String(result.revision);
    const cached = this.#cacher.entry(key);
    if (cached?.revision === result.revision) {
      cached.adopt(object);
      return cached;
    }
    // Another write has come since, or nobody reads this resource yet.
    return Entry.fromStored(key, result.revision, expected.createRevision ?? result.revision, value);
  }

  /** Deletes the key if it is at `modRevision`; the revision of the deletion, or undefined when it is not. */
  async delete(key: string, modRevision: number): Promise<number | undefined> {
    // oxlint-disable-next-line unicorn/no-thenable -- as above
    const result = await this.#commit({ compare: [{ key, modRevision }], then: [{ op: "delete", key }] });
    return result.succeeded ? result.revision : undefined;
  }

  async #commit(txn: Txn): Promise<TxnResult> {
    let result: TxnResult;
    try {
      result = await this.#store.txn(txn);
    } catch (error) {
      throw storeFailure(error);
    }
    const wait = this.#cacher.waitFor(result.revision);
    if (wait !== undefined) await wait;
    return result;
  }

  #lease(ttlSeconds: number): Promise<number> {
    const now = this.#clock.now();
    const current = this.#leases.get(ttlSeconds);
    if (current !== undefined && current.until > now) return current.id;
    const id = this.#store.grantLease(ttlSeconds + LEASE_REUSE_MS / 1000).catch((error: unknown) => {
      throw storeFailure(error);
    });
    this.#leases.set(ttlSeconds, { id, until: now + LEASE_REUSE_MS });
    id.catch(() => this.#leases.delete(ttlSeconds));
    return id;
  }
}
