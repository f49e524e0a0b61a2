// What clients must not send, and what they are told: status, reason and message are upstream's.
import { encodeProtobuf } from "@knots/api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Harness } from "./harness.ts";
import { expectFailure } from "./expect-failure.ts";
import type { Answer } from "./harness.ts";

let api: Harness;
beforeAll(async () => {
  api = await Harness.start();
  const made = await api.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", WIDGETS);
  expect(made.status).toBe(201);
  for (let tries = 0; tries < 500 && (await api.get(WIDGETS_PATH)).status !== 200; tries++)
    await new Promise((resolve) => setTimeout(resolve, 10));
});
afterAll(() => api[Symbol.asyncDispose]());

const MAPS = "/api/v1/namespaces/default/configmaps";
const PODS = "/api/v1/namespaces/default/pods";
const JOBS = "/apis/batch/v1/namespaces/default/jobs";
const WIDGETS_PATH = "/apis/example.com/v1/namespaces/default/widgets";
const WIDGETS = {
  metadata: { name: "widgets.example.com" },
  spec: {
    group: "example.com",
    scope: "Namespaced",
    names: { plural: "widgets", singular: "widget", kind: "Widget" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: { spec: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
          },
        },
      },
    ],
  },
};
const TYPE_META = String.raw`struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }`;
const NO_KIND = "couldn't get version/kind; json parse error: ";
const unread = (kind: string, problem: string, shown: string): string =>
  `the object provided is unrecognized (must be of type ${kind}): ${problem} (${shown})`;
const hex = (text: string): string => Buffer.from(text).toString("hex");

const send = (body: string | Uint8Array, type = "application/json", path = MAPS): Promise<Answer> =>
  api.request("POST", path, body, { "content-type": type });

describe("a body that is no JSON", () => {
  it.each([
    ["", "unexpected end of JSON input", "<empty>"],
    ["{", "unexpected end of JSON input", "{"],
    ["}", "invalid character '}' looking for beginning of value", hex("}")],
    [
      '{"metadata":{"name":"a"},}',
      "invalid character '}' looking for beginning of object key string",
      '{"metadata":{"name":"a"},}',
    ],
    [
      '{"metadata":{"name":"a"}} {"a":1}',
      "invalid character '{' after top-level value",
      '{"metadata":{"name":"a"}} {"a" ...',
    ],
    ["\ufeff{}", "invalid character 'ï' looking for beginning of value", hex("\ufeff{}")],
  ])("%j", async (body, problem, shown) => {
    expectFailure(await send(body), 400, "BadRequest", unread("ConfigMap", NO_KIND + problem, shown));
  });

  it.each([
    ["[]", "array"],
    ['"text"', "string"],
    ["1", "number"],
    ["true", "bool"],
  ])("but %s", async (body, what) => {
    const problem = `${NO_KIND}json: cannot unmarshal ${what} into Go value of type ${TYPE_META}`;
    expectFailure(await send(body), 400, "BadRequest", unread("ConfigMap", problem, hex(body)));
  });

  it("but YAML under a false name, or broken YAML under its own", async () => {
    expectFailure(
      await send("metadata: {name: a}\n"),
      400,
      "BadRequest",
      /invalid character 'm' looking for beginning of value/,
    );
    expectFailure(await send("a: [", "application/yaml"), 400, "BadRequest", /^the object provided is unrecognized/);
    expectFailure(await send("a: *b", "application/yaml"), 400, "BadRequest", /^the object provided is unrecognized/);
  });

  it("or too deep", async () => {
    expectFailure(await send(`{"a":${"[".repeat(10_001)}`), 400, "BadRequest", /exceeded max depth/);
    expectFailure(await send("[".repeat(2_000_000)), 400, "BadRequest", /exceeded max depth/);
  });
});

