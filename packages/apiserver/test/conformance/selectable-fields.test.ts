// Field selectors of custom resources: each version is selected by its own fields, whichever version the changes come in.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { define, definition, version } from "../definitions.ts";
import { Harness, take } from "../harness.ts";
import type { Json } from "../harness.ts";
import { RemoteServer } from "../remote-server.ts";

const GROUP = "selected.example.com";
const at = (each: string): string => `/apis/${GROUP}/${each}/namespaces/default/hosts`;

/** v1 has hostPort, v2 host and port. */
function converted(object: Json, apiVersion: string): Json {
  if (object.apiVersion === apiVersion) return object;
  const { hostPort, host, port, ...rest } = object;
  if (!apiVersion.endsWith("/v2")) return { ...rest, apiVersion, hostPort: `${host}:${port}` };
  const [name, number] = String(hostPort).split(":");
  return { ...rest, apiVersion, host: name, port: number };
}

describe("selectable fields", () => {
  let api: Harness;
  let remote: RemoteServer;

  beforeAll(async () => {
    remote = await RemoteServer.start("selectable", {
      "/convert": ({ body }) => {
        const { uid, objects, desiredAPIVersion } = body.request;
        const convertedObjects = objects.map((object: Json) => converted(object, desiredAPIVersion));
        return {
          apiVersion: body.apiVersion,
          kind: body.kind,
          response: { uid, convertedObjects, result: { status: "Success" } },
        };
      },
    });
    api = await Harness.start();
    await remote.expose(api, "selectable");
    const fields = (names: readonly string[], storage: boolean): Json => ({
      storage,
      selectableFields: names.map((name) => ({ jsonPath: `.${name}` })),
      schema: {
        openAPIV3Schema: {
          type: "object",
          properties: Object.fromEntries(names.map((name) => [name, { type: "string" }])),
        },
      },
    });
    const service = { namespace: "default", name: "selectable", path: "/convert", port: remote.port };
    const webhook = { clientConfig: { service, caBundle: remote.caBundle }, conversionReviewVersions: ["v1"] };
    await define(
      api,
      definition(
        "hosts",
        GROUP,
        [version("v1", fields(["hostPort"], true)), version("v2", fields(["host", "port"], false))],
        { conversion: { strategy: "Webhook", webhook } },
      ),
    );
  });
  afterAll(async () => {
    await api[Symbol.asyncDispose]();
    await remote[Symbol.asyncDispose]();
  });

  const make = async (each: string, name: string, content: Json): Promise<void> => {
    const { status, body } = await api.post(at(each), {
      apiVersion: `${GROUP}/${each}`,
      kind: "Host",
      metadata: { name },
      ...content,
    });
    expect([status, body.message]).toEqual([201, undefined]);
  };

  it("of the stored version select what is listed and what is watched, through changes and deletions in any", async () => {
    const { body: start } = await api.get(at("v1"));
    const watch = (each: string, selector: string): ReturnType<Harness["watch"]> =>
      api.watch(
        `${at(each)}?watch=1&resourceVersion=${start.metadata.resourceVersion}&fieldSelector=${encodeURIComponent(selector)}`,
      );
    const watches = { one: watch("v1", "hostPort=host1:80"), two: watch("v1", "hostPort=host1:8080") };
    await make("v1", "one", { hostPort: "host1:80" });
    await make("v1", "other", { hostPort: "host2:80" });
    await make("v2", "two", { host: "host1", port: "8080" });

    const list = async (each: string, selector: string): Promise<string[]> => {
      const { status, body } = await api.get(`${at(each)}?fieldSelector=${encodeURIComponent(selector)}`);
      expect([status, body.message]).toEqual([200, undefined]);
      return body.items.map(({ metadata }: Json) => metadata.name);
    };
    expect(await list("v1", "hostPort=host1:80")).toEqual(["one"]);
    expect(await list("v1", "hostPort!=host1:80")).toEqual(["other", "two"]);
    expect((await api.get(`${at("v1")}?fieldSelector=host%3Dhost1`)).body).toMatchObject({
      code: 400,
      message: expect.stringContaining("field label not supported: host"),
    });

    await api.patch(`${at("v2")}/one`, { host: "host3" });
    expect(await list("v1", "hostPort=host1:80")).toEqual([]);
    expect(await list("v1", "hostPort=host3:80")).toEqual(["one"]);
    await api.delete(`${at("v1")}/two`);
    expect(await list("v1", "hostPort=host1:8080")).toEqual([]);

    const seen = async (events: ReturnType<Harness["watch"]>, count: number): Promise<string[]> => {
      const taken = (await take(events, count)).map(({ type, object }) => `${type} ${object.metadata.name}`);
      await events.return(undefined);
      return taken;
    };
    expect(await seen(watches.one, 2)).toEqual(["ADDED one", "DELETED one"]);
    expect(await seen(watches.two, 2)).toEqual(["ADDED two", "DELETED two"]);
    await api.delete(at("v1"));
  });

  it("of a version that a webhook makes select what is listed, watched and deleted together in that version", async () => {
    const selecting = (selector: string): string => `${at("v2")}?fieldSelector=${encodeURIComponent(selector)}`;
    const list = async (selector: string): Promise<Json[]> => {
      const { status, body } = await api.get(selecting(selector));
      expect([status, body.message]).toEqual([200, undefined]);
      return body.items.map(({ metadata, host, port }: Json) => [metadata.name, host, port]);
    };
    await make("v1", "before", { hostPort: "host1:80" });
    const { body: start } = await api.get(at("v2"));
    const from = `&watch=1&resourceVersion=${start.metadata.resourceVersion}`;
    const watches = {
      host: api.watch(`${selecting("host=host1")}${from}`),
      both: api.watch(`${selecting("host=host1,port=8080")}${from}`),
      streamed: api.watch(
        `${selecting("host=host1")}&watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`,
      ),
    };
    expect((await take(watches.streamed, 2)).map(({ type, object }) => [type, object.host])).toEqual([
      ["ADDED", "host1"],
      ["BOOKMARK", undefined],
    ]);
    await make("v1", "one", { hostPort: "host1:80" });
    await make("v2", "two", { host: "host1", port: "8080" });
    await make("v1", "other", { hostPort: "host2:80" });
    expect(await list("host=host1")).toEqual([
      ["before", "host1", "80"],
      ["one", "host1", "80"],
      ["two", "host1", "8080"],
    ]);
    expect(await list("host=host1,port!=80")).toEqual([["two", "host1", "8080"]]);
    expect(await list("host=host1,metadata.name=one")).toEqual([["one", "host1", "80"]]);
    expect(await list("host=host2,metadata.name=one")).toEqual([]);
    const { body: page } = await api.get(`${selecting("host=host1")}&limit=2`);
    const { body: rest } = await api.get(`${selecting("host=host1")}&limit=2&continue=${page.metadata.continue}`);
    expect([page, rest].map(({ items }) => items.map(({ metadata }: Json) => metadata.name))).toEqual([
      ["before", "one"],
      ["two"],
    ]);
    const { body: unknown } = await api.get(selecting("hostPort=host1:80"));
    expect(unknown.message).toContain("field label not supported: hostPort");

    await api.patch(`${at("v1")}/one`, { hostPort: "host3:80" });
    await api.patch(`${at("v2")}/two`, { port: "9090" });
    const { status, body: deleted } = await api.delete(selecting("host=host1"));
    expect([status, deleted.items.map(({ metadata }: Json) => metadata.name).sort()]).toEqual([200, ["before", "two"]]);
    const { body: left } = await api.get(at("v1"));
    expect(left.items.map(({ metadata }: Json) => metadata.name)).toEqual(["one", "other"]);

    const seen = async (events: ReturnType<Harness["watch"]>, count: number): Promise<string[]> => {
      const taken = (await take(events, count)).map(
        ({ type, object }) => `${type} ${object.metadata.name} ${object.host}:${object.port}`,
      );
      await events.return(undefined);
      return taken;
    };
    const host = await seen(watches.host, 6);
    expect(host.slice(0, 4)).toEqual([
      "ADDED one host1:80",
      "ADDED two host1:8080",
      "DELETED one host1:80",
      "MODIFIED two host1:9090",
    ]);
    // Deleted together, in no order.
    expect(host.slice(4).sort()).toEqual(["DELETED before host1:80", "DELETED two host1:9090"]);
    expect((await seen(watches.streamed, 4)).slice(0, 3)).toEqual(host.slice(0, 3));
    expect(await seen(watches.both, 2)).toEqual(["ADDED two host1:8080", "DELETED two host1:8080"]);
  });
});
