import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Harness, take } from "./harness.ts";
import type { Json } from "./harness.ts";
import { RemoteServer } from "./remote-server.ts";

const CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const PODS = (version: string): string => `/apis/conv.example.com/${version}/namespaces/default/hosts`;

/** v1 has spec.hostPort, v2 host and port. */
function convert(object: Json, apiVersion: string): Json {
  const next = structuredClone(object);
  next.apiVersion = apiVersion;
  next.metadata.labels = { ...next.metadata.labels, converted: apiVersion.split("/")[1] };
  next.metadata.resourceVersion = "tampered";
  if (apiVersion.endsWith("/v2")) {
    const [host, port] = String(next.hostPort).split(":");
    delete next.hostPort;
    Object.assign(next, { host, port });
  } else {
    next.hostPort = `${next.host}:${next.port}`;
    delete next.host;
    delete next.port;
  }
  return next;
}

describe("conversion webhooks", () => {
  let api: Harness;
  let remote: RemoteServer;
  let spoil: ((objects: Json[]) => Json[]) | undefined;
  let failure: string | undefined;

  const version = (name: string, storage: boolean, fields: readonly string[]): object => ({
    name,
    served: true,
    storage,
    schema: {
      openAPIV3Schema: {
        type: "object",
        properties: Object.fromEntries(fields.map((field) => [field, { type: "string" }])),
      },
    },
  });
  const versions = (storage: string): object[] => [
    version("v1", storage === "v1", ["hostPort"]),
    version("v2", storage === "v2", ["host", "port"]),
  ];
  const established = async (change: () => Promise<Json>): Promise<void> => {
    const { body, status } = await change();
    expect([status, body.message]).toEqual([expect.toSatisfy((code: number) => code < 300), undefined]);
  };

  beforeAll(async () => {
    remote = await RemoteServer.start("converter", {
      "/convert": ({ body }) => {
        const { uid, objects, desiredAPIVersion } = body.request;
        const converted = objects.map((object: Json) => convert(object, desiredAPIVersion));
        return {
          apiVersion: body.apiVersion,
          kind: body.kind,
          response:
            failure === undefined
              ? { uid, convertedObjects: spoil?.(converted) ?? converted, result: { status: "Success" } }
              : { uid, result: { status: "Failure", message: failure } },
        };
      },
    });
    api = await Harness.start();
    await remote.expose(api, "converter");
    const service = { namespace: "default", name: "converter", path: "/convert", port: remote.port };
    const { body } = await api.post(CRDS, {
      metadata: { name: "hosts.conv.example.com" },
      spec: {
        group: "conv.example.com",
        scope: "Namespaced",
        names: { plural: "hosts", singular: "host", kind: "Host" },
        versions: versions("v1"),
        conversion: {
          strategy: "Webhook",
          webhook: { clientConfig: { service, caBundle: remote.caBundle }, conversionReviewVersions: ["v1"] },
        },
      },
    });
    const events = api.watch(`${CRDS}?watch=1&resourceVersion=${body.metadata.resourceVersion}`);
    await take(events, 1);
    await events.return(undefined);
    for (const name of ["a", "b", "c"]) {
      await established(() =>
        api.post(PODS("v1"), {
          apiVersion: "conv.example.com/v1",
          kind: "Host",
          metadata: { name, labels: { own: name } },
          hostPort: `${name}:80`,
        }),
      );
    }
  });

  afterAll(async () => {
    await api[Symbol.asyncDispose]();
    await remote[Symbol.asyncDispose]();
  });

  afterEach(async () => {
    spoil = failure = undefined;
    for (const name of ["fresh", "odd"]) await api.delete(`${PODS("v1")}/${name}`);
  });

  it("stores the storage version without asking, and asks once for each state that is read in another", async () => {
    expect(remote.requests).toHaveLength(0);
    const { body } = await api.get(`${PODS("v2")}/a`);
    expect(body).toMatchObject({
      apiVersion: "conv.example.com/v2",
      host: "a",
      port: "80",
      metadata: { labels: { own: "a", converted: "v2" } },
    });
    expect(body.hostPort).toBeUndefined();
    expect(body.metadata.resourceVersion).toMatch(/^\d+$/);
    const [{ url, body: review } = { url: "", body: undefined }] = remote.requests;
    expect(url).toBe("/convert?timeout=30s");
    expect(review).toMatchObject({
      kind: "ConversionReview",
      apiVersion: "apiextensions.k8s.io/v1",
      request: { desiredAPIVersion: "conv.example.com/v2", objects: [{ hostPort: "a:80" }] },
    });
    await api.get(`${PODS("v2")}/a`);
    expect(remote.requests).toHaveLength(1);
  });

  it("converts a page of a list in one call", async () => {
    remote.requests.length = 0;
    const { body } = await api.get(PODS("v2"));
    expect(body.items.map(({ host }: Json) => host)).toEqual(["a", "b", "c"]);
    // What was asked before is known.
    expect(remote.requests.map((request) => request.body.request.objects.length)).toEqual([2]);
  });

  it("converts what is written, patched and watched", async () => {
    const events = api.watch(`${PODS("v2")}?watch=1&resourceVersion=0`);
    const initial = await take(events, 3);
    expect(initial.map(({ object }) => object.host)).toEqual(["a", "b", "c"]);
    const created = await api.post(PODS("v2"), {
      apiVersion: "conv.example.com/v2",
      kind: "Host",
      metadata: { name: "d" },
      host: "d",
      port: "1",
    });
    expect(created.body).toMatchObject({ apiVersion: "conv.example.com/v2", host: "d", port: "1" });
    expect((await api.get(`${PODS("v1")}/d`)).body).toMatchObject({ hostPort: "d:1" });
    await api.patch(`${PODS("v2")}/d`, { port: "2" });
    expect((await api.get(`${PODS("v1")}/d`)).body).toMatchObject({ hostPort: "d:2" });
    await api.delete(`${PODS("v1")}/d`);
    const later = await take(events, 3);
    await events.return(undefined);
    expect(later.map(({ type, object }) => [type, object.apiVersion, object.port])).toEqual([
      ["ADDED", "conv.example.com/v2", "1"],
      ["MODIFIED", "conv.example.com/v2", "2"],
      ["DELETED", "conv.example.com/v2", "2"],
    ]);
  });

  it.each<[string, (objects: Json[]) => Json[], string]>([
    ["too few objects", () => [], " returned 0 objects, expected 1"],
    [
      "another name",
      ([o]) => [{ ...o, metadata: { ...o.metadata, name: "z" } }],
      " returned invalid object: must have the same name: fresh != z",
    ],
    ["another kind", ([o]) => [{ ...o, kind: "Z" }], " returned invalid object: must have the same kind: Host != Z"],
    [
      "no metadata",
      ([o]) => [{ ...o, metadata: undefined }],
      " returned invalid object: must have the same name: fresh != ",
    ],
    [
      "another version",
      ([o]) => [{ ...o, apiVersion: "x/v9" }],
      " returned invalid converted object at index 0: invalid groupVersion (expected conv.example.com/v2, received x/v9)",
    ],
    [
      "a bad label",
      ([o]) => [{ ...o, metadata: { ...o.metadata, labels: { a: 1 } } }],
      " returned invalid metadata: metadata.labels[a] must be a string, but is float64 in converted object",
    ],
  ])("refuses an answer with %s", async (_what, change, message) => {
    spoil = change;
    await api.post(PODS("v1"), {
      apiVersion: "conv.example.com/v1",
      kind: "Host",
      metadata: { name: "fresh" },
      hostPort: "f:1",
    });
    const { body } = await api.get(`${PODS("v2")}/fresh`);
    expect([body.code, body.message]).toEqual([500, `conversion webhook for conv.example.com/v1, Kind=Host${message}`]);
  });

  it("passes on why a webhook could not convert", async () => {
    failure = "too odd";
    await api.post(PODS("v1"), {
      apiVersion: "conv.example.com/v1",
      kind: "Host",
      metadata: { name: "odd" },
      hostPort: "f:1",
    });
    const { body } = await api.get(PODS("v2"));
    expect(body.message).toBe("conversion webhook for conv.example.com/v1, Kind=Host failed: too odd");
  });

  it("shows and rewrites what was stored in an earlier storage version", async () => {
    await established(() => api.patch(`${CRDS}/hosts.conv.example.com`, { spec: { versions: versions("v2") } }));
    await expect
      .poll(async () => (await api.get(`${CRDS}/hosts.conv.example.com`)).body.status.storedVersions)
      .toEqual(["v1", "v2"]);
    const inV2 = await api.post(PODS("v2"), {
      apiVersion: "conv.example.com/v2",
      kind: "Host",
      metadata: { name: "z" },
      host: "z",
      port: "9",
    });
    expect(inV2.status).toBe(201);
    expect((await api.get(PODS("v1"))).body.items.map(({ hostPort }: Json) => hostPort)).toEqual([
      "a:80",
      "b:80",
      "c:80",
      "z:9",
    ]);
    expect((await api.get(PODS("v2"))).body.items.map(({ host, port }: Json) => [host, port])).toEqual([
      ["a", "80"],
      ["b", "80"],
      ["c", "80"],
      ["z", "9"],
    ]);
    const before = (await api.get(`${PODS("v2")}/a`)).body;
    expect(before).toMatchObject({ host: "a", port: "80" });
    // A write that changes nothing migrates.
    const after = await api.put(`${PODS("v2")}/a`, before);
    expect(after.status).toBe(200);
    expect(after.body.metadata.resourceVersion).not.toBe(before.metadata.resourceVersion);
    remote.requests.length = 0;
    expect((await api.get(`${PODS("v2")}/a`)).body).toMatchObject({ host: "a", port: "80" });
    expect(remote.requests).toHaveLength(0);
  });

  it("stores a version that is not served", async () => {
    const unserved = versions("v2").map((each) => ({ ...each, served: (each as { name: string }).name === "v1" }));
    await established(() => api.patch(`${CRDS}/hosts.conv.example.com`, { spec: { versions: unserved } }));
    await expect.poll(async () => (await api.get(PODS("v2"))).status).toBe(404);
    expect((await api.get(`${PODS("v1")}/z`)).body.hostPort).toBe("z:9");
    remote.requests.length = 0;
    await api.patch(`${PODS("v1")}/z`, { hostPort: "z:10" });
    expect(remote.requests.some(({ body }) => body.request.desiredAPIVersion === "conv.example.com/v2")).toBe(true);
    expect((await api.get(`${PODS("v1")}/z`)).body.hostPort).toBe("z:10");
  });
});
