// Which store the suite runs on: KNOTS_TEST_STORE, which vitest's projects set.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLmdbStore, openMemoryStore } from "@knots/store";
import type { Store } from "@knots/store";
import { openEtcdStore } from "@knots/store/etcd/etcd-store";
import { TestEtcd } from "@knots/store/etcd/test-etcd.testing";

/** A new, empty store that takes with it, when it is closed, what was made for it. */
export async function openTestStore(): Promise<Store> {
  const engine = process.env["KNOTS_TEST_STORE"] ?? "memory";
  if (engine === "memory") return openMemoryStore();
  if (engine === "lmdb") {
    const dir = mkdtempSync(join(tmpdir(), "knots-apiserver-"));
    return closing(await openLmdbStore({ dir }), () => {
      rmSync(dir, { recursive: true, force: true });
      return Promise.resolve();
    });
  }
  if (engine !== "etcd")
    throw new Error(`KNOTS_TEST_STORE must be memory, lmdb or etcd, not ${JSON.stringify(engine)}`);
  const server = await TestEtcd.start();
  return closing(await openEtcdStore({ endpoints: [server.endpoint] }), () => server[Symbol.asyncDispose]());
}

/** The store, with something to be done after it was closed. */
function closing(store: Store, afterwards: () => Promise<void>): Store {
  const close = store[Symbol.asyncDispose].bind(store);
  store[Symbol.asyncDispose] = async () => {
    await close();
    await afterwards();
  };
  return store;
}
