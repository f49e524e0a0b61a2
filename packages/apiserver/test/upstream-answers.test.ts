// Answers that clients of upstream know, to requests that are not quite right.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { define, definition, version } from "./definitions.ts";
import { Harness } from "./harness.ts";
import type { Answer, Json } from "./harness.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";
const SERVICES = "/api/v1/namespaces/default/services";

let api: Harness;
beforeAll(async () => {
  api = await Harness.start();
  for (const name of ["a", "b", "c"]) await api.post(MAPS, { metadata: { name } });
});
afterAll(() => api[Symbol.asyncDispose]());

describe("methods that a path does not have", () => {
  it.each([
    ["PUT", MAPS],
    ["PATCH", MAPS],
    ["POST", `${MAPS}/a`],
    ["POST", "/api/v1/configmaps"],
    ["DELETE", "/api/v1/configmaps"],
    ["PUT", "/api/v1/componentstatuses/etcd-0"],
    ["DELETE", "/api/v1/namespaces/default/status"],
  ])("%s %s is not allowed", async (method, path) => {
    const body = method === "DELETE" ? undefined : { metadata: { name: "a" } };
    const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
    const { status, body: answer } = await api.request(method, path, body, { "content-type": type });
    expect([status, answer]).toEqual([
      405,
      {
        kind: "Status",
        apiVersion: "v1",
        metadata: {},
        status: "Failure",
        message: "the server does not allow this method on the requested resource",
        reason: "MethodNotAllowed",
        details: {},
        code: 405,
      },
    ]);
    expect((await api.get(`${MAPS}/a`)).status).toBe(200);
  });
});

describe("lists", () => {
  it("are whole under a limit below 1", async () => {
    for (const limit of [0, -1]) {
      const { body } = await api.get(`${MAPS}?limit=${limit}`);
      expect(body.items.map(({ metadata }: Json) => metadata.name)).toEqual(expect.arrayContaining(["a", "b", "c"]));
      expect(body.metadata.continue).toBeUndefined();
    }
  });

  const token = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  it.each([
    ["a+b", "illegal base64 data at input byte 1"],
    ["abcde", "illegal base64 data at input byte 4"],
    ["abc", "invalid character 'i' looking for beginning of value"],
    [token({ v: "v2", rv: 1, start: "a" }), "server does not recognize this encoded version v2"],
    [token({ v: "meta.k8s.io/v1", start: "a" }), "incorrect encoded start resourceVersion (version meta.k8s.io/v1)"],
    [token({ v: "meta.k8s.io/v1", rv: 1 }), "encoded start key empty (version meta.k8s.io/v1)"],
  ])("do not go on from %s", async (text, why) => {
    const { status, body } = await api.get(`${MAPS}?limit=1&continue=${encodeURIComponent(text)}`);
    expect([status, body.message]).toEqual([400, `invalid continue token: continue key is not valid: ${why}`]);
  });
});

describe("JSON patches with fields that no operation has, or twice", () => {
  const patch = (text: string, fieldValidation: string): Promise<Answer> =>
    api.request("PATCH", `${MAPS}/a?fieldValidation=${fieldValidation}`, text, {
      "content-type": "application/json-patch+json",
    });
  const TEXT =
    '[{"op":"test","path":"/metadata/name","value":"a"},{"op":"add","op":"add","path":"/data","foo":1,"value":{"a":"1","a":"2"}}]';

  it("are refused by strict validation", async () => {
    const { status, body } = await patch(TEXT, "Strict");
    expect(status).toBe(422);
    expect(body.details.causes).toEqual([
      {
        reason: "FieldValueInvalid",
        field: "patch",
        message: expect.stringContaining(
          'strict decoding error: json patch duplicate field "[1].op", json patch unknown field "[1].foo"',
        ),
      },
    ]);
    expect((await api.get(`${MAPS}/a`)).body.data).toBeUndefined();
  });

  it("are warned about, or ignored", async () => {
    const warned = await patch(TEXT, "Warn");
    expect(warned.headers["warning"]).toBe(
      '299 - "json patch duplicate field \\"[1].op\\"", 299 - "json patch unknown field \\"[1].foo\\""',
    );
    expect((await patch(TEXT, "Ignore")).headers["warning"]).toBeUndefined();
  });
});

it("an address of a Service may not change, within the range of addresses or without", async () => {
  const { body: made } = await api.post(SERVICES, { metadata: { name: "s" }, spec: { ports: [{ port: 80 }] } });
  const own = made.spec.clusterIP;
  for (const clusterIP of ["10.0.0.77", own === "10.96.7.7" ? "10.96.7.8" : "10.96.7.7"]) {
    const { status, body } = await api.patch(`${SERVICES}/s`, { spec: { clusterIP } });
    expect([status, body.message]).toEqual([
      422,
      `Service "s" is invalid: spec.clusterIPs[0]: Invalid value: ["${clusterIP}"]: may not change once set`,
    ]);
  }
  expect((await api.get(`${SERVICES}/s`)).body.spec.clusterIP).toBe(own);
});

describe("finalizers that do not say whose they are", () => {
  const BAD = "name is neither a standard finalizer name nor is it fully qualified";

  it("are refused on built-in objects, new and changed", async () => {
    const made = await api.post(MAPS, {
      metadata: { name: "f", finalizers: ["a.example.com/b", "finalizer.example.com"] },
    });
    expect([made.status, made.body.message]).toEqual([
      422,
      `ConfigMap "f" is invalid: metadata.finalizers[1]: Invalid value: "finalizer.example.com": ${BAD}`,
    ]);
    const changed = await api.patch(`${MAPS}/a`, { metadata: { finalizers: ["finalizer.example.com"] } });
    expect([changed.status, changed.body.details?.causes?.[0].field]).toEqual([422, "metadata.finalizers[0]"]);
  });

  it("are let pass on custom ones, with a warning, as on definitions and leases", async () => {
    await define(api, definition("things", "finalizers.example.com", [version("v1")]));
    const things = "/apis/finalizers.example.com/v1/namespaces/default/things";
    const warning = (name: string): string =>
      `299 - "metadata.finalizers: \\"${name}\\": prefer a domain-qualified finalizer name including a path (/) to avoid accidental conflicts with other finalizer writers"`;
    const thing = { apiVersion: "finalizers.example.com/v1", kind: "Thing" };
    const made = await api.post(things, { ...thing, metadata: { name: "t", finalizers: ["finalizer.example.com"] } });
    expect([made.status, made.headers["warning"]]).toEqual([201, warning("finalizer.example.com")]);
    const more = await api.patch(`${things}/t`, {
      metadata: { finalizers: ["finalizer.example.com", "other", "a.example.com/b", "orphan"] },
    });
    expect([more.status, more.headers["warning"]]).toEqual([200, warning("other")]);
    const freed = await api.patch(`${things}/t`, { metadata: { finalizers: null } });
    expect([freed.status, freed.headers["warning"]]).toEqual([200, undefined]);
    const lease = { metadata: { name: "l", finalizers: ["finalizer.example.com"] } };
    expect((await api.post("/apis/coordination.k8s.io/v1/namespaces/default/leases", lease)).status).toBe(201);
  });
});
