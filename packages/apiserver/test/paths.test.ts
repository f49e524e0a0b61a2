// What is said at paths, methods and media types that nobody serves, and at those beside the API of resources.
import { request } from "node:https";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { define, definition, version } from "./definitions.ts";
import { expectFailure } from "./expect-failure.ts";
import { Harness } from "./harness.ts";
import type { Answer } from "./harness.ts";

const NOT_FOUND = "the server could not find the requested resource";
const NOT_ALLOWED = "the server does not allow this method on the requested resource";
const GROUP = "/apis/paths.example.com/v1";

let api: Harness;
beforeAll(async () => {
  api = await Harness.start({ server: { corsAllowedOrigins: ["^https://console\\.example\\.com$"] } });
  await define(api, definition("parts", "paths.example.com", [version("v1")]));
  await define(api, definition("wholes", "paths.example.com", [version("v1")], { scope: "Cluster" }));
});
afterAll(() => api[Symbol.asyncDispose]());

describe("a path at which there is nothing", () => {
  it.each([
    "/nothing",
    "/healthz/",
    "/livez/nothing",
    "/metrics/",
    "/openapi/v2/",
    "/apis/nothing.example.com",
    "/apis/nothing.example.com/v1",
    "/apis/nothing.example.com/v1/things",
    `${GROUP}/others`,
    "/apis/paths.example.com/v2/parts",
    `${GROUP}/parts/a`,
    `${GROUP}/namespaces/default/wholes`,
    `${GROUP}/namespaces/default/wholes/a`,
  ])("%s: as Go says it", async (path) => {
    const answer = await api.get(path);
    expect(answer).toMatchObject({ status: 404, text: "404 page not found\n" });
    expect(answer.headers).toMatchObject({
      "content-type": "text/plain; charset=utf-8",
      "x-content-type-options": "nosniff",
      "cache-control": "no-cache, private",
    });
  });

  it.each([
    "/api/v2",
    "/api/v1/things",
    "/apis/apps/v9",
    "/apis/apps/v9/deployments",
    "/version/x",
    "/api/v1/pods/a",
    "/api/v1/bindings",
    "/api/v1/namespaces/default/nodes",
    "/api/v1/namespaces/default/namespaces",
    "/api/v1/namespaces/default/nodes/a/proxy/",
    "/api/v1/namespaces/default/pods/a/status/b",
    "/apis/rbac.authorization.k8s.io/v1/namespaces/default/clusterroles",
  ])("%s: below what is served, a Status", async (path) => {
    expectFailure(await api.get(path), 404, "NotFound", NOT_FOUND);
  });

  it("is a subresource that a custom resource has not", async () => {
    expectFailure(await api.get(`${GROUP}/wholes/a/x`), 404, "NotFound", 'wholes.paths.example.com "a" not found');
  });

  it("of OpenAPI has no words", async () => {
    expect(await api.get("/openapi/v3/apis/nothing/v1")).toMatchObject({ status: 404, text: "" });
  });
});

describe("a method that a path has not", () => {
  it.each([
    ["HEAD", "/api/v1/namespaces"],
    ["OPTIONS", "/api/v1/namespaces/default"],
    ["PUT", "/api/v1/namespaces"],
    ["DELETE", "/api/v1/pods"],
    ["GET", "/api/v1/namespaces/default/bindings"],
    ["GET", "/apis/authorization.k8s.io/v1/subjectaccessreviews"],
    ["POST", "/version"],
    ["POST", "/api"],
    ["POST", "/apis/apps/v1"],
    ["POST", "/openid/v1/jwks"],
  ])("%s %s", async (method, path) => {
    const answer = await api.request(method, path);
    expect(answer.status).toBe(405);
    if (method !== "HEAD") expectFailure(answer, 405, "MethodNotAllowed", NOT_ALLOWED);
  });

  it.each(["/healthz", "/", "/apis", "/apis/apps", "/metrics"])("does not matter at %s", async (path) => {
    expect((await api.request("POST", path)).status).toBe(200);
  });

  it("is told of a custom resource by its verb", async () => {
    const of = (verb: string): string => `${verb} is not supported on resources of kind "wholes.paths.example.com"`;
    expectFailure(await api.request("OPTIONS", `${GROUP}/wholes`), 405, "MethodNotAllowed", of(""));
    expectFailure(await api.put(`${GROUP}/wholes`, {}), 400, "BadRequest", "name must be provided");
    expect((await api.request("HEAD", `${GROUP}/wholes`)).status).toBe(200);
  });

  it("is that of a watch, where there is none", async () => {
    const message = 'watch is not supported on resources of kind "componentstatuses"';
    expectFailure(await api.get("/api/v1/componentstatuses?watch=1"), 405, "MethodNotAllowed", message);
  });
});

