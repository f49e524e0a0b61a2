import { FakeClock, nullLogger } from "@knots/machinery";
import { openMemoryStore } from "@knots/store";
import type { Store } from "@knots/store";
import { expect, test } from "vitest";
import { Compactor } from "./compactor.ts";

const INTERVAL = 300_000;

/** A store that several servers share, and which revisions it was told to compact to. */
function sharedStore(clock: FakeClock): { store: Store; compactions: number[] } {
  const store = openMemoryStore({ clock });
  const compactions: number[] = [];
  const compact = store.compact.bind(store);
  Object.defineProperty(store, "shared", { value: true });
  store.compact = async (revision) => {
    await compact(revision);
    compactions.push(revision);
  };
  return { store, compactions };
}

async function write(store: Store): Promise<number> {
  const { revision } = await store.txn({
    compare: [],
    then: [{ op: "put", key: "/registry/a", value: new Uint8Array(1) }],
  });
  return revision;
}

test("one of several servers compacts at an interval, to what was there at the interval before", async () => {
  const clock = new FakeClock();
  const { store, compactions } = sharedStore(clock);
  const caches = [1, 2].map(() => ({ revision: 0, compacted: [] as number[] }));
  const revision = await write(store);
  const compactors = caches.map(
    (cache) =>
      new Compactor({
        store,
        cacher: {
          get revision() {
            return cache.revision;
          },
          compact: (to) => cache.compacted.push(to),
        },
        clock,
        logger: nullLogger,
        intervalMs: INTERVAL,
      }),
  );
  for (const cache of caches) cache.revision = revision;
  for (const compactor of compactors) compactor.start();
  await clock.advance(INTERVAL);
  expect(compactions).toEqual([revision]);
  const later = await write(store);
  for (const cache of caches) cache.revision = later;
  await clock.advance(INTERVAL);
  await clock.advance(INTERVAL);
  expect(compactions).toEqual([revision, later]);
  expect(caches.map((cache) => cache.compacted.at(-1))).toEqual([later, later]);
  expect(Number(new TextDecoder().decode((await store.get("compact_rev_key"))?.value))).toBeGreaterThanOrEqual(later);
  for (const compactor of compactors) compactor.stop();
  await store[Symbol.asyncDispose]();
});
