// Server-side apply to custom resources: their definitions say how they merge.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Harness, take } from "./harness.ts";
import type { Answer, Json } from "./harness.ts";

const CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

let server: Harness;
beforeAll(async () => {
  server = await Harness.start();
  await define(crd("tabs", "Tab", { v1: SCHEMA, v2: SCHEMA }));
  await define(crd("blobs", "Blob", { v1: { type: "object", "x-kubernetes-preserve-unknown-fields": true } }));
});
afterAll(() => server[Symbol.asyncDispose]());

const text = { type: "string" };
const SCHEMA = {
  type: "object",
  properties: {
    spec: {
      type: "object",
      properties: {
        replicas: { type: "integer", default: 1 },
        mode: text,
        ports: {
          type: "array",
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["port", "protocol"],
          items: {
            type: "object",
            required: ["port"],
            properties: { port: { type: "integer" }, protocol: { type: "string", default: "TCP" }, title: text },
          },
        },
        tags: { type: "array", "x-kubernetes-list-type": "set", items: text },
        words: { type: "array", items: text },
        whole: { type: "object", "x-kubernetes-map-type": "atomic", properties: { a: text, b: text } },
        labels: { type: "object", additionalProperties: text },
        free: { type: "object", "x-kubernetes-preserve-unknown-fields": true, properties: { known: text } },
        target: { "x-kubernetes-int-or-string": true },
        template: {
          type: "object",
          "x-kubernetes-embedded-resource": true,
          "x-kubernetes-preserve-unknown-fields": true,
        },
      },
    },
    status: { type: "object", properties: { replicas: { type: "integer" }, phase: text } },
  },
};

function crd(plural: string, kind: string, schemas: Record<string, object>): Json {
  return {
    metadata: { name: `${plural}.example.com` },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { plural, singular: kind.toLowerCase(), kind },
      versions: Object.entries(schemas).map(([name, openAPIV3Schema], i) => ({
        name,
        served: true,
        storage: i === 0,
        subresources: {
          status: {},
          scale: { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" },
        },
        schema: { openAPIV3Schema },
      })),
    },
  };
}

/** Defines a resource and waits until it is served. */
async function define(definition: Json): Promise<void> {
  const { body } = await server.post(CRDS, definition);
  const events = server.watch(`${CRDS}?watch=1&resourceVersion=${body.metadata.resourceVersion}`);
  await take(events, 1);
  await events.return(undefined);
}

const tab = (name: string, spec: object, more: object = {}, version = "v1"): Json => ({
  apiVersion: `example.com/${version}`,
  kind: "Tab",
  metadata: { name },
  spec,
  ...more,
});

const apply = (body: Json, query = "fieldManager=a", subresource = ""): Promise<Answer> => {
  const path = `/apis/${body.apiVersion}/namespaces/default/${body.kind.toLowerCase()}s/${body.metadata.name}${subresource}`;
  return server.request("PATCH", `${path}?${query}`, JSON.stringify(body), {
    "content-type": "application/apply-patch+yaml",
  });
};

const fieldsOf = (answer: Answer, manager: string): Json =>
  answer.body.metadata.managedFields.find((entry: Json) => entry.manager === manager)?.fieldsV1;