describe("media types", () => {
  const available = (types: string): string => `406: Not Acceptable\n\nAvailable representations: ${types}`;
  const objects = "application/json, application/yaml, application/vnd.kubernetes.protobuf";
  const lists = `${objects}, application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch`;

  it.each([
    ["/api/v1/namespaces/default", "text/html", objects],
    ["/api/v1/namespaces", "application/*", lists],
    ["/api/v1", "text/html", objects],
    ["/version", "text/plain", "application/json"],
    ["/openid/v1/jwks", "application/json", "application/jwk-set+json"],
  ])("%s as %s", async (path, accept, types) => {
    expectFailure(await api.get(path, { accept }), 406, "NotAcceptable", available(types));
  });

  it("of a watch are those that can be streamed", async () => {
    const answer = await api.get("/api/v1/namespaces?watch=1", { accept: "application/yaml" });
    // The error itself has the form that was asked for.
    expect(answer).toMatchObject({ status: 406, headers: { "content-type": "application/yaml" } });
    const types = "application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch";
    expect(parse(answer.text).message).toBe(`only the following media types are accepted: ${types}`);
  });

  it("of a failure are those that the client accepts", async () => {
    const missing = "/api/v1/namespaces/missing";
    const yaml = await api.get(missing, { accept: "application/yaml" });
    expect(yaml).toMatchObject({ status: 404, headers: { "content-type": "application/yaml" } });
    expect(yaml.text).toMatch(
      /^apiVersion: v1\ncode: 404\ndetails:\n {2}kind: namespaces\n {2}name: missing\nkind: Status\n/,
    );
    const protobuf = await api.get(missing, { accept: "application/vnd.kubernetes.protobuf,application/json" });
    expect(protobuf).toMatchObject({
      status: 404,
      headers: { "content-type": "application/vnd.kubernetes.protobuf" },
    });
    expect(protobuf.text.slice(0, 3)).toBe("k8s");
    // Who accepts nothing of it is told in indented JSON.
    const html = await api.get(`${GROUP}/wholes/missing`, { accept: "text/html" });
    expectFailure(html, 406, "NotAcceptable", /^only the following media types are accepted: /);
    expect(html.text).toContain('\n  "code": 406\n}');
  });

  it("of metadata alone tell one object from a list", async () => {
    const asked = async (path: string, kind: string): Promise<Answer> =>
      await api.get(path, { accept: `application/json;as=${kind};v=v1;g=meta.k8s.io` });
    const [one, list] = ["PartialObjectMetadata", "PartialObjectMetadataList"];
    for (const [path, type] of [
      ["/api/v1/namespaces", "*core.NamespaceList"],
      ["/apis/rbac.authorization.k8s.io/v1/clusterroles", "*rbac.ClusterRoleList"],
      [`${GROUP}/parts`, "*unstructured.UnstructuredList"],
    ]) {
      expect((await asked(path ?? "", list)).body.kind).toBe(list);
      const message = `you requested PartialObjectMetadata, but the requested object is a list (${type})`;
      expectFailure(await asked(path ?? "", one), 406, "NotAcceptable", message);
    }
    const single = "/api/v1/namespaces/default";
    expect((await asked(single, one)).body.kind).toBe(one);
    const message = "you requested PartialObjectMetadataList, but the requested object is not a list (*core.Namespace)";
    expectFailure(await asked(single, list), 406, "NotAcceptable", message);
  });

  it("of OpenAPI are told by the code alone", async () => {
    for (const path of ["/openapi/v2", "/openapi/v3/apis/apps/v1"])
      expect(await api.get(path, { accept: "text/html" })).toMatchObject({ status: 406, text: "" });
  });
});

