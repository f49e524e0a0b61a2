// Lists in pieces, and watches that must agree with each other.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Harness, take } from "../harness.ts";
import type { Json } from "../harness.ts";

const TEMPLATES = "/api/v1/namespaces/default/podtemplates";
const TOTAL = 120;
const nameOf = (i: number): string => `template-${String(i).padStart(4, "0")}`;

async function makeTemplates(api: Harness): Promise<void> {
  const template = { spec: { containers: [{ name: "test", image: "test2" }] } };
  const answers = await Promise.all(
    Array.from({ length: TOTAL }, (_, i) => api.post(TEMPLATES, { metadata: { name: nameOf(i) }, template })),
  );
  expect(answers.every(({ status }) => status === 201)).toBe(true);
}

/** Reads on from a page until the end; every page has the names that come next, what remains, and one revision. */
async function readRest(api: Harness, page: Json, already: number, limits: readonly number[]): Promise<void> {
  let found = already;
  const { resourceVersion } = page.metadata;
  for (let i = 0, current = page; ; i++) {
    for (const { metadata } of current.items) expect(metadata.name).toBe(nameOf(found++));
    expect(current.metadata.resourceVersion).toBe(resourceVersion);
    if (current.metadata.continue === undefined) {
      expect(current.metadata.remainingItemCount).toBeUndefined();
      break;
    }
    expect(current.metadata.remainingItemCount + found).toBe(TOTAL);
    const limit = limits[i % limits.length] ?? 1;
    const { status, body } = await api.get(`${TEMPLATES}?limit=${limit}&continue=${current.metadata.continue}`);
    expect(status).toBe(200);
    expect(body.items.length).toBeLessThanOrEqual(limit);
    current = body;
  }
  expect(found).toBe(TOTAL);
}

describe("lists in chunks", () => {
  it("are whole, in order, at one revision, and say what remains", async () => {
    await using api = await Harness.start();
    await makeTemplates(api);
    for (const limits of [[7], [40, 1, 13], [39]]) {
      const { body } = await api.get(`${TEMPLATES}?limit=${limits[0]}`);
      expect(body.items).toHaveLength(limits[0] ?? 0);
      await readRest(api, body, 0, limits);
    }
    const { body: all } = await api.get(`${TEMPLATES}?limit=${TOTAL + 1}`);
    expect([all.items.length, all.metadata.continue, all.metadata.remainingItemCount]).toEqual([
      TOTAL,
      undefined,
      undefined,
    ]);
    expect((await api.get(TEMPLATES)).body.items).toHaveLength(TOTAL);
  });

  it("go on after their revision was compacted, at a newer one", async () => {
    await using api = await Harness.start({ server: { compactionIntervalMs: 100 } });
    await makeTemplates(api);
    const first = (await api.get(`${TEMPLATES}?limit=12`)).body;
    const again = `${TEMPLATES}?limit=12&continue=${first.metadata.continue}`;
    await expect
      .poll(
        async () => {
          // Only what has been overwritten is given up.
          await api.patch(`${TEMPLATES}/${nameOf(0)}`, {
            metadata: { annotations: { at: String(performance.now()) } },
          });
          return (await api.get(again)).status;
        },
        { timeout: 20_000 },
      )
      .toBe(410);
    const { body: expired } = await api.get(again);
    expect(expired).toMatchObject({ kind: "Status", reason: "Expired", metadata: { continue: expect.any(String) } });
    const { status, body: second } = await api.get(`${TEMPLATES}?limit=12&continue=${expired.metadata.continue}`);
    expect([status, second.items.length]).toEqual([200, 12]);
    expect(second.metadata.resourceVersion).not.toBe(first.metadata.resourceVersion);
    await readRest(api, second, 12, [12]);
  });
});

