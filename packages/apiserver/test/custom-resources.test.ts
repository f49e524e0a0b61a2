import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Harness, take } from "./harness.ts";
import type { Json } from "./harness.ts";

const CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const TABS = "/apis/example.com/v1/namespaces/default/tabs";

const crd = {
  metadata: { name: "tabs.example.com" },
  spec: {
    group: "example.com",
    scope: "Namespaced",
    names: { plural: "tabs", singular: "tab", kind: "Tab", shortNames: ["tb"] },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        subresources: {
          status: {},
          scale: { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" },
        },
        additionalPrinterColumns: [{ name: "Replicas", type: "integer", jsonPath: ".spec.replicas" }],
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: {
              spec: {
                type: "object",
                required: ["name"],
                properties: { name: { type: "string", maxLength: 5 }, replicas: { type: "integer", default: 2 } },
              },
              status: { type: "object", properties: { replicas: { type: "integer" } } },
            },
          },
        },
      },
    ],
  },
};

describe("custom resources", () => {
  let api: Harness;
  beforeAll(async () => {
    api = await Harness.start();
    const { body } = await api.post(CRDS, crd);
    const events = api.watch(`${CRDS}?watch=1&resourceVersion=${body.metadata.resourceVersion}`);
    const [event] = await take(events, 1);
    await events.return(undefined);
    expect(event?.object.status.conditions).toContainEqual(
      expect.objectContaining({ type: "Established", status: "True" }),
    );
  });
  afterAll(() => api[Symbol.asyncDispose]());

  it("defaults, prunes and validates", async () => {
    const { status, body } = await api.post(TABS, {
      apiVersion: "example.com/v1",
      kind: "Tab",
      metadata: { name: "a" },
      spec: { name: "x", junk: 1 },
      status: { replicas: 1 },
    });
    expect(status).toBe(201);
    expect(body.spec).toEqual({ name: "x", replicas: 2 });
    expect(body.status).toBeUndefined();
    expect(body.metadata.generation).toBe(1);
    const bad = await api.post(TABS, {
      apiVersion: "example.com/v1",
      kind: "Tab",
      metadata: { name: "b" },
      spec: { replicas: "x" },
    });
    expect(bad.body).toMatchObject({ code: 422 });
    expect(bad.body.details.causes.map(({ field }: { field: string }) => field).sort()).toEqual([
      "spec.name",
      "spec.replicas",
    ]);
  });

  it("must say what they are themselves", async () => {
    const object = { apiVersion: "example.com/v1", kind: "Tab", metadata: { name: "says" }, spec: { name: "x" } };
    const { kind: _kind, ...nameless } = object;
    const { apiVersion: _apiVersion, ...versionless } = object;
    const refused = async (body: Json): Promise<unknown> => {
      const { status, body: said } = await api.post(TABS, body);
      return [status, said.reason, said.message];
    };
    const kindless = "Object 'Kind' is missing in 'unstructured object has no kind'";
    expect(await refused(nameless)).toEqual([400, "BadRequest", kindless]);
    expect(await refused(versionless)).toEqual([
      400,
      "BadRequest",
      "the API version in the data () does not match the expected API version (example.com/v1)",
    ]);
  });

  it("has status and scale", async () => {
    await api.post(TABS, { apiVersion: "example.com/v1", kind: "Tab", metadata: { name: "s" }, spec: { name: "x" } });
    const { body } = await api.patch(`${TABS}/s/status`, { status: { replicas: 7 }, spec: { name: "y" } });
    expect(body).toMatchObject({ status: { replicas: 7 }, spec: { name: "x" }, metadata: { generation: 1 } });
    expect((await api.get(`${TABS}/s/scale`)).body).toMatchObject({ spec: { replicas: 2 }, status: { replicas: 7 } });
  });

  it("appears in discovery, OpenAPI and tables", async () => {
    expect((await api.get("/apis/example.com/v1")).body.resources.map(({ name }: { name: string }) => name)).toEqual([
      "tabs",
      "tabs/scale",
      "tabs/status",
    ]);
    expect(
      (await api.get("/openapi/v3/apis/example.com/v1")).body.components.schemas["com.example.v1.Tab"],
    ).toBeDefined();
    const { body } = await api.get(TABS, { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" });
    expect(body.columnDefinitions.map(({ name }: { name: string }) => name)).toEqual(["Name", "Replicas"]);
  });

  it("takes its objects along when it is deleted", async () => {
    const events = api.watch(`${TABS}?watch=1`);
    await take(events, 1);
    await api.delete(`${CRDS}/tabs.example.com`);
    let last = "";
    for await (const { type } of events) {
      last = type;
      if (type === "DELETED") break;
    }
    expect(last).toBe("DELETED");
  });

  it("are selected by the fields that the version of the request names", async () => {
    const schema = {
      openAPIV3Schema: {
        type: "object",
        properties: { spec: { type: "object", properties: { color: { type: "string" }, size: { type: "string" } } } },
      },
    };
    const version = (name: string, storage: boolean, field: string): Json => ({
      name,
      served: true,
      storage,
      schema,
      selectableFields: [{ jsonPath: `.spec.${field}` }],
    });
    const made = await api.post(CRDS, {
      metadata: { name: "shirts.example.com" },
      spec: {
        group: "example.com",
        scope: "Namespaced",
        names: { plural: "shirts", singular: "shirt", kind: "Shirt" },
        versions: [version("v1", true, "color"), version("v2", false, "size")],
      },
    });
    expect(made.status).toBe(201);
    const events = api.watch(`${CRDS}?watch=1&resourceVersion=${made.body.metadata.resourceVersion}`);
    await take(events, 1);
    await events.return(undefined);
    const path = (name: string): string => `/apis/example.com/${name}/namespaces/default/shirts`;
    for (const [name, color, size] of [
      ["a", "red", "S"],
      ["b", "red", "M"],
      ["c", "blue", "M"],
    ]) {
      const shirt = { apiVersion: "example.com/v1", kind: "Shirt", metadata: { name }, spec: { color, size } };
      expect((await api.post(path("v1"), shirt)).status).toBe(201);
    }
    const selected = async (name: string, selector: string): Promise<string[]> =>
      (await api.get(`${path(name)}?fieldSelector=${selector}`)).body.items.map((item: Json) => item.metadata.name);
    expect(await selected("v1", "spec.color=red")).toEqual(["a", "b"]);
    expect(await selected("v2", "spec.size=M")).toEqual(["b", "c"]);
    const other = await api.get(`${path("v2")}?fieldSelector=spec.color=red`);
    expect(other.status).toBe(400);
    expect(other.body.message).toContain("field label not supported: spec.color");
  });
});