describe("a body of another type", () => {
  it.each<[object, string]>([
    [
      { kind: "Pod", apiVersion: "v1" },
      'Pod in version "v1" cannot be handled as a ConfigMap: converting (v1.Pod) to (core.ConfigMap): unknown conversion',
    ],
    [
      { kind: "Deployment", apiVersion: "apps/v1" },
      'Deployment in version "v1" cannot be handled as a ConfigMap: converting (v1.Deployment) to (core.ConfigMap): unknown conversion',
    ],
    [
      { kind: "Nothing", apiVersion: "v1" },
      'Nothing in version "v1" cannot be handled as a ConfigMap: no kind "Nothing" is registered for version "v1" in scheme "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30"',
    ],
    [
      { kind: "ConfigMap", apiVersion: "v2" },
      "the API version in the data (v2) does not match the expected API version (v1)",
    ],
    [
      { data: "a" },
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal string into Go struct field ConfigMap.data of type map[string]string',
    ],
  ])("%j", async (object, message) => {
    expectFailure(await api.post(MAPS, { metadata: { name: "a" }, ...object }), 400, "BadRequest", message);
  });

  it.each(["kind", "apiVersion"])("with a %s that is no text", async (field) => {
    const message = `json: cannot unmarshal object into Go struct field .${field} of type string`;
    expectFailure(
      await api.post(MAPS, { [field]: { toString: 1 } }),
      400,
      "BadRequest",
      new RegExp(message.replaceAll(".", "\\.")),
    );
  });

  it.each([
    ["text/plain", MAPS],
    ["application/xml", MAPS],
    ["multipart/form-data; boundary=x", WIDGETS_PATH],
  ])("named %s", async (type, path) => {
    expectFailure(
      await send("{}", type, path),
      415,
      "UnsupportedMediaType",
      /^the body of the request was in an unknown format - accepted media types include: application\/json, application\/yaml/,
    );
  });

  it("in protobuf that is none, or breaks off", async () => {
    const protobuf = "application/vnd.kubernetes.protobuf";
    const prefix = "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]";
    expectFailure(await send("{}", protobuf), 400, "BadRequest", unread("ConfigMap", prefix, "{}"));
    const whole = encodeProtobuf({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" } });
    expectFailure(await send(whole.subarray(0, 25), protobuf), 400, "BadRequest", /unexpected EOF/);
  });
});

describe("a body that is too large", () => {
  const large = JSON.stringify({ metadata: { name: "large" }, data: { a: "x".repeat(3 * 1024 * 1024) } });

  it.each([
    ["POST", MAPS, "application/json"],
    ["PATCH", `${MAPS}/a`, "application/merge-patch+json"],
    ["PATCH", `${MAPS}/a?fieldManager=m`, "application/apply-patch+yaml"],
    ["DELETE", `${MAPS}/a`, "application/json"],
  ])("%s %s", async (method, path, type) => {
    const answer = await api.request(method, path, large, { "content-type": type });
    expectFailure(answer, 413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728");
  });
});

describe("an object with a hundred thousand faults", () => {
  it.each([
    ["finalizers", '""', 100_000],
    ["ownerReferences", "{}", 150_000],
  ])("is refused with as many as an answer can hold: %s", async (field, item, length) => {
    const body = `{"metadata":{"name":"a","${field}":[${Array.from({ length }, () => item).join()}]}}`;
    const { status, body: answer } = await send(body);
    expect([status, answer.reason]).toEqual([422, "Invalid"]);
    expect(answer.message).toMatch(/, and \d+ more\]$/);
  });
});

describe("patches", () => {
  beforeAll(async () => {
    await api.post(MAPS, { metadata: { name: "patched" }, data: { a: "1" } });
  });
  const generic = "the server rejected our request due to an error in our request";

  it.each<[string, string, number, string | undefined, string]>([
    ["json-patch+json", "{", 400, "BadRequest", "unexpected end of JSON input"],
    ["json-patch+json", "{}", 400, "BadRequest", "json: cannot unmarshal object into Go value of type jsonpatch.Patch"],
    ["json-patch+json", '[{"op":"jump","path":"/data/a"}]', 422, "Invalid", generic],
    ["json-patch+json", "[null]", 400, "BadRequest", "error decoding patch: an operation is an object"],
    ["json-patch+json", '[{"op":"remove","path":"/data/b"}]', 422, "Invalid", generic],
    ["json-patch+json", '[{"op":"test","path":"/data/a","value":"2"}]', 422, "Invalid", generic],
    [
      "merge-patch+json",
      "[]",
      400,
      "BadRequest",
      "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}",
    ],
    [
      "merge-patch+json",
      "{]",
      400,
      "BadRequest",
      "error decoding patch: invalid character ']' looking for beginning of object key string",
    ],
    ["merge-patch+json", "null", 400, "BadRequest", "Invalid JSON Patch"],
    [
      "merge-patch+json",
      "a: b",
      400,
      "BadRequest",
      "error decoding patch: invalid character 'a' looking for beginning of value",
    ],
    [
      "strategic-merge-patch+json",
      "1",
      400,
      "BadRequest",
      "json: cannot unmarshal number into Go value of type map[string]interface {}",
    ],
    ["strategic-merge-patch+json", '{"$patch":"x"}', 500, undefined, "unknown patch type: x in map: map[$patch:x]"],
    [
      "strategic-merge-patch+json",
      '{"$setElementOrder/finalizers":"a"}',
      500,
      undefined,
      "expected a []interface {}, but received a string",
    ],
    ["apply-patch+yaml", "a: [", 400, "BadRequest", "*error decoding YAML"],
    ["apply-patch+yaml", "null", 400, "BadRequest", "*error decoding YAML"],
    [
      "apply-patch+yaml",
      '{"apiVersion":{},"kind":"ConfigMap"}',
      400,
      "BadRequest",
      "invalid object type: /, Kind=ConfigMap",
    ],
  ])("%s %s", async (type, body, code, reason, message) => {
    const answer = await api.request("PATCH", `${MAPS}/patched?fieldManager=m`, body, {
      "content-type": `application/${type}`,
    });
    expectFailure(answer, code, reason, message.startsWith("*") ? new RegExp(message.slice(1)) : message);
    expect((await api.get(`${MAPS}/patched`)).body.data).toEqual({ a: "1" });
  });

  it("of no known type", async () => {
    expectFailure(
      await api.patch(`${MAPS}/patched`, {}, "application/json"),
      415,
      "UnsupportedMediaType",
      "415: Unsupported Media Type",
    );
    // Custom resources have no strategy to merge by.
    const answer = await api.patch(`${WIDGETS_PATH}/w`, {}, "application/strategic-merge-patch+json");
    const accepted = "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";
    const message = `the body of the request was in an unknown format - accepted media types include: ${accepted}`;
    expectFailure(answer, 415, "UnsupportedMediaType", message);
  });

  it("with more operations than there may be", async () => {
    const operations = Array.from({ length: 10_001 }, () => ({ op: "test", path: "/kind", value: "ConfigMap" }));
    expectFailure(
      await api.patch(`${MAPS}/patched`, operations, "application/json-patch+json"),
      413,
      "RequestEntityTooLarge",
      "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001",
    );
  });

  it("that double a value until the memory ends", async () => {
    const operations = Array.from({ length: 60 }, (_each, i) => ({
      op: "copy",
      from: "/metadata",
      path: `/metadata/x${i}`,
    }));
    expectFailure(
      await api.patch(`${MAPS}/patched`, operations, "application/json-patch+json"),
      422,
      "Invalid",
      generic,
    );
  });
});

describe("keys that are there twice", () => {
  const twice = '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"twice"},"data":{"a":"1","a":"2"}}';

  it("are refused, warned of, or passed over, and the last one counts", async () => {
    expectFailure(
      await send(twice, "application/json", `${MAPS}?fieldValidation=Strict`),
      400,
      "BadRequest",
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: duplicate field "data.a"',
    );
    const warned = await send(twice, "application/json", `${MAPS}?fieldValidation=Warn&dryRun=All`);
    expect(warned.headers["warning"]).toBe('299 - "duplicate field \\"data.a\\""');
    const ignored = await send(twice, "application/json", `${MAPS}?fieldValidation=Ignore&dryRun=All`);
    expect(ignored.headers["warning"]).toBeUndefined();
    for (const answer of [warned, ignored]) expect(answer.body.data).toEqual({ a: "2" });
  });

  it("in YAML", async () => {
    const yaml = "kind: ConfigMap\nmetadata:\n  name: twice\ndata:\n  a: first\n  a: last\n";
    expectFailure(
      await send(yaml, "application/yaml", `${MAPS}?fieldValidation=Strict`),
      400,
      "BadRequest",
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: yaml: unmarshal errors:\n  line 6: key "a" already set in map',
    );
    expect((await send(yaml, "application/yaml", `${MAPS}?dryRun=All`)).body.data).toEqual({ a: "last" });
  });
});

describe("names and labels", () => {
  const name = (length: number): string => "x".repeat(length);

  it.each([253, 1])("of %d characters", async (length) => {
    expect((await api.post(`${MAPS}?dryRun=All`, { metadata: { name: name(length) } })).status).toBe(201);
  });

  it.each<[object, RegExp]>([
    [{ name: name(254) }, /metadata\.name: Invalid value: "x+": must be no more than 253 (bytes|characters)/],
    [{ name: "Upper" }, /a lowercase RFC 1123 subdomain must consist of/],
    [{ name: ".." }, /metadata\.name: Invalid value: "\.\."/],
    [{ name: "a/b" }, /metadata\.name: Invalid value: "a\/b"/],
    [{}, /name or generateName is required/],
    [
      { name: "a", labels: { [name(64)]: "" } },
      /metadata\.labels: Invalid value: "x+": name part must be no more than 63/,
    ],
    [{ name: "a", labels: { [`${name(254)}/a`]: "" } }, /prefix part must be no more than 253/],
    [{ name: "a", labels: { a: name(64) } }, /metadata\.labels: Invalid value: "x+": must be no more than 63/],
    [{ name: "a", labels: { "a/b/c": "" } }, /a qualified name must consist of/],
    [{ name: "a", labels: { a: "-" } }, /a valid label must be an empty string or consist of/],
    [
      { name: "a", annotations: { a: "x".repeat(257 * 1024) } },
      /metadata\.annotations: Too long: may not be more than 262144 bytes/,
    ],
    [{ name: "a", finalizers: ["no-slash"] }, /name is neither a standard finalizer name nor is it fully qualified/],
  ])("past their limits: %j", async (metadata, message) => {
    expectFailure(await api.post(MAPS, { metadata }), 422, "Invalid", message);
  });

  it("at their limits", async () => {
    const labels = { [name(63)]: name(63), [`${Array.from({ length: 4 }, () => name(62)).join(".")}/${name(63)}`]: "" };
    expect((await api.post(`${MAPS}?dryRun=All`, { metadata: { name: "a", labels } })).status).toBe(201);
  });
});

describe("selectors and other parameters", () => {
  it.each<[string, number, string | undefined, RegExp]>([
    ["labelSelector=a,", 400, "BadRequest", /^found '', expected: identifier after ','$/],
    ["labelSelector=a,=", 400, "BadRequest", /^found '=', expected: identifier after ','$/],
    ["labelSelector==", 400, "BadRequest", /^found '=', expected: !, identifier, or 'end of string'$/],
    ["labelSelector=a==b=c", 400, "BadRequest", /^found '=', expected: ',' or 'end of string'$/],
    ["labelSelector=!a,!", 400, "BadRequest", /^unable to parse requirement: found '', expected: identifier$/],
    [
      "labelSelector=a%3Ex",
      400,
      "BadRequest",
      /^unable to parse requirement: values\[0\]: Invalid value: "x": for 'Gt', 'Lt' operators, the value must be an integer$/,
    ],
    [
      "sendInitialEvents=false",
      422,
      "Invalid",
      /sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list$/,
    ],
    [
      "watch=1&resourceVersionMatch=x",
      422,
      "Invalid",
      /is forbidden for watch unless sendInitialEvents is provided, resourceVersionMatch: Unsupported value: "x": supported values: "NotOlderThan"\]$/,
    ],
    ["labelSelector=a%20b", 400, "BadRequest", /unable to parse requirement: found 'b', expected:/],
    ["labelSelector=a%20in%20(", 400, "BadRequest", /unable to parse requirement/],
    ["labelSelector=-a", 400, "BadRequest", /name part must consist of alphanumeric characters/],
    ["labelSelector=a=%ff", 400, "BadRequest", /unable to parse requirement/],
    ["fieldSelector=nonsense", 400, "BadRequest", /^invalid selector: 'nonsense'; can't understand 'nonsense'$/],
    [
      "fieldSelector=__proto__=x",
      400,
      "BadRequest",
      /^"__proto__" is not a known field selector: only "metadata.name", "metadata.namespace"$/,
    ],
    ["fieldSelector=constructor=x", 400, "BadRequest", /^"constructor" is not a known field selector/],
    ["limit=x", 400, "BadRequest", /strconv\.ParseInt: parsing "x": invalid syntax/],
    ["limit=", 400, "BadRequest", /^strconv\.ParseInt: parsing "": invalid syntax$/],
    ["limit=1e3", 400, "BadRequest", /^strconv\.ParseInt: parsing "1e3": invalid syntax$/],
    [
      "limit=99999999999999999999",
      400,
      "BadRequest",
      /^strconv\.ParseInt: parsing "99999999999999999999": value out of range$/,
    ],
    ["timeoutSeconds=0x10", 400, "BadRequest", /^strconv\.ParseInt: parsing "0x10": invalid syntax$/],
    ["continue=x", 400, "BadRequest", /^invalid continue token: continue key is not valid/],
    ["continue=bnVsbA", 400, "BadRequest", /^invalid continue token: continue key is not valid/],
    [
      "resourceVersion=x",
      400,
      "BadRequest",
      /^invalid resource version: resourceVersion: Invalid value: "x": strconv\.ParseUint: parsing "x": invalid syntax$/,
    ],
    ["resourceVersion=99999999999999999999", 400, "BadRequest", /parsing "99999999999999999999": value out of range$/],
    [
      "watch=1&resourceVersion=-1",
      500,
      undefined,
      /^resourceVersion: Invalid value: "-1": strconv\.ParseUint: parsing "-1": invalid syntax$/,
    ],
    [
      "resourceVersionMatch=Exact",
      422,
      "Invalid",
      /resourceVersionMatch is forbidden unless resourceVersion is provided/,
    ],
  ])("%s", async (query, code, reason, message) => {
    expectFailure(await api.get(`${MAPS}?${query}`), code, reason, message);
  });

  it.each(["constructor", "__proto__", "toString"])("%s is no resource, subresource or group", async (name) => {
    for (const path of [`/api/v1/${name}`, `${PODS}/a/${name}`, `/api/${name}/pods`]) {
      expectFailure(await api.get(path), 404, "NotFound", "the server could not find the requested resource");
    }
    expect(await api.get(`/apis/${name}/v1/pods`)).toMatchObject({ status: 404, text: "404 page not found\n" });
    expect((await api.request(name, MAPS)).status).toBeGreaterThanOrEqual(400);
  });
});

describe("keys named like what every object has", () => {
  const data = JSON.parse('{"__proto__":"p","constructor":"c","hasOwnProperty":"h"}') as object;
  const entries = (answer: Answer): unknown =>
    Object.entries(answer.body.data as object).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const expected = [
    ["__proto__", "p"],
    ["constructor", "c"],
    ["hasOwnProperty", "h"],
  ];
  const object = (name: string): object => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data });

  it.each<[string, string, () => Promise<Answer>]>([
    ["JSON", "proto-json", () => api.post(MAPS, object("proto-json"))],
    [
      "protobuf",
      "proto-protobuf",
      () => send(encodeProtobuf(object("proto-protobuf")), "application/vnd.kubernetes.protobuf"),
    ],
    [
      "YAML",
      "proto-yaml",
      () =>
        send(
          "metadata: {name: proto-yaml}\ndata:\n  __proto__: p\n  constructor: c\n  hasOwnProperty: h\n",
          "application/yaml",
        ),
    ],
    [
      "apply",
      "proto-apply",
      () => api.patch(`${MAPS}/proto-apply?fieldManager=m`, object("proto-apply"), "application/apply-patch+yaml"),
    ],
  ])("are kept in %s", async (_how, name, write) => {
    expect((await write()).status).toBe(201);
    expect(entries(await api.get(`${MAPS}/${name}`))).toEqual(expected);
  });

  it.each([
    ["merge-patch+json", { data }],
    ["strategic-merge-patch+json", { data }],
    [
      "json-patch+json",
      Object.entries(data).map(([key, value]) => ({ op: "add", path: `/data/${key}`, value: value as string })),
    ],
  ])("are kept by application/%s", async (type, body) => {
    const name = `proto-${type.split("-")[0]}`;
    await api.post(MAPS, { metadata: { name }, data: {} });
    const answer = await api.patch(
      `${MAPS}/${name}`,
      type.startsWith("json") ? [{ op: "add", path: "/data", value: {} }, ...(body as object[])] : body,
      `application/${type}`,
    );
    expect(answer.status).toBe(200);
    expect(entries(await api.get(`${MAPS}/${name}`))).toEqual(expected);
    expect(({} as Record<string, unknown>)["p"]).toBeUndefined();
  });

  it("are kept in custom resources, and in secrets written as text", async () => {
    await api.post(WIDGETS_PATH, {
      apiVersion: "example.com/v1",
      kind: "Widget",
      metadata: { name: "proto" },
      spec: data,
    });
    const widget = await api.get(`${WIDGETS_PATH}/proto`);
    expect(Object.keys(widget.body.spec as object).toSorted()).toEqual(["__proto__", "constructor", "hasOwnProperty"]);
    const secret = await api.post("/api/v1/namespaces/default/secrets", {
      metadata: { name: "proto" },
      stringData: data,
    });
    expect(Object.keys(secret.body.data as object).toSorted()).toEqual(["__proto__", "constructor", "hasOwnProperty"]);
  });

  it("are no resources that a container can ask for", async () => {
    const amounts = JSON.parse('{"__proto__":"1","constructor":"1","toString":"1"}') as object;
    for (const resources of [{ requests: amounts }, { limits: amounts }]) {
      const containers = [{ name: "c", image: "i", resources }];
      for (const spec of [
        { containers },
        { resources, containers, initContainers: [{ ...containers[0], name: "i" }] },
      ]) {
        const { status, body } = await api.post(PODS, { metadata: { name: "proto" }, spec });
        expect([status, body.message]).toEqual([
          422,
          expect.stringMatching(/\[constructor\]: Invalid value: "constructor"/),
        ]);
      }
    }
  });

  it.each(["__proto__", "constructor"])("are no kind that a token can be bound to: %s", async (kind) => {
    const account = `/api/v1/namespaces/default/serviceaccounts`;
    await api.post(account, { metadata: { name: "bound" } });
    const { status, body } = await api.post(`${account}/bound/token`, {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: { audiences: [], boundObjectRef: { apiVersion: "v1", kind, name: "x" } },
    });
    expect([status, body.message]).toEqual([400, `cannot bind token to a ${kind} object`]);
  });

  it.each(["__proto__", "constructor", "hasOwnProperty"])("as a Secret's type: %s", async (type) => {
    const made = await api.post("/api/v1/namespaces/default/secrets?dryRun=All", { metadata: { name: "typed" }, type });
    expect(made.status).toBe(201);
  });
});