it.each([
  ["true", {}, true],
  ["t", {}, true],
  ["1", {}, true],
  ["0", { "user-agent": "curl/8" }, false],
  ["yes", { "user-agent": "curl/8" }, false],
  ["", { "user-agent": "curl/8" }, true],
  ["", {}, false],
  ["", { accept: "application/json;pretty=1" }, true],
  ["", { accept: "application/json;pretty=true" }, false],
])("indents for pretty=%s and %j: %s", async (pretty, headers: Record<string, string>, indented) => {
  const { text } = await api.get(`/api/v1/namespaces/default?pretty=${pretty}`, headers);
  expect(text.startsWith('{\n  "kind"')).toBe(indented);
  expect(text.endsWith(indented ? "\n}" : "}}\n")).toBe(true);
});

describe("percent-encoded paths", () => {
  it("are decoded before they are taken apart", async () => {
    expect((await api.get("/api/v1/namespaces%2Fdefault")).body).toMatchObject({ kind: "Namespace" });
    expect((await api.get("/api/v1/namespaces/default%2Fserviceaccounts/defaul%74")).body.kind).toBe("ServiceAccount");
    expect((await api.get("/health%7A/pin%67")).text).toBe("ok");
    expectFailure(await api.get("/api/v1/namespaces/default/pods/%E4"), 404, "NotFound", 'pods "\ufffd" not found');
  });

  it("are refused where they cannot be decoded", async () => {
    expect(await api.get("/api/v1/namespaces/%zz")).toMatchObject({ status: 400, text: "400 Bad Request" });
    expect((await api.get("/api/v1/namespaces/default?pretty=%zz")).status).toBe(200);
  });

  it.each(["/api/v1/watch", "/apis/apps/v1/proxy/"])("that say nothing but a verb are none: %s", async (path) => {
    expect(await api.get(path)).toMatchObject({
      status: 500,
      text: `Internal Server Error: "${path}": failed to create RequestInfo: unable to determine kind and namespace from url, ${path}\n`,
    });
  });
});

// As Go's encoder writes: a line feed after each object, the characters escaped that mean something in HTML.
describe("JSON on the wire", () => {
  const command = ["sh", "-c", "a && b > c"];
  const object = {
    kind: "Pod",
    apiVersion: "v1",
    metadata: { name: "lines", annotations: { html: "<b>" } },
    spec: { containers: [{ name: "c", image: "i", command }] },
  };
  const pods = "/api/v1/namespaces/default/pods";

  it("ends in one line feed: objects, lists of any length, metadata, tables, statuses, discovery", async () => {
    await api.post(pods, object);
    await api.post(pods, { ...object, metadata: { name: "lines-2" } });
    const table = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" };
    const partial = { accept: "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io" };
    for (const [path, headers] of [
      [`${pods}/lines`],
      [pods],
      ["/api/v1/namespaces/kube-public/pods"],
      [`${pods}/lines`, table],
      [pods, table],
      [pods, partial],
      [`${pods}/nobody`],
      ["/api"],
      ["/apis"],
      ["/apis/apps"],
      ["/apis/apps/v1"],
      ["/apis", { accept: "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList" }],
    ] as [string, Record<string, string>?][]) {
      const { text } = await api.get(path, headers);
      expect([path, text.indexOf("\n")]).toEqual([path, text.length - 1]);
    }
  });

  it("escapes what means something in HTML, wherever it is read from", async () => {
    const escaped = String.raw`"a \u0026\u0026 b \u003e c"`;
    const one = await api.get(`${pods}/lines`);
    expect(one.text).toContain(escaped);
    expect(one.text).toContain(String.raw`"html":"\u003cb\u003e"`);
    expect((await api.get(pods)).text).toContain(escaped);
    expect((await api.get(`${pods}/lines?pretty=true`)).text).toContain(escaped);
    expect((await api.get(`${pods}/lines`)).body.spec.containers[0].command).toEqual(command);
  });

  it("is indented without a line feed where upstream does not negotiate, and never indented where it is kept", async () => {
    for (const path of ["/version", "/"]) {
      const { text } = await api.get(path);
      expect([path, text]).toEqual([path, JSON.stringify(JSON.parse(text), undefined, 2)]);
    }
    const curl = { "user-agent": "curl/8" };
    for (const path of ["/.well-known/openid-configuration", "/openapi/v2"]) {
      const { text } = await api.get(path, curl);
      expect([path, text.includes("\n")]).toEqual([path, false]);
    }
  });
});

