// Which API servers there are: an address each under /registry/masterleases/, which the store forgets when it is not renewed.
import type { Store } from "@knots/store";

/** Upstream's key. */
const PREFIX = "/registry/masterleases/";
/** Upstream's figures: renewed every ten seconds, forgotten after fifteen. */
const TTL_SECONDS = 15;

export interface ServerLeases {
  /** Says, for the next seconds, that a server has this address. */
  renew(address: string): Promise<void>;
  remove(address: string): Promise<void>;
  list(): Promise<string[]>;
}

/** The leases of servers that share a store. */
export class StoredServerLeases implements ServerLeases {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async renew(address: string): Promise<void> {
    // The key goes over to the new lease; the former one ends by itself.
    const lease = await this.#store.grantLease(TTL_SECONDS);
    const key = PREFIX + address;
    const endpoints = {
      kind: "Endpoints",
      apiVersion: "v1",
      metadata: { name: address },
      subsets: [{ addresses: [{ ip: address }] }],
    };
    const value = new TextEncoder().encode(JSON.stringify(endpoints));
    await this.#store.txn({ compare: [], then: [{ op: "put", key, value, lease }] });
  }

  async remove(address: string): Promise<void> {
    await this.#store.txn({ compare: [], then: [{ op: "delete", key: PREFIX + address }] });
  }

  async list(): Promise<string[]> {
    const { kvs } = await this.#store.range(PREFIX);
    return kvs.map(({ key }) => key.slice(PREFIX.length));
  }
}

/** A server with a store to itself is the only one. */
export class OnlyServer implements ServerLeases {
  #address: string | undefined;

  renew(address: string): Promise<void> {
    this.#address = address;
    return Promise.resolve();
  }

  remove(): Promise<void> {
    // Its address stays: nobody is left to answer, and the next start takes it over.
    return Promise.resolve();
  }

  list(): Promise<string[]> {
    return Promise.resolve(this.#address === undefined ? [] : [this.#address]);
  }
}