describe("values nested a thousand deep", () => {
  const nested = (depth: number): string => '{"a":'.repeat(depth) + "1" + "}".repeat(depth);

  it.each([1000, 1190])("%d: are kept where anything may be", async (depth) => {
    const name = `deep-${depth}`;
    const body = `{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"${name}"},"spec":${nested(depth)}}`;
    expect((await send(body, "application/json", WIDGETS_PATH)).status).toBe(201);
    const read = await api.request("GET", `${WIDGETS_PATH}/${name}`, undefined, { accept: "application/json" });
    expect(read.text).toContain(nested(depth));
    const patch = await api.patch(`${WIDGETS_PATH}/${name}`, { metadata: { labels: { a: "b" } } });
    expect(patch.status).toBe(200);
    expect((await api.delete(`${WIDGETS_PATH}/${name}`)).status).toBe(200);
  });

  it("and deeper are refused, in every format, and so are patches that would make them", async () => {
    const body = (depth: number): string =>
      `{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"deeper"},"spec":${nested(depth)}}`;
    for (const type of ["application/json", "application/yaml"])
      expectFailure(await send(body(1250), type, WIDGETS_PATH), 400, "BadRequest", /exceeded max depth/);
    const apply = await api.patch(`${WIDGETS_PATH}/deeper?fieldManager=m`, body(1250), "application/apply-patch+yaml");
    expectFailure(apply, 400, "BadRequest", /exceeded max depth/);
    expect((await send(body(1000), "application/json", WIDGETS_PATH)).status).toBe(201);
    const inner = `/spec${"/a".repeat(999)}`;
    const deeper = `[{"op":"replace","path":"${inner}","value":${nested(300)}}]`;
    const patch = await api.patch(`${WIDGETS_PATH}/deeper`, deeper, "application/json-patch+json");
    expectFailure(patch, 400, "BadRequest", /exceeded max depth/);
  });

  it("are no fields of a ConfigMap", async () => {
    const body = `{"metadata":{"name":"deep","labels":${nested(1000)}}}`;
    expectFailure(
      await send(body),
      400,
      "BadRequest",
      /cannot unmarshal object into Go struct field ObjectMeta\.metadata\.labels/,
    );
  });
});