describe("health", () => {
  it("is told check by check, under their names", async () => {
    for (const path of [
      "/livez/ping",
      "/readyz/etcd-readiness",
      "/readyz/poststarthook/rbac/bootstrap-roles",
      "/readyz/shutdown",
    ])
      expect(await api.get(path)).toMatchObject({ status: 200, text: "ok" });
    expect((await api.get("/livez/shutdown")).status).toBe(404);
  });

  it("names what cannot be excluded in order", async () => {
    const { text } = await api.get("/readyz?verbose&exclude=b&exclude=etcd&exclude=a");
    expect(text).toMatch(/^\[\+\]ping ok\n\[\+\]etcd excluded: ok\n\[\+\]etcd-readiness ok\n/);
    expect(text).toMatch(
      /\[\+\]shutdown ok\nwarn: some health checks cannot be excluded: no matches for "a","b"\nreadyz check passed\n$/,
    );
  });

  it("is counted, as often as somebody asks", async () => {
    const count = /^kubernetes_healthchecks_total\{name="shutdown",status="success",type="readyz"\} (\d+)$/m;
    const counted = async (): Promise<number> => Number(count.exec((await api.get("/metrics/slis")).text)?.[1] ?? 0);
    const before = await counted();
    await api.get("/readyz");
    expect(await counted()).toBe(before + 1);
    expect((await api.get("/metrics/slis")).text).toMatch(/^kubernetes_healthcheck\{name="ping",type="readyz"\} 1$/m);
  });

  it("is in the index, with all else that there is", async () => {
    const { paths } = (await api.get("/index.html")).body;
    for (const path of ["/apis/paths.example.com/v1", "/healthz/ping", "/openid/v1/jwks", "/version"])
      expect(paths).toContain(path);
    expect(paths).toEqual([...paths].sort((a, b) => (a < b ? -1 : 1)));
  });
});

