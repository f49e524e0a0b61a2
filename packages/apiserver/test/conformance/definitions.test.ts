// Definitions of custom resources as objects: made, listed, watched, reported upon, and what changes of them do.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CRDS, define, definition, version } from "../definitions.ts";
import { Harness, take } from "../harness.ts";
import type { Answer, Json } from "../harness.ts";

const GROUP = "defined.example.com";

describe("CustomResourceDefinitions", () => {
  let api: Harness;
  beforeAll(async () => {
    api = await Harness.start();
  });
  afterAll(() => api[Symbol.asyncDispose]());

  const gone = (name: string): Promise<void> =>
    expect.poll(async () => (await api.get(`${CRDS}/${name}`)).status).toBe(404);
  const named = (plural: string, more: Json = {}): Json => definition(plural, GROUP, [version("v1")], more);

  it("can be made and deleted", async () => {
    await define(api, named("briefs"));
    const path = `/apis/${GROUP}/v1/namespaces/default/briefs`;
    expect((await api.get(path)).body).toMatchObject({ kind: "BriefList", items: [] });
    expect((await api.delete(`${CRDS}/briefs.${GROUP}`)).status).toBe(200);
    await gone(`briefs.${GROUP}`);
    expect((await api.get(path)).status).toBe(404);
  });

  it("are listed by label, and deleted together by label", async () => {
    await define(api, named("others"));
    const names = Array.from({ length: 10 }, (_, i) => `listed${i}s.${GROUP}`);
    for (let i = 0; i < 10; i++) {
      const crd = named(`listed${i}s`);
      crd.metadata.labels = { listed: "yes" };
      expect((await api.post(CRDS, crd)).status).toBe(201);
    }
    const selected = `${CRDS}?labelSelector=listed%3Dyes`;
    const list = async (): Promise<string[]> =>
      (await api.get(selected)).body.items.map(({ metadata }: Json) => metadata.name);
    expect(await list()).toEqual(names);
    expect((await api.delete(selected)).status).toBe(200);
    await expect.poll(list).toEqual([]);
    expect((await api.get(`${CRDS}/others.${GROUP}`)).status).toBe(200);
  });

  it("have a status that is read, updated and patched apart from the rest", async () => {
    await define(api, named("reports"));
    const path = `${CRDS}/reports.${GROUP}/status`;
    const condition = (type: string): Json => ({
      type,
      status: "True",
      reason: "E2E",
      message: "Set by a test",
      lastTransitionTime: "2026-01-01T00:00:00Z",
    });
    const { body: read } = await api.get(path);
    expect(read).toMatchObject({ kind: "CustomResourceDefinition", status: { acceptedNames: { plural: "reports" } } });
    const conditions = [...read.status.conditions, condition("StatusUpdate")];
    const updated = await api.put(path, {
      ...read,
      spec: { ...read.spec, preserveUnknownFields: false },
      status: { ...read.status, conditions },
    });
    expect([updated.status, updated.body.message]).toEqual([200, undefined]);
    const operation = { op: "add", path: "/status/conditions/-", value: condition("StatusPatched") };
    const patched = await api.patch(path, [operation], "application/json-patch+json");
    expect(patched.status).toBe(200);
    const { body } = await api.get(`${CRDS}/reports.${GROUP}`);
    expect(body.status.conditions.map(({ type }: Json) => type)).toEqual(
      expect.arrayContaining(["Established", "NamesAccepted", "StatusUpdate", "StatusPatched"]),
    );
    expect(body.spec).toEqual(read.spec);
  });

  it("let their objects be watched: made, changed, deleted", async () => {
    await define(api, named("watcheds", { scope: "Cluster" }));
    const path = `/apis/${GROUP}/v1/watcheds`;
    const { body: list } = await api.get(path);
    const watches = ["a", "b"].map((name) =>
      api.watch(
        `${path}?watch=1&resourceVersion=${list.metadata.resourceVersion}&fieldSelector=metadata.name%3D${name}`,
      ),
    );
    for (const name of ["a", "b"]) {
      await api.post(path, { apiVersion: `${GROUP}/v1`, kind: "Watched", metadata: { name }, num: { num1: 1 } });
      await api.patch(`${path}/${name}`, { num: { num1: 99 } });
      await api.delete(`${path}/${name}`);
    }
    for (const [i, events] of watches.entries()) {
      const seen = await take(events, 3);
      await events.return(undefined);
      const name = ["a", "b"][i];
      expect(seen.map(({ type, object }) => [type, object.metadata.name, object.num.num1])).toEqual([
        ["ADDED", name, 1],
        ["MODIFIED", name, 99],
        ["DELETED", name, 99],
      ]);
    }
  });

  it("are watched themselves", async () => {
    const { body: list } = await api.get(CRDS);
    const name = `seens.${GROUP}`;
    const events = api.watch(
      `${CRDS}?watch=1&resourceVersion=${list.metadata.resourceVersion}&fieldSelector=metadata.name%3D${name}`,
    );
    await define(api, named("seens"));
    await api.patch(`${CRDS}/${name}`, { metadata: { labels: { changed: "yes" } } });
    await api.delete(`${CRDS}/${name}`);
    const types: string[] = [];
    let established = false;
    for await (const { type, object } of events) {
      types.push(type);
      established ||= (object.status?.conditions ?? []).some(({ type: each }: Json) => each === "Established");
      if (type === "DELETED") break;
    }
    expect([types[0], types.at(-1), established]).toEqual(["ADDED", "DELETED", true]);
    expect(types.slice(1, -1).every((type) => type === "MODIFIED")).toBe(true);
  });

  it("give defaults to what is sent and to what was stored before", async () => {
    const schema = (a: Json, b: Json): Json => ({
      schema: {
        openAPIV3Schema: {
          type: "object",
          properties: { a: { type: "string", ...a }, b: { type: "string", ...b } },
        },
      },
    });
    const name = `defaulteds.${GROUP}`;
    const path = `/apis/${GROUP}/v1/namespaces/default/defaulteds`;
    const change = async (a: Json, b: Json): Promise<void> => {
      const versions = [version("v1", schema(a, b))];
      expect((await api.patch(`${CRDS}/${name}`, { spec: { versions } })).status).toBe(200);
    };
    const make = (object: string): Promise<Answer> =>
      api.post(path, { apiVersion: `${GROUP}/v1`, kind: "Defaulted", metadata: { name: object } });
    const valuesOf = async (object: string): Promise<unknown[]> => {
      const { body } = await api.get(`${path}/${object}`);
      return [body.a, body.b];
    };
    await define(api, definition("defaulteds", GROUP, [version("v1", schema({}, {}))]));
    await make("old");
    expect(await valuesOf("old")).toEqual([undefined, undefined]);
    await change({ default: "A" }, {});
    await expect.poll(() => valuesOf("old")).toEqual(["A", undefined]);
    expect((await make("new")).body).toMatchObject({ a: "A" });
    // What was only read with a default was not stored with it; what was written with it keeps it.
    await change({}, { default: "B" });
    await expect.poll(() => valuesOf("new")).toEqual(["A", "B"]);
    expect(await valuesOf("old")).toEqual([undefined, "B"]);
    expect((await api.get(path)).body.items.map(({ b }: Json) => b)).toEqual(["B", "B"]);
  });
});
