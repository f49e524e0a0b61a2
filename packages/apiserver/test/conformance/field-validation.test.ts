// fieldValidation=Strict: what is unknown or there twice is refused, wherever it stands; what is right is not.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { define, definition, version } from "../definitions.ts";
import { Harness } from "../harness.ts";
import type { Answer, Json } from "../harness.ts";

const GROUP = "strict.example.com";
const text = { type: "string" };
const schema = (properties: Json): Json => ({ schema: { openAPIV3Schema: { type: "object", properties } } });
const keep = { "x-kubernetes-preserve-unknown-fields": true };

describe("strict field validation", () => {
  let api: Harness;

  beforeAll(async () => {
    api = await Harness.start();
    await define(api, definition("frees", GROUP, [version("v1")]));
    const ports = {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["containerPort", "protocol"],
      items: {
        type: "object",
        required: ["containerPort", "protocol"],
        properties: { containerPort: { type: "integer" }, hostPort: { type: "integer" }, protocol: text },
      },
    };
    const template = { type: "object", "x-kubernetes-embedded-resource": true, ...keep };
    await define(
      api,
      definition("closeds", GROUP, [
        version("v1", schema({ spec: { type: "object", properties: { cronSpec: text, ports, template } } })),
      ]),
    );
    await define(
      api,
      definition("halves", GROUP, [
        version("v1", schema({ spec: { type: "object", ...keep, properties: { known: text } } })),
      ]),
    );
  });
  afterAll(() => api[Symbol.asyncDispose]());

  const kinds: Readonly<Record<string, string>> = { frees: "Free", closeds: "Closed", halves: "Halve" };
  const path = (plural: string): string => `/apis/${GROUP}/v1/namespaces/default/${plural}`;
  const object = (plural: string, name: string, spec: Json, metadata: Json = {}): Json => ({
    apiVersion: `${GROUP}/v1`,
    kind: kinds[plural],
    metadata: { name, ...metadata },
    spec,
  });
  const create = (plural: string, name: string, spec: Json, metadata: Json = {}): Promise<Answer> =>
    api.post(`${path(plural)}?fieldValidation=Strict`, object(plural, name, spec, metadata));
  const apply = (at: string, body: string): Promise<Answer> =>
    api.request("PATCH", `${at}?fieldManager=test&fieldValidation=Strict`, body, {
      "content-type": "application/apply-patch+yaml",
    });
  const applied = (plural: string, name: string, spec: Json, metadata: Json = {}): Promise<Answer> =>
    apply(`${path(plural)}/${name}`, JSON.stringify(object(plural, name, spec, metadata)));
  const port = { containerPort: 8080, hostPort: 8081, protocol: "TCP" };

  it("takes unknown fields of a custom resource without a schema", async () => {
    expect((await create("frees", "created", { unknown: { deep: [1] } })).body.spec).toEqual({
      unknown: { deep: [1] },
    });
    const { status, body } = await applied("frees", "applied", { unknown: "u" });
    expect([status, body.spec]).toEqual([201, { unknown: "u" }]);
  });

  it("takes a custom resource that is as its schema says", async () => {
    expect((await create("closeds", "created", { cronSpec: "* * * * */5", ports: [port] })).status).toBe(201);
    for (const status of [201, 200])
      expect((await applied("closeds", "applied", { cronSpec: "* * * * */5", ports: [port] })).status).toBe(status);
  });

  it("refuses fields of a custom resource that its schema does not know", async () => {
    const created = await create("closeds", "extra", {
      cronSpec: "x",
      extraProperty: "arbitrary",
      ports: [{ ...port, more: 1 }],
    });
    expect([created.status, created.body.message]).toEqual([
      400,
      `Closed in version "v1" cannot be handled as a Closed: strict decoding error: unknown field "spec.extraProperty", unknown field "spec.ports[0].more"`,
    ]);
    const answer = await applied("closeds", "extra", { cronSpec: "x", extraProperty: "arbitrary" });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.body.message).toContain("spec.extraProperty: field not declared in schema");
    expect((await api.get(`${path("closeds")}/extra`)).status).toBe(404);
  });

  it("refuses fields that are there twice, where unknown ones are kept, too", async () => {
    const json = `{"apiVersion":"${GROUP}/v1","kind":"Halve","metadata":{"name":"twice"},"spec":{"known":"a","known":"b","other":1,"other":2}}`;
    const created = await api.post(`${path("halves")}?fieldValidation=Strict`, json);
    expect([created.status, created.body.message]).toEqual([
      400,
      'Halve in version "v1" cannot be handled as a Halve: strict decoding error: duplicate field "spec.known", duplicate field "spec.other"',
    ]);
    const yaml = `apiVersion: ${GROUP}/v1\nkind: Halve\nmetadata:\n  name: twice\nspec:\n  known: a\n  other: 1\n  known: b\n  other: 2\n`;
    const answer = await apply(`${path("halves")}/twice`, yaml);
    expect(answer.status).toBe(400);
    expect(answer.body.message).toMatch(
      /line 8: key "known" already set in map\n\s*line 9: key "other" already set in map/,
    );
    expect((await api.get(`${path("halves")}/twice`)).status).toBe(404);
  });

  it("refuses unknown metadata of a custom resource and of what is embedded in it", async () => {
    const template = { apiVersion: "v1", kind: "Pod", metadata: { name: "inner", unknownSubMeta: "x" }, free: 1 };
    const created = await create("closeds", "meta", { template }, { unknownMeta: "x" });
    expect([created.status, created.body.message]).toEqual([
      400,
      expect.stringMatching(/unknown field "metadata\.unknownMeta"/),
    ]);
    expect(created.body.message).toMatch(/unknown field "spec\.template\.metadata\.unknownSubMeta"/);
    const root = await applied("closeds", "meta", {}, { unknownMeta: "x" });
    expect(root.body.message).toContain(".metadata.unknownMeta: field not declared in schema");
    const inner = await applied("closeds", "meta", { template });
    expect(inner.body.message).toContain(".spec.template.metadata.unknownSubMeta: field not declared in schema");
    expect((await api.get(`${path("closeds")}/meta`)).status).toBe(404);
  });

  const DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments";
  const deployment = (name: string, parts: { metadata?: string; spec?: string; template?: string } = {}): string =>
    `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{${parts.metadata ?? ""}"name":"${name}"},"spec":{${parts.spec ?? ""}"replicas":1,` +
    `"selector":{"matchLabels":{"app":"nginx"}},"template":{"metadata":{${parts.template ?? ""}"labels":{"app":"nginx"}},` +
    `"spec":{"containers":[{"name":"nginx","image":"nginx:latest"}]}}}}`;

  it("refuses unknown fields, and fields that are there twice, of a built-in object", async () => {
    const wrong = deployment("wrong", {
      spec: '"unknown1":"val1","unknownDupe":"valDupe","unknownDupe":"valDupe2","paused":true,"paused":false,',
    });
    const created = await api.post(`${DEPLOYMENTS}?fieldValidation=Strict`, wrong);
    expect([created.status, created.body.message]).toEqual([
      400,
      'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: duplicate field "spec.unknownDupe", duplicate field "spec.paused", unknown field "spec.unknown1", unknown field "spec.unknownDupe"',
    ]);
    const { body: good } = await api.post(`${DEPLOYMENTS}?fieldValidation=Strict`, deployment("good"));
    const update = JSON.stringify(good).replace('"spec":{', '"spec":{"unknown1":"x","paused":true,"paused":false,');
    const updated = await api.put(`${DEPLOYMENTS}/good?fieldValidation=Strict`, update);
    expect([updated.status, updated.body.message]).toEqual([
      400,
      expect.stringMatching(/strict decoding error: duplicate field "spec\.paused", unknown field "spec\.unknown1"$/),
    ]);
    const twice = '{"spec":{"unknown1":"x","paused":true,"paused":false}}';
    const at = `${DEPLOYMENTS}/good?fieldValidation=Strict`;
    const why = 'strict decoding error: duplicate field "spec.paused", unknown field "spec.unknown1"';
    const merged = await api.patch(at, twice);
    expect([merged.status, merged.body.message]).toEqual([
      422,
      expect.stringMatching(
        /^ "" is invalid: patch: Invalid value: "\{.*\\"unknown1\\":\\"x\\".*\}": strict decoding error/,
      ),
    ]);
    expect(merged.body.message.endsWith(why)).toBe(true);
    const strategic = await api.patch(at, twice, "application/strategic-merge-patch+json");
    expect([strategic.status, strategic.body.message]).toEqual([
      422,
      ` "" is invalid: patch: Invalid value: "map[spec:map[paused:false unknown1:x]]": ${why}`,
    ]);
    expect((await api.get(`${DEPLOYMENTS}/good`)).body.metadata.generation).toBe(1);
  });

  it("refuses unknown metadata of a built-in object and of its template", async () => {
    const wrong = deployment("meta", { metadata: '"unknownMeta":"x",', template: '"unknownSubMeta":"y",' });
    const created = await api.post(`${DEPLOYMENTS}?fieldValidation=Strict`, wrong);
    expect([created.status, created.body.message]).toEqual([
      400,
      'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "metadata.unknownMeta", unknown field "spec.template.metadata.unknownSubMeta"',
    ]);
    const answer = await apply(`${DEPLOYMENTS}/meta`, wrong);
    expect(answer.body.message).toContain(".metadata.unknownMeta: field not declared in schema");
    expect(answer.body.message).toContain(".spec.template.metadata.unknownSubMeta: field not declared in schema");
    expect((await api.get(`${DEPLOYMENTS}/meta`)).status).toBe(404);
  });
});