it("counts requests anew when asked to", async () => {
  await api.get("/api/v1/namespaces");
  const counted = /apiserver_request_total\{verb="LIST",group="",version="v1",resource="namespaces"/;
  expect((await api.get("/metrics")).text).toMatch(counted);
  expect(await api.request("DELETE", "/metrics")).toMatchObject({ status: 200, text: "metrics reset\n" });
  expect((await api.get("/metrics")).text).not.toMatch(counted);
});

describe("parameters", () => {
  it("timeout ends a request in time, and must be a duration", async () => {
    const maps = "/api/v1/namespaces/default/configmaps";
    const invalid = "invalid timeout specified in the request URL - time: ";
    expectFailure(await api.get(`${maps}?timeout=5`), 400, "BadRequest", `${invalid}missing unit in duration "5"`);
    expectFailure(await api.get(`${maps}?timeout=x`), 400, "BadRequest", `${invalid}invalid duration "x"`);
    for (const timeout of ["0", "-1s", "30s", "9999h"])
      expect((await api.get(`${maps}?timeout=${timeout}`)).status).toBe(200);
    // Waits for a version that never comes.
    const never = await api.get(`${maps}?resourceVersion=999999999&timeout=10ms`);
    expect([never.status, never.headers["content-type"]]).toEqual([504, "text/plain; charset=utf-8"]);
    expect(never.text).toBe(
      '{"metadata":{},"status":"Failure","message":"Timeout: request did not complete within the allotted timeout","reason":"Timeout","details":{},"code":504}\n',
    );
  });

  it("watch is false in any case, and means nothing at one object", async () => {
    expect((await api.get("/api/v1/namespaces?watch=False")).body.kind).toBe("NamespaceList");
    expect((await api.get("/api/v1/namespaces/default?watch=true")).body.kind).toBe("Namespace");
  });
});

describe("field selectors", () => {
  const unsupported = (field: string): string => `field label not supported: ${field}`;
  const unknown = (field: string): string =>
    `"${field}" is not a known field selector: only "metadata.name", "metadata.namespace"`;
  it.each([
    ["/api/v1/pods", "spec.x", unsupported("spec.x")],
    ["/api/v1/nodes", "metadata.namespace", unsupported("metadata.namespace")],
    ["/api/v1/namespaces", "name", unsupported("name")],
    ["/api/v1/configmaps", "data", unknown("data")],
    ["/api/v1/persistentvolumes", "name", unknown("name")],
    ["/apis/batch/v1/jobs", "x", 'field label "x" not supported for batchv1.Job'],
    [
      "/apis/resource.k8s.io/v1/resourceslices",
      "x",
      "field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: x",
    ],
    [`${GROUP}/parts`, "spec.x", unsupported("spec.x")],
    [`${GROUP}/wholes`, "metadata.namespace", unsupported("metadata.namespace")],
  ])("%s by %s", async (path, field, message) => {
    expectFailure(await api.get(`${path}?fieldSelector=${field}=x`), 400, "BadRequest", message);
    expectFailure(await api.get(`${path}?watch=1&fieldSelector=${field}!=x`), 400, "BadRequest", message);
  });

  it("know a pod's node by its old name", async () => {
    expect((await api.get("/api/v1/pods?fieldSelector=spec.host=x,status.podIPs=y")).body.items).toEqual([]);
  });
});

describe("a request to upgrade the connection", () => {
  /** By HTTP/1.1; resolves with the answer, which is no upgrade. */
  const asked = async (path: string, headers: Record<string, string>, method = "GET"): Promise<[number, string]> =>
    await new Promise((resolve, reject) => {
      const config = api.server.loopbackConfig;
      const client = { ca: config.caData, cert: config.clientCertData, key: config.clientKeyData };
      request(`${config.server}${path}`, { method, ...client, headers: { connection: "Upgrade", ...headers } })
        .on("response", (response) => {
          let text = "";
          response.on("data", (chunk: Buffer) => (text += chunk.toString()));
          response.on("end", () => resolve([response.statusCode ?? 0, text]));
        })
        .on("error", reject)
        .end();
    });

  it.each(["SPDY/3.1", "websocket", "h2c"])("to %s means nothing where nothing is upgraded", async (upgrade) => {
    const [status, text] = await asked("/api/v1/namespaces/default", { upgrade });
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({ kind: "Namespace" });
    expect(await asked("/healthz", { upgrade })).toEqual([200, "ok"]);
    expect(await asked("/nothing", { upgrade })).toEqual([404, "404 page not found\n"]);
  });

  it("leads no further than any other", async () => {
    const [status, text] = await asked("/api/v1/namespaces/default/nodes?watch=1", { upgrade: "websocket" });
    expect([status, JSON.parse(text).message]).toEqual([404, NOT_FOUND]);
    const [proxied] = await asked("/api/v1/namespaces/default/nodes/a/proxy/", { upgrade: "SPDY/3.1" });
    expect(proxied).toBe(404);
  });

  it("to watch otherwise than by WebSocket streams as ever", async () => {
    const [status, text] = await asked("/api/v1/namespaces?watch=1&timeoutSeconds=1", { upgrade: "h2c" });
    expect(status).toBe(200);
    expect(text).toMatch(/^\{"type":"ADDED",/);
  });
});

describe("pages of other origins", () => {
  const origin = "https://console.example.com";

  it("are told what they may do, before they are known", async () => {
    const answer = await api.request("OPTIONS", "/api/v1/namespaces", undefined, { origin });
    expect(answer.status).toBe(204);
    expect(answer.headers).toMatchObject({
      "access-control-allow-origin": origin,
      "access-control-allow-methods": "POST, GET, OPTIONS, PUT, DELETE, PATCH",
      "access-control-allow-credentials": "true",
    });
    const read = await api.get("/api/v1/namespaces/default", { origin });
    expect(read).toMatchObject({ status: 200, headers: { "access-control-allow-origin": origin } });
  });

  it("are not, where they are not allowed", async () => {
    const other = { origin: "https://console.example.com.evil.example" };
    expect((await api.request("OPTIONS", "/api/v1/namespaces", undefined, other)).status).toBe(405);
    const { headers } = await api.get("/api/v1/namespaces/default", other);
    expect(headers["access-control-allow-origin"]).toBeUndefined();
  });
});

it("says how long documents may be kept", async () => {
  const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
  expect((await api.get("/apis", { accept })).headers["cache-control"]).toBe("public");
  expect((await api.get("/apis")).headers["cache-control"]).toBe("no-cache, private");
  expect((await api.get("/openid/v1/jwks")).headers["cache-control"]).toBe("public, max-age=3600");
  const { headers } = await api.get("/openapi/v2");
  for (const known of [headers.etag ?? "", `W/${headers.etag}`, `"x", ${headers.etag}`, "*"])
    expect(await api.get("/openapi/v2", { "if-none-match": known })).toMatchObject({ status: 304, text: "" });
});