describe("apply to custom resources", () => {
  it("creates, defaults, and does nothing the second time", async () => {
    const first = await apply(tab("first", { mode: "x" }));
    expect([first.status, first.body.spec]).toEqual([201, { mode: "x", replicas: 1 }]);
    expect(fieldsOf(first, "a")).toEqual({ "f:spec": { "f:mode": {} } });
    const second = await apply(tab("first", { mode: "x" }));
    expect([second.status, second.body]).toEqual([200, first.body]);
  });

  it("merges lists by their keys with their defaults, sets by value, other lists as a whole", async () => {
    await apply(tab("lists", { ports: [{ port: 80, title: "x" }], tags: ["a"], words: ["a"] }));
    const both = await apply(
      tab("lists", { ports: [{ port: 80, protocol: "UDP" }], tags: ["b"], labels: { k: "v" } }),
      "fieldManager=b",
    );
    expect(both.body.spec).toMatchObject({
      ports: [
        { port: 80, protocol: "TCP", title: "x" },
        { port: 80, protocol: "UDP" },
      ],
      tags: ["a", "b"],
    });
    expect(fieldsOf(both, "b")["f:spec"]["f:ports"]).toEqual({
      'k:{"port":80,"protocol":"UDP"}': { ".": {}, "f:port": {}, "f:protocol": {} },
    });
    const conflict = await apply(tab("lists", { words: ["b"], ports: [{ port: 80, title: "y" }] }), "fieldManager=b");
    expect(conflict.body.message).toBe(
      'Apply failed with 2 conflicts: conflicts with "a":\n- .spec.words\n- .spec.ports[port=80,protocol="TCP"].title',
    );
  });

  it("takes atomic structs as a whole, others by their fields", async () => {
    await apply(tab("maps", { whole: { a: "1" }, labels: { a: "1" } }));
    const shared = await apply(tab("maps", { labels: { b: "2" } }), "fieldManager=b");
    expect(shared.body.spec.labels).toEqual({ a: "1", b: "2" });
    expect((await apply(tab("maps", { whole: { b: "2" } }), "fieldManager=b")).body.details.causes).toMatchObject([
      { field: ".spec.whole" },
    ]);
  });

  it("knows fields from unknown ones", async () => {
    const unknown = await apply(tab("unknown", { nonsense: 1 }));
    expect([unknown.status, unknown.body.message]).toEqual([
      500,
      "failed to create typed patch object (/unknown; example.com/v1, Kind=Tab): .spec.nonsense: field not declared in schema",
    ]);
    const kept = await apply(tab("unknown", { free: { known: "x", other: { deep: [1] } }, target: "50%" }));
    expect(kept.body.spec.free).toEqual({ known: "x", other: { deep: [1] } });
    expect(fieldsOf(kept, "a")["f:spec"]["f:free"]).toEqual({
      "f:known": {},
      "f:other": { ".": {}, "f:deep": {} },
    });
  });

  it("knows metadata everywhere, in embedded objects and without a schema, too", async () => {
    const template = { apiVersion: "v1", kind: "Any", metadata: { name: "x", unknownSubMeta: "a" }, free: 1 };
    const embedded = await apply(tab("meta", { template }));
    expect(embedded.body.message).toContain(".spec.template.metadata.unknownSubMeta: field not declared in schema");
    const root = { apiVersion: "example.com/v1", kind: "Blob", metadata: { name: "meta", unknownMeta: "a" }, free: 1 };
    expect((await apply(root)).body.message).toBe(
      "failed to create typed patch object (/meta; example.com/v1, Kind=Blob): .metadata.unknownMeta: field not declared in schema",
    );
  });

  it("owns status through status alone", async () => {
    await apply(tab("reports", { mode: "x" }, { status: { phase: "ignored" } }));
    const answer = await apply(
      tab("reports", { mode: "y" }, { status: { phase: "Ready" } }),
      "fieldManager=controller",
      "/status",
    );
    expect([answer.body.spec.mode, answer.body.status]).toEqual(["x", { phase: "Ready" }]);
    expect(fieldsOf(answer, "controller")).toEqual({ "f:status": { "f:phase": {} } });
    expect(fieldsOf(answer, "a")).toEqual({ "f:spec": { "f:mode": {} } });
  });

  it("scales", async () => {
    await apply(tab("scaled", { replicas: 1 }));
    const scale = { apiVersion: "autoscaling/v1", kind: "Scale", metadata: { name: "scaled" }, spec: { replicas: 3 } };
    const path = "/apis/example.com/v1/namespaces/default/tabs/scaled/scale";
    const answer = await server.request("PATCH", `${path}?fieldManager=hpa&force=true`, JSON.stringify(scale), {
      "content-type": "application/apply-patch+yaml",
    });
    expect(answer.body.spec.replicas).toBe(3);
    const after = await server.get("/apis/example.com/v1/namespaces/default/tabs/scaled");
    expect(after.body.metadata.managedFields).toMatchObject([
      {
        manager: "hpa",
        apiVersion: "example.com/v1",
        subresource: "scale",
        fieldsV1: { "f:spec": { "f:replicas": {} } },
      },
    ]);
  });

  it("in another version keeps the manager's version", async () => {
    await apply(tab("versions", { mode: "x", labels: { a: "1" } }));
    const conflict = await apply(tab("versions", { mode: "y" }, {}, "v2"), "fieldManager=b");
    expect(conflict.body.message).toBe('Apply failed with 1 conflict: conflict with "a": .spec.mode');
    const moved = await apply(tab("versions", { mode: "z" }, {}, "v2"));
    expect(moved.body.spec).toEqual({ mode: "z", replicas: 1 });
    expect(moved.body.metadata.managedFields).toMatchObject([{ manager: "a", apiVersion: "example.com/v2" }]);
  });

  it("deduces types where the definition says nothing", async () => {
    const blob = (content: object): Json => ({
      apiVersion: "example.com/v1",
      kind: "Blob",
      metadata: { name: "b" },
      ...content,
    });
    await apply(blob({ any: { a: 1, list: [{ name: "x" }] } }));
    const both = await apply(blob({ any: { b: "2" } }), "fieldManager=b");
    expect(both.body.any).toEqual({ a: 1, b: "2", list: [{ name: "x" }] });
    const shrunk = await apply(blob({ any: { list: [] } }));
    expect(shrunk.body.any).toEqual({ b: "2", list: [] });
  });

  it("plain writes are recorded, too", async () => {
    const path = "/apis/example.com/v1/namespaces/default/tabs";
    const created = await server.post(`${path}?fieldManager=u`, tab("plain", { ports: [{ port: 80 }], mode: "x" }));
    expect(fieldsOf(created, "u")).toEqual({
      "f:spec": {
        ".": {},
        "f:mode": {},
        "f:ports": {
          ".": {},
          'k:{"port":80,"protocol":"TCP"}': { ".": {}, "f:port": {}, "f:protocol": {} },
        },
        "f:replicas": {},
      },
    });
  });
});