describe("watches", () => {
  let api: Harness;
  const MAPS = "/api/v1/namespaces/default/configmaps";
  beforeAll(async () => {
    api = await Harness.start();
  });
  afterAll(() => api[Symbol.asyncDispose]());

  const now = async (): Promise<string> => (await api.get(`${MAPS}?limit=1`)).body.metadata.resourceVersion;
  const watch = (resourceVersion: string, ...values: string[]): AsyncGenerator<{ type: string; object: Json }> =>
    api.watch(
      `${MAPS}?watch=1&resourceVersion=${resourceVersion}${values.length > 0 ? `&labelSelector=${encodeURIComponent(`watched in (${values.join(",")})`)}` : ""}`,
    );
  const create = async (name: string, watched: string): Promise<Json> =>
    (await api.post(MAPS, { metadata: { name, labels: { watched } } })).body;
  const mutate = async (name: string, mutation: string): Promise<Json> =>
    (await api.patch(`${MAPS}/${name}`, { data: { mutation } })).body;
  const relabel = async (name: string, watched: string): Promise<Json> =>
    (await api.patch(`${MAPS}/${name}`, { metadata: { labels: { watched } } })).body;
  const told = ({ type, object }: { type: string; object: Json }): unknown[] => [
    type,
    object.metadata.name,
    object.data?.mutation,
  ];

  it("tell several watchers of every change to what they select, and of nothing else", async () => {
    const start = await now();
    const watches = { a: watch(start, "A"), b: watch(start, "B"), both: watch(start, "A", "B") };
    await create("multi-a", "A");
    await mutate("multi-a", "1");
    await mutate("multi-a", "2");
    await api.delete(`${MAPS}/multi-a`);
    await create("multi-b", "B");
    await api.delete(`${MAPS}/multi-b`);
    const ofA = [
      ["ADDED", "multi-a", undefined],
      ["MODIFIED", "multi-a", "1"],
      ["MODIFIED", "multi-a", "2"],
      ["DELETED", "multi-a", "2"],
    ];
    const ofB = [
      ["ADDED", "multi-b", undefined],
      ["DELETED", "multi-b", undefined],
    ];
    // What the next object does shows that nothing came before it.
    await create("multi-end", "A");
    await relabel("multi-end", "B");
    const ends = (type: string): unknown[] => [type, "multi-end", undefined];
    expect((await take(watches.a, 6)).map(told)).toEqual([...ofA, ends("ADDED"), ends("DELETED")]);
    expect((await take(watches.b, 3)).map(told)).toEqual([...ofB, ends("ADDED")]);
    expect((await take(watches.both, 8)).map(told)).toEqual([...ofA, ...ofB, ends("ADDED"), ends("MODIFIED")]);
    for (const each of Object.values(watches)) await each.return(undefined);
  });

  it("begin after a revision of the past", async () => {
    await create("past", "past");
    const first = await mutate("past", "1");
    await mutate("past", "2");
    await api.delete(`${MAPS}/past`);
    const events = watch(first.metadata.resourceVersion, "past");
    expect((await take(events, 2)).map(told)).toEqual([
      ["MODIFIED", "past", "2"],
      ["DELETED", "past", "2"],
    ]);
    await events.return(undefined);
  });

  it("go on where an earlier one ended", async () => {
    const start = await now();
    const first = watch(start, "again");
    await create("again", "again");
    await mutate("again", "1");
    const seen = await take(first, 2);
    expect(seen.map(told)).toEqual([
      ["ADDED", "again", undefined],
      ["MODIFIED", "again", "1"],
    ]);
    await first.return(undefined);
    await mutate("again", "2");
    await api.delete(`${MAPS}/again`);
    const second = watch(seen[1]?.object.metadata.resourceVersion, "again");
    const rest = await take(second, 2);
    expect(rest.map(told)).toEqual([
      ["MODIFIED", "again", "2"],
      ["DELETED", "again", "2"],
    ]);
    await second.return(undefined);
  });

  it("tell a deletion when the object leaves the selector, and nothing until it is back", async () => {
    const events = watch(await now(), "mine");
    await create("leaves", "mine");
    await mutate("leaves", "1");
    const left = await relabel("leaves", "other");
    await mutate("leaves", "2");
    const restored = await relabel("leaves", "mine");
    await mutate("leaves", "3");
    await api.delete(`${MAPS}/leaves`);
    const seen = await take(events, 6);
    await events.return(undefined);
    expect(seen.map(told)).toEqual([
      ["ADDED", "leaves", undefined],
      ["MODIFIED", "leaves", "1"],
      ["DELETED", "leaves", "1"],
      ["ADDED", "leaves", "2"],
      ["MODIFIED", "leaves", "3"],
      ["DELETED", "leaves", "3"],
    ]);
    // As it was while it still matched, at the revision at which it left.
    expect(seen[2]?.object.metadata).toMatchObject({
      labels: { watched: "mine" },
      resourceVersion: left.metadata.resourceVersion,
    });
    expect(seen[3]?.object.metadata.resourceVersion).toBe(restored.metadata.resourceVersion);
  });

  it("that begin at different events tell all later ones in one order", async () => {
    const ITERATIONS = 40;
    let stopped = false;
    const produce = async (): Promise<void> => {
      for (let i = 0; !stopped; i++) {
        const name = `produced-${i % 5}`;
        if ((await api.patch(`${MAPS}/${name}`, { data: { i: String(i) } })).status === 404)
          await api.post(MAPS, { metadata: { name } });
        else if (i % 7 === 0) await api.delete(`${MAPS}/${name}`);
      }
    };
    const start = await now();
    const producing = produce();
    const watches: AsyncGenerator<{ type: string; object: Json }>[] = [];
    const next = async (events: AsyncGenerator<{ type: string; object: Json }>): Promise<string> => {
      const [event] = await take(events, 1);
      return event?.object.metadata.resourceVersion;
    };
    let resourceVersion = start;
    for (let i = 0; i < ITERATIONS; i++) {
      watches.push(watch(resourceVersion));
      const [first, ...others] = watches;
      if (first === undefined) throw new Error("no watch");
      resourceVersion = await next(first);
      for (const other of others) expect(await next(other)).toBe(resourceVersion);
    }
    stopped = true;
    await producing;
    for (const events of watches) await events.return(undefined);
  });
});
