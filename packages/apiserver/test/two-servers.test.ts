// Two API servers on one etcd: each sees at once what the other did, and the store decides what only one may have.
import type { Store, StoreEvent } from "@knots/store";
import { openEtcdStore } from "@knots/store/etcd/etcd-store";
import { ETCD_INSTALLED, TestEtcd } from "@knots/store/etcd/test-etcd.testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Harness, take } from "./harness.ts";
import type { Json } from "./harness.ts";

const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";
const SERVICES = "/api/v1/namespaces/default/services";

/** Holds back what a store's watches tell, as a slow network would. */
class Lag {
  #held: (() => void)[] | undefined;

  on(store: Store): Store {
    const watch = store.watch.bind(store);
    store.watch = (prefix, options) =>
      watch(prefix, {
        ...options,
        onEvents: (batch: StoreEvent[], revision: number) => this.#tell(() => options.onEvents(batch, revision)),
        onProgress: (revision) => this.#tell(() => options.onProgress?.(revision)),
      });
    return store;
  }

  begin(): void {
    this.#held = [];
  }

  end(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const tell of held) tell();
  }

  #tell(tell: () => void): void {
    if (this.#held === undefined) tell();
    else this.#held.push(tell);
  }
}

// The engine of the other suites does not matter here: once is enough.
describe.skipIf(!ETCD_INSTALLED || process.env["KNOTS_TEST_STORE"] !== "etcd")("two API servers on one etcd", () => {
  let etcd: TestEtcd;
  let a: Harness;
  let b: Harness;
  const lag = new Lag();

  beforeAll(async () => {
    etcd = await TestEtcd.start();
    // Both at once: each makes what every cluster has.
    const stores = [1, 2].map(() => openEtcdStore({ endpoints: [etcd.endpoint] }));
    const [one, two] = (await Promise.all(stores)) as [Store, Store];
    [a, b] = await Promise.all([Harness.start({ store: one }), Harness.start({ store: lag.on(two) })]);
  });
  afterAll(async () => {
    await a[Symbol.asyncDispose]();
    await b[Symbol.asyncDispose]();
    await etcd[Symbol.asyncDispose]();
  });

  test("read each other's writes at once", async () => {
    for (let i = 0; i < 30; i++) {
      const name = `seen-${i}`;
      const made = await a.post(CONFIG_MAPS, { metadata: { name }, data: { i: String(i) } });
      expect(made.status).toBe(201);
      const got = await b.get(`${CONFIG_MAPS}/${name}`);
      expect(got.body).toEqual(made.body);
      const list = await b.get(CONFIG_MAPS);
      expect(list.body.items.map((item: Json) => item.metadata.name)).toContain(name);
      const put = await b.put(`${CONFIG_MAPS}/${name}`, { ...made.body, data: { i: "changed" } });
      expect(put.status).toBe(200);
      expect((await a.patch(`${CONFIG_MAPS}/${name}`, { data: { j: "2" } })).body.data).toEqual({
        i: "changed",
        j: "2",
      });
      expect((await b.delete(`${CONFIG_MAPS}/${name}`)).status).toBe(200);
      expect((await a.get(`${CONFIG_MAPS}/${name}`)).status).toBe(404);
    }
  });

  test("answer at any state when that is asked for, and at no older one than the reader names", async () => {
    const made = await a.post(CONFIG_MAPS, { metadata: { name: "versions" } });
    const version = String(made.body.metadata.resourceVersion);
    expect((await b.get(`${CONFIG_MAPS}?resourceVersion=0`)).status).toBe(200);
    const list = await b.get(`${CONFIG_MAPS}?resourceVersion=${version}&resourceVersionMatch=NotOlderThan`);
    expect(list.body.items.map((item: Json) => item.metadata.name)).toContain("versions");
  });

  test("answer with what the other acknowledged, however late they hear of it", async () => {
    const path = `${CONFIG_MAPS}/late`;
    await a.post("/api/v1/namespaces", { metadata: { name: "late" } });
    lag.begin();
    try {
      await a.post(CONFIG_MAPS, { metadata: { name: "late" }, data: { of: "a" } });
      const answers = [
        b.get(path),
        b.get(CONFIG_MAPS),
        b.patch(path, { data: { by: "b" } }),
        b.delete("/api/v1/namespaces/late"),
      ];
      // Any state will do: this one is answered while the others wait.
      expect((await b.get(`${path}?resourceVersion=0`)).status).toBe(404);
      lag.end();
      const [got, list, patched, deleted] = await Promise.all(answers);
      expect(got?.body.data.of).toBe("a");
      expect(list?.body.items.map((item: Json) => item.metadata.name)).toContain("late");
      expect(patched?.body.data).toEqual({ of: "a", by: "b" });
      expect(deleted?.status).toBe(200);
    } finally {
      lag.end();
    }
  });

  test("use a namespace that the other has just made", async () => {
    for (let i = 0; i < 10; i++) {
      await a.post("/api/v1/namespaces", { metadata: { name: `ns-${i}` } });
      expect((await b.post(`/api/v1/namespaces/ns-${i}/configmaps`, { metadata: { name: "first" } })).status).toBe(201);
    }
  });

  test("tell their watchers the same", async () => {
    const { resourceVersion } = (await a.get(CONFIG_MAPS)).body.metadata as { resourceVersion: string };
    const path = `${CONFIG_MAPS}?watch=true&resourceVersion=${resourceVersion}`;
    const [one, two] = [a.watch(path), b.watch(path)];
    for (let i = 0; i < 10; i++) await (i % 2 === 0 ? a : b).post(CONFIG_MAPS, { metadata: { name: `told-${i}` } });
    const told = await take(one, 10);
    expect(told.map(({ object }) => object.metadata.name)).toEqual(Array.from({ length: 10 }, (_, i) => `told-${i}`));
    expect(await take(two, 10)).toEqual(told);
    await one.return(undefined);
    await two.return(undefined);
  });

  test("refuse a write on an old state, and lose none of many at once", async () => {
    const made = await a.post(CONFIG_MAPS, { metadata: { name: "contended" }, data: {} });
    expect((await a.put(`${CONFIG_MAPS}/contended`, { ...made.body, data: { x: "1" } })).status).toBe(200);
    expect((await b.put(`${CONFIG_MAPS}/contended`, { ...made.body, data: { x: "2" } })).status).toBe(409);
    const patches = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        (i % 2 === 0 ? a : b).patch(`${CONFIG_MAPS}/contended`, { data: { [`k${i}`]: "v" } }),
      ),
    );
    expect(patches.map(({ status }) => status)).toEqual(patches.map(() => 200));
    expect(Object.keys((await a.get(`${CONFIG_MAPS}/contended`)).body.data as object)).toHaveLength(9);
  });

  test("never give out a cluster IP or a node port twice", async () => {
    const spec = { type: "NodePort", ports: [{ port: 80 }] };
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        (i % 2 === 0 ? a : b).post(SERVICES, { metadata: { name: `s-${i}` }, spec }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));
    const ips = answers.map(({ body }) => body.spec.clusterIP as string);
    expect(new Set(ips).size).toBe(60);
    expect(new Set(answers.map(({ body }) => body.spec.ports[0].nodePort as number)).size).toBe(60);
    const { items } = (await b.get("/apis/networking.k8s.io/v1/ipaddresses")).body;
    const holders = new Map(items.map((item: Json) => [item.metadata.name, item.spec.parentRef.name]));
    for (const { body } of answers) expect(holders.get(body.spec.clusterIP)).toBe(body.metadata.name);
    await Promise.all(answers.map((_, i) => (i % 3 === 0 ? a : b).delete(`${SERVICES}/s-${i}`)));
    const left = (await a.get("/apis/networking.k8s.io/v1/ipaddresses")).body.items;
    expect(left.map((item: Json) => item.spec.parentRef.name)).toEqual(["kubernetes"]);
  });

  test("let one of two have the address and the port that both ask for", async () => {
    for (let i = 0; i < 10; i++) {
      const ports = [{ port: 80, nodePort: 31_000 + i }];
      // Every other time only the port is wanted by both.
      const spec = { type: "NodePort", ports, ...(i % 2 === 0 ? { clusterIP: `10.96.1.${i + 1}` } : {}) };
      const both = await Promise.all(
        [a, b].map((server, n) =>
          server.post(SERVICES, {
            metadata: { name: `fixed-${i}-${n}` },
            spec,
          }),
        ),
      );
      expect(both.map(({ status }) => status).toSorted((x, y) => x - y)).toEqual([201, 422]);
      const refused = both.find(({ status }) => status === 422);
      expect(refused?.body.message).toContain("already allocated");
      const winner = both.findIndex(({ status }) => status === 201);
      // What is deleted on one server can be had from the other at once.
      await b.delete(`${SERVICES}/fixed-${i}-${winner}`);
      const again = await a.post(SERVICES, {
        metadata: { name: `again-${i}` },
        spec,
      });
      expect(again.status).toBe(201);
    }
  });

  test("serve a custom resource that was defined on the other", async () => {
    const definition = {
      metadata: { name: "widgets.example.com" },
      spec: {
        group: "example.com",
        scope: "Namespaced",
        names: { plural: "widgets", singular: "widget", kind: "Widget", listKind: "WidgetList" },
        versions: [
          {
            name: "v1",
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
          },
        ],
      },
    };
    const path = "/apis/example.com/v1/namespaces/default/widgets";
    const watching = b.watch("/apis/apiextensions.k8s.io/v1/customresourcedefinitions?watch=true");
    expect((await a.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)).status).toBe(201);
    for await (const { object } of watching) {
      const conditions = (object.status?.conditions ?? []) as { type: string; status: string }[];
      if (conditions.some(({ type, status }) => type === "Established" && status === "True")) break;
    }
    expect((await a.post(path, { metadata: { name: "w" }, kind: "Widget", apiVersion: "example.com/v1" })).status).toBe(
      201,
    );
    await expect.poll(async () => (await b.get(`${path}/w`)).status).toBe(200);
  });

  test("are ready while etcd answers", async () => {
    expect((await a.get("/readyz/etcd")).text).toBe("ok");
    expect((await b.get("/healthz/etcd")).text).toBe("ok");
  });
});
