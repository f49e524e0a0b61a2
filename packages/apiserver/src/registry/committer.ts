import { Entry } from "../watch-cache/entry.ts";
import type { Cacher } from "../watch-cache/cacher.ts";
import { encodeStored } from "../watch-cache/stored-form.ts";
import type { Clock } from "@knots/machinery";
import type { Store, Submitted, Txn, TxnResult } from "@knots/store";
import type { StoredObject } from "./metadata.ts";
import { storeFailure } from "./store-failure.ts";

/** Leases are shared by the objects of one minute, so that a burst of events does not make as many leases. */
const LEASE_REUSE_MS = 60_000;

/** A state that was decided and that no reader sees yet. */
interface Ahead {
  readonly entry: Entry;
  /** Settles when readers see it, or when it was lost. */
  readonly visible: Promise<void>;
}

/** Writes decoded objects to the store, and waits until readers see them: what is answered are the watch cache's bytes. */
export class Committer {
  readonly #store: Store;
  readonly #cacher: Cacher;
  readonly #clock: Clock;
  readonly #ahead = new Map<string, Ahead>();
  readonly #leases = new Map<number, { id: Promise<number>; until: number }>();

  constructor(store: Store, cacher: Cacher, clock: Clock) {
    this.#store = store;
    this.#cacher = cacher;
    this.#clock = clock;
  }

  /**
   * Puts `object` if the key's modRevision is `expected` (0 = must not exist). Returns undefined when it is not;
   * readers then see at least the state that was in the way. `decided` is called when the next writer of the key can
   * start from `current`, before this one is durable.
   */
  async put(
    key: string,
    object: StoredObject,
    expected: { modRevision: number; createRevision?: number },
    options: { ttlSeconds?: number | undefined; decided?: (() => void) | undefined } = {},
  ): Promise<Entry | undefined> {
    const { ttlSeconds, decided } = options;
    const lease = ttlSeconds === undefined ? undefined : await this.#lease(ttlSeconds);
    const value = encodeStored(object);
    const txn: Txn = {
      compare: [{ key, modRevision: expected.modRevision }],
      // oxlint-disable-next-line unicorn/no-thenable -- the store's word, as etcd's: what to do when the comparison holds
      then: [{ op: "put", key, value, ...(lease === undefined ? {} : { lease }) }],
    };
    const submitted = this.#submit(txn);
    if (submitted?.result.succeeded === true) {
      const { revision } = submitted.result;
      const entry = Entry.written(key, revision, expected.createRevision ?? revision, value, object);
      const visible = this.#visible(submitted);
      this.#ahead.set(key, { entry, visible });
      decided?.();
      try {
        await visible;
      } finally {
        if (this.#ahead.get(key)?.entry === entry) this.#ahead.delete(key);
      }
      return entry;
    }
    const result = submitted === undefined ? await this.#commit(txn) : await this.#refused(submitted);
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

  /** The newest decided state of a key, where readers do not see it yet: writers start from it. */
  current(key: string): Entry | undefined {
    return this.#ahead.get(key)?.entry;
  }

  /** Resolves when readers see a state that `current` gave. */
  async seen(key: string, entry: Entry): Promise<void> {
    const ahead = this.#ahead.get(key);
    if (ahead?.entry === entry) await ahead.visible;
  }

  /** Deletes the key if it is at `modRevision`; the revision of the deletion, or undefined when it is not. */
  async delete(key: string, modRevision: number): Promise<number | undefined> {
    // oxlint-disable-next-line unicorn/no-thenable -- as above
    const result = await this.#commit({ compare: [{ key, modRevision }], then: [{ op: "delete", key }] });
    return result.succeeded ? result.revision : undefined;
  }

  /** Undefined where the engine has to ask a server. */
  #submit(txn: Txn): Submitted | undefined {
    try {
      return this.#store.submit?.(txn);
    } catch (error) {
      throw storeFailure(error);
    }
  }

  async #visible({ result, durable }: Submitted): Promise<void> {
    try {
      await durable;
    } catch (error) {
      throw storeFailure(error);
    }
    await this.#cacher.waitFor(result.revision);
  }

  async #refused(submitted: Submitted): Promise<TxnResult> {
    await this.#visible(submitted);
    return submitted.result;
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
