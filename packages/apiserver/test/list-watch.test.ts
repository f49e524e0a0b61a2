import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Harness, take } from "./harness.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";

describe("list and watch", () => {
  let api: Harness;
  beforeAll(async () => {
    api = await Harness.start();
    for (const name of ["m1", "m2", "m3", "m4", "m5"])
      await api.post(MAPS, { metadata: { name, labels: { n: name } } });
  });
  afterAll(() => api[Symbol.asyncDispose]());

  const names = (body: { items: { metadata: { name: string } }[] }): string[] =>
    body.items.map(({ metadata }) => metadata.name);

  it("lists with the store's revision and an empty list as []", async () => {
    const { body } = await api.get("/api/v1/namespaces/default/secrets");
    expect(body).toMatchObject({ kind: "SecretList", apiVersion: "v1", items: [] });
    expect(Number(body.metadata.resourceVersion)).toBeGreaterThan(1);
  });

  it("selects by labels and fields", async () => {
    expect(names((await api.get(`${MAPS}?labelSelector=n+in+(m1,m2)`)).body)).toEqual(["m1", "m2"]);
    expect(names((await api.get(`/api/v1/configmaps?fieldSelector=metadata.name%3Dm3`)).body)).toEqual(["m3"]);
    expect((await api.get(`${MAPS}?fieldSelector=spec.x%3D1`)).body.code).toBe(400);
    expect((await api.get(`${MAPS}?labelSelector=%3D%3D`)).body.code).toBe(400);
  });

  it("sends a long list whole, plain and compressed", async () => {
    const path = "/api/v1/namespaces/kube-node-lease/configmaps";
    const expected = Array.from({ length: 90 }, (_, i) => `long-${String(i).padStart(3, "0")}`);
    await Promise.all(
      expected.map((name, i) => api.post(path, { metadata: { name }, data: { text: String(i).repeat(9_000) } })),
    );
    const plain = await api.get(path);
    expect(Number(plain.headers["content-length"])).toBeGreaterThan(1_000_000);
    expect(names(plain.body)).toEqual(expected);
    const zipped = await api.get(path, { "accept-encoding": "gzip" });
    expect(zipped.headers["content-encoding"]).toBe("gzip");
    expect(zipped.body.items).toEqual(plain.body.items);
    expect(plain.body.items[89].data.text).toBe("89".repeat(9_000));
  });

  it("pages consistently over changes", async () => {
    const first = await api.get(`${MAPS}?limit=2&labelSelector=n`);
    expect(names(first.body)).toEqual(["m1", "m2"]);
    const plain = await api.get(`${MAPS}?limit=2`);
    expect(plain.body.metadata.remainingItemCount).toBe(3);
    await api.delete(`${MAPS}/m4`);
    await api.post(MAPS, { metadata: { name: "m35" } });
    const second = await api.get(`${MAPS}?limit=2&continue=${plain.body.metadata.continue}`);
    expect(names(second.body)).toEqual(["m3", "m4"]);
    expect(second.body.metadata.resourceVersion).toBe(plain.body.metadata.resourceVersion);
    const third = await api.get(`${MAPS}?limit=2&continue=${second.body.metadata.continue}`);
    expect(names(third.body)).toEqual(["m5"]);
    expect(third.body.metadata.continue).toBeUndefined();
    const exact = await api.get(
      `${MAPS}?resourceVersion=${plain.body.metadata.resourceVersion}&resourceVersionMatch=Exact`,
    );
    expect(names(exact.body)).toEqual(["m1", "m2", "m3", "m4", "m5"]);
    expect(names((await api.get(MAPS)).body)).toEqual(["m1", "m2", "m3", "m35", "m5"]);
  });

  it("refuses unreadable continue tokens", async () => {
    expect((await api.get(`${MAPS}?limit=2&continue=xyz`)).body.code).toBe(400);
  });

  it("sends initial events, a bookmark, then changes", async () => {
    const events = api.watch(
      `/api/v1/namespaces/kube-public/configmaps?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`,
    );
    const path = "/api/v1/namespaces/kube-public/configmaps";
    const [bookmark] = await take(events, 1);
    expect(bookmark).toMatchObject({
      type: "BOOKMARK",
      object: { kind: "ConfigMap", metadata: { annotations: { "k8s.io/initial-events-end": "true" } } },
    });
    expect(Number(bookmark?.object.metadata.resourceVersion)).toBeGreaterThan(0);
    await api.post(path, { metadata: { name: "w" } });
    await api.patch(`${path}/w`, { data: { a: "b" } });
    const { body: last } = await api.delete(`${path}/w`);
    expect(last.status).toBe("Success");
    const seen = await take(events, 3);
    expect(seen.map(({ type }) => type)).toEqual(["ADDED", "MODIFIED", "DELETED"]);
    const revisions = seen.map(({ object }) => Number(object.metadata.resourceVersion));
    expect(revisions).toEqual(revisions.toSorted((a, b) => a - b));
    expect(new Set(revisions).size).toBe(3);
    await events.return(undefined);
  });

  it("turns selector transitions into ADDED and DELETED", async () => {
    const { body: list } = await api.get(MAPS);
    const events = api.watch(
      `${MAPS}?watch=1&labelSelector=sel%3Dyes&resourceVersion=${list.metadata.resourceVersion}`,
    );
    await api.patch(`${MAPS}/m1`, { metadata: { labels: { sel: "yes" } } });
    await api.patch(`${MAPS}/m1`, { metadata: { labels: { sel: "no" } } });
    expect((await take(events, 2)).map(({ type }) => type)).toEqual(["ADDED", "DELETED"]);
    await events.return(undefined);
  });

  it("ends after timeoutSeconds", async () => {
    const events = api.watch(`${MAPS}?watch=1&resourceVersion=0&timeoutSeconds=1&labelSelector=none`);
    expect(await take(events, 1)).toEqual([]);
  });

  it("says 410 Expired in an ERROR event", async () => {
    const events = api.watch(`${MAPS}?watch=1&resourceVersion=1`);
    const [error] = await take(events, 1);
    // The memory store begins its history with this server: revision 1 may still be there.
    if (error?.type === "ERROR") expect(error.object).toMatchObject({ kind: "Status", code: 410, reason: "Expired" });
    else expect(error?.type).toBe("ADDED");
    await events.return(undefined);
  });

  it("refuses wrong combinations of parameters", async () => {
    expect((await api.get(`${MAPS}?watch=1&sendInitialEvents=true`)).body.code).toBe(422);
    expect((await api.get(`${MAPS}?resourceVersionMatch=Exact`)).body.code).toBe(422);
    expect((await api.get(`${MAPS}?resourceVersion=abc`)).body.code).toBe(400);
  });
});