describe("integers beyond 2^53 in kinds of the API", () => {
  const job = (seconds: string): string =>
    `{"metadata":{"name":"big"},"spec":{"activeDeadlineSeconds":${seconds},"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"x"}]}}}}`;

  it("are kept when a number holds them exactly, and refused when it does not", async () => {
    expect((await send(job("9007199254740992"), "application/json", `${JOBS}?dryRun=All`)).status).not.toBe(400);
    const refused = /the number 9007199254740993 at spec\.activeDeadlineSeconds cannot be kept exactly/;
    expectFailure(await send(job("9007199254740993"), "application/json", JOBS), 400, "BadRequest", refused);
    const yaml =
      "apiVersion: batch/v1\nkind: Job\nmetadata: {name: big}\nspec: {activeDeadlineSeconds: 9007199254740993}\n";
    expectFailure(await send(yaml, "application/yaml", JOBS), 400, "BadRequest", refused);
    const patch = '{"spec":{"activeDeadlineSeconds":9007199254740993}}';
    expectFailure(await api.patch(`${JOBS}/none`, patch), 400, "BadRequest", refused);
    const apply = await api.patch(`${JOBS}/big?fieldManager=m`, yaml, "application/apply-patch+yaml");
    expectFailure(apply, 400, "BadRequest", refused);
    const beyond = /cannot unmarshal number 9223372036854776000 into .* of type int64/;
    expectFailure(await send(job("9223372036854775808"), "application/json", JOBS), 400, "BadRequest", beyond);
  });

  it("do no harm in texts and in floating point", async () => {
    expect(
      (await api.post(`${MAPS}?dryRun=All`, { metadata: { name: "a" }, data: { a: "9007199254740993" } })).status,
    ).toBe(201);
    const crd = structuredClone(WIDGETS) as {
      metadata: object;
      spec: { names: object; versions: { schema: object }[] };
    };
    crd.metadata = { name: "gadgets.example.com" };
    crd.spec.names = { plural: "gadgets", singular: "gadget", kind: "Gadget" };
    const text = JSON.stringify(crd).replace(
      '"x-kubernetes',
      '"properties":{"n":{"type":"integer","maximum":9223372036854775807}},"x-kubernetes',
    );
    const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions?dryRun=All";
    expect((await send(text, "application/json", path)).status).toBe(201);
  });
});
