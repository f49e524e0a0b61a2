import type { IncomingMessage } from "node:http";
import { connect } from "node:http2";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { Harness } from "./harness.ts";
import type { Json } from "./harness.ts";
import { RemoteServer } from "./remote-server.ts";
import type { RemoteHandler } from "./remote-server.ts";

const MUTATING = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
const VALIDATING = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
const NS = "/api/v1/namespaces/default";
const MAPS = `${NS}/configmaps`;

const review = (body: Json, response: object): object => ({
  apiVersion: body.apiVersion,
  kind: body.kind,
  response: { uid: body.request.uid, allowed: true, ...response },
});
const allow: RemoteHandler = ({ body }) => review(body, {});
const deny =
  (status?: object): RemoteHandler =>
  ({ body }) =>
    review(body, { allowed: false, ...(status === undefined ? {} : { status }) });
const patch =
  (...operations: object[]): RemoteHandler =>
  ({ body }) =>
    review(body, { patchType: "JSONPatch", patch: Buffer.from(JSON.stringify(operations)).toString("base64") });

describe("admission webhooks", () => {
  let api: Harness;
  let remote: RemoteServer;

  beforeAll(async () => {
    remote = await RemoteServer.start("hook", {
      "/allow": allow,
      "/deny": deny({ message: "no", code: 403, reason: "Forbidden" }),
      "/deny-silently": deny(),
      "/warn": ({ body }) => review(body, { warnings: ["careful", "☕\n"], auditAnnotations: { key: "value" } }),
      "/a": ({ body }) =>
        patch({ op: "add", path: "/data/a", value: String((body.request.object.data.a ?? "") + "a") })(
          { body } as never,
          undefined as never,
        ),
      "/name": patch({ op: "add", path: "/metadata/name", value: "chosen" }),
      "/b": patch({ op: "add", path: "/data/b", value: "b" }),
      "/junk": patch(
        { op: "add", path: "/spec/containers/0/junk", value: 1 },
        { op: "add", path: "/spec/initContainers", value: [{ name: "i", image: "i" }] },
      ),
      "/bad-uid": ({ body }) => ({ ...review(body, {}), response: { uid: "x", allowed: true } }),
      "/null-patch": ({ body }) => review(body, { patch: "W10=" }),
      "/wrong-types": ({ body }) => review(body, { warnings: { a: 1 } }),
      "/error": (_request, response) => void response.writeHead(500).end("boom"),
      "/moved": (_request, response) => void response.writeHead(302, { location: "/allow" }).end(),
      "/hang": () => new Promise<void>(() => undefined),
    });
    api = await Harness.start();
    await remote.expose(api, "hook");
  });

  afterAll(async () => {
    await api[Symbol.asyncDispose]();
    await remote[Symbol.asyncDispose]();
  });

  afterEach(async () => {
    remote.requests.length = 0;
    for (const path of [MUTATING, VALIDATING]) await api.delete(path);
  });

  const hook = (path: string, more: object = {}): object => ({
    name: `${path.slice(1)}.example.com`,
    clientConfig: {
      service: { namespace: "default", name: "hook", path, port: remote.port },
      caBundle: remote.caBundle,
    },
    rules: [{ operations: ["*"], apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"] }],
    sideEffects: "None",
    admissionReviewVersions: ["v1"],
    ...more,
  });
  const configure = async (path: string, name: string, ...webhooks: object[]): Promise<void> => {
    const { status, text } = await api.post(path, { metadata: { name }, webhooks });
    expect([status, text]).toEqual([201, expect.anything()]);
  };
  const create = (name: string, data: object = { x: "y" }, query = ""): Promise<Json> =>
    api.post(`${MAPS}${query}`, { metadata: { name }, data });
  const messageOf = async (name: string): Promise<unknown> => {
    const { body } = await create(name);
    return [body.code, body.message];
  };

  it("shows mutating webhooks an object that has no name yet, and validating ones the name that was made", async () => {
    await configure(MUTATING, "m", hook("/b"));
    await configure(VALIDATING, "v", hook("/allow"));
    const { status, body } = await api.post(MAPS, {
      metadata: { generateName: "gen-", uid: "mine" },
      data: { x: "y" },
    });
    expect(status).toBe(201);
    const { name, uid, creationTimestamp } = body.metadata;
    const [first, second] = remote.requests.map(({ body: { request } }) => request);
    expect(first.object.metadata).toEqual({
      generateName: "gen-",
      namespace: "default",
      managedFields: expect.anything(),
    });
    expect("name" in first).toBe(false);
    expect(second).toMatchObject({ name, object: { metadata: { name, uid, creationTimestamp } } });
  });

  it("lets a mutating webhook choose the name", async () => {
    await configure(MUTATING, "m", hook("/name"));
    await configure(VALIDATING, "v", hook("/allow"));
    const { body } = await api.post(MAPS, { metadata: { generateName: "gen-" } });
    expect(body.metadata).toMatchObject({ name: "chosen", generateName: "gen-" });
    expect(remote.requests.map(({ body: { request } }) => request.name)).toEqual([undefined, "chosen"]);
  });

  it("asks with a whole AdmissionReview", async () => {
    await configure(VALIDATING, "v", hook("/allow", { timeoutSeconds: 7 }));
    expect((await create("review")).status).toBe(201);
    const [{ url, body } = { url: "", body: undefined }] = remote.requests;
    expect(url).toBe("/allow?timeout=7s");
    expect(body).toMatchObject({
      kind: "AdmissionReview",
      apiVersion: "admission.k8s.io/v1",
      request: {
        kind: { group: "", version: "v1", kind: "ConfigMap" },
        resource: { group: "", version: "v1", resource: "configmaps" },
        requestKind: { group: "", version: "v1", kind: "ConfigMap" },
        name: "review",
        namespace: "default",
        operation: "CREATE",
        userInfo: { username: "system:apiserver", groups: expect.arrayContaining(["system:masters"]) },
        object: { kind: "ConfigMap", apiVersion: "v1", data: { x: "y" }, metadata: { uid: expect.any(String) } },
        oldObject: null,
        dryRun: false,
        options: { kind: "CreateOptions", apiVersion: "meta.k8s.io/v1" },
      },
    });
    await api.patch(`${MAPS}/review`, { data: { x: "z" } });
    expect(remote.requests[1]?.body.request).toMatchObject({
      operation: "UPDATE",
      object: { data: { x: "z" } },
      oldObject: { data: { x: "y" } },
      options: { kind: "UpdateOptions" },
    });
    await api.delete(`${MAPS}/review`);
    expect(remote.requests[2]?.body.request).toMatchObject({
      operation: "DELETE",
      object: null,
      oldObject: { data: { x: "z" } },
      options: { kind: "DeleteOptions" },
    });
  });

  it("refuses with the webhook's words", async () => {
    await configure(VALIDATING, "v", hook("/deny"));
    expect(await messageOf("denied")).toEqual([403, 'admission webhook "deny.example.com" denied the request: no']);
    await configure(MUTATING, "m", hook("/deny-silently"));
    expect(await messageOf("denied")).toEqual([
      400,
      'admission webhook "deny-silently.example.com" denied the request without explanation',
    ]);
    // The configuration itself is exempt.
    expect((await api.delete(`${MUTATING}/m`)).status).toBe(200);
  });

  it("passes warnings on", async () => {
    await configure(VALIDATING, "v", hook("/warn"));
    expect((await create("warned")).headers.warning).toBe('299 - "careful"');
  });

  it("mutates one after the other, by name, and reinvokes", async () => {
    await configure(MUTATING, "m2", hook("/b"));
    await configure(MUTATING, "m1", hook("/a", { reinvocationPolicy: "IfNeeded" }));
    const { body } = await create("mutated");
    expect(body.data).toEqual({ x: "y", a: "aa", b: "b" });
    expect(remote.requests.map(({ url }) => url.split("?")[0])).toEqual(["/a", "/b", "/a"]);
  });

  it("drops unknown fields and sets defaults in what a webhook made", async () => {
    const rules = [{ operations: ["CREATE"], apiGroups: ["*"], apiVersions: ["*"], resources: ["pods"] }];
    await configure(MUTATING, "m", hook("/junk", { rules }));
    const { body } = await api.post(`${NS}/pods`, {
      metadata: { name: "p" },
      spec: { containers: [{ name: "c", image: "c" }] },
    });
    expect(body.spec.containers[0].junk).toBeUndefined();
    expect(body.spec.initContainers[0]).toMatchObject({
      name: "i",
      terminationMessagePolicy: "File",
      imagePullPolicy: "Always",
    });
  });

  it.each([
    ["/bad-uid", /^received invalid webhook response: expected response.uid="[-0-9a-f]{36}", got "x"$/],
    ["/error", /^failed to call webhook: an error on the server \("boom"\) has prevented the request from succeeding$/],
    ["/wrong-types", /^received invalid webhook response: response.warnings is not of the right type$/],
    ["/nowhere", /^failed to call webhook: the server could not find the requested resource$/],
    [
      "/moved",
      /^failed to call webhook: the server responded with the status code 302 but did not return more information$/,
    ],
    [
      "/hang",
      /^failed to call webhook: Post "https:\/\/hook.default.svc:\d+\/hang\?timeout=1s": context deadline exceeded$/,
    ],
    ["/null-patch", /^received invalid webhook response: validating webhook may not return response.patch$/],
  ])("fails by policy when %s does not answer as it must", async (path, reason) => {
    await configure(VALIDATING, "v", hook(path, { timeoutSeconds: 1 }));
    const { body } = await create("failing");
    const prefix = `Internal error occurred: failed calling webhook "${path.slice(1)}.example.com": `;
    expect([body.code, body.message.slice(0, prefix.length)]).toEqual([500, prefix]);
    expect(body.message.slice(prefix.length)).toMatch(reason);
    await api.patch(
      `${VALIDATING}/v`,
      [{ op: "replace", path: "/webhooks/0/failurePolicy", value: "Ignore" }],
      "application/json-patch+json",
    );
    expect((await create(`ignored${path.replace("/", "-")}`)).status).toBe(201);
  });

  it("says why a service cannot be reached, or is not trusted", async () => {
    const at = (service: object, caBundle = remote.caBundle): object =>
      hook("/allow", { clientConfig: { service: { namespace: "default", path: "/x", ...service }, caBundle } });
    const said = async (webhook: object): Promise<string> => {
      await configure(VALIDATING, "v", webhook);
      const { body } = await create("unreached");
      await api.delete(`${VALIDATING}/v`);
      return body.message;
    };
    const prefix = 'Internal error occurred: failed calling webhook "allow.example.com": failed to call webhook: Post ';
    expect(await said(at({ name: "gone" }))).toBe(
      `${prefix}"https://gone.default.svc:443/x?timeout=10s": service "gone" not found`,
    );
    expect(await said(at({ name: "hook", port: 1 }))).toBe(
      `${prefix}"https://hook.default.svc:1/x?timeout=10s": dial tcp 127.0.0.1:1: connect: connection refused`,
    );
    expect(await said(at({ name: "hook", port: remote.port }, ""))).toBe(
      `${prefix}"https://hook.default.svc:${remote.port}/x?timeout=10s": tls: failed to verify certificate: x509: certificate signed by unknown authority`,
    );
    await remote.expose(api, "other");
    expect(await said(at({ name: "other", port: remote.port }))).toBe(
      `${prefix}"https://other.default.svc:${remote.port}/x?timeout=10s": tls: failed to verify certificate: x509: certificate is valid for hook.default.svc, not other.default.svc`,
    );
  });

  it("refuses a dry run that might have effects", async () => {
    // Validation keeps such webhooks out; a NoneOnDryRun one is told.
    await configure(VALIDATING, "v", hook("/allow", { sideEffects: "NoneOnDryRun" }));
    expect((await create("dry", {}, "?dryRun=All")).status).toBe(201);
    expect(remote.requests[0]?.body.request).toMatchObject({ dryRun: true, options: { dryRun: ["All"] } });
    expect((await api.get(`${MAPS}/dry`)).status).toBe(404);
  });

  it("selects by namespace and by object, old or new", async () => {
    await configure(
      VALIDATING,
      "v",
      hook("/deny", { objectSelector: { matchLabels: { watched: "yes" } } }),
      hook("/deny-silently", { namespaceSelector: { matchLabels: { kind: "other" } } }),
    );
    expect((await create("plain")).status).toBe(201);
    const labelled = await api.post(MAPS, { metadata: { name: "labelled", labels: { watched: "yes" } } });
    expect(labelled.status).toBe(403);
    await api.post("/api/v1/namespaces", { metadata: { name: "elsewhere", labels: { kind: "other" } } });
    const elsewhere = await api.post("/api/v1/namespaces/elsewhere/configmaps", { metadata: { name: "x" } });
    expect(elsewhere.body.message).toBe(
      'admission webhook "deny-silently.example.com" denied the request without explanation',
    );
  });

  it("sees other versions of a request where it is registered for them alone", async () => {
    const rules = [
      { operations: ["CREATE"], apiGroups: ["events.k8s.io"], apiVersions: ["v1"], resources: ["events"] },
    ];
    await configure(VALIDATING, "v", hook("/allow", { rules }));
    const event = {
      metadata: { name: "e", namespace: "default" },
      involvedObject: { kind: "Pod", name: "p", namespace: "default" },
      reason: "r",
      message: "m",
      type: "Normal",
    };
    expect((await api.post(`${NS}/events`, event)).status).toBe(201);
    expect(remote.requests[0]?.body.request).toMatchObject({
      kind: { group: "events.k8s.io", version: "v1", kind: "Event" },
      resource: { group: "events.k8s.io", version: "v1", resource: "events" },
      requestKind: { group: "", version: "v1", kind: "Event" },
      requestResource: { group: "", version: "v1", resource: "events" },
      object: { apiVersion: "events.k8s.io/v1", note: "m", regarding: { name: "p" } },
    });
    await api.delete(`${VALIDATING}/v`);
    await configure(VALIDATING, "v", hook("/deny", { rules, matchPolicy: "Exact" }));
    expect((await api.post(`${NS}/events`, { ...event, metadata: { name: "f", namespace: "default" } })).status).toBe(
      201,
    );
  });

  it("sees subresources as what they are", async () => {
    const rules = [
      { operations: ["UPDATE", "CREATE", "CONNECT"], apiGroups: ["*"], apiVersions: ["*"], resources: ["*/*"] },
    ];
    await api.post("/apis/apps/v1/namespaces/default/deployments", {
      metadata: { name: "d" },
      spec: {
        selector: { matchLabels: { a: "b" } },
        template: { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "c" }] } },
      },
    });
    await configure(VALIDATING, "v", hook("/allow", { rules }));
    await configure(MUTATING, "m", hook("/two", { rules, failurePolicy: "Ignore" }));
    await api.patch("/apis/apps/v1/namespaces/default/deployments/d/scale", { spec: { replicas: 3 } });
    await api.post(`${NS}/pods/p/exec?command=ls`, "");
    await api.post(`${NS}/pods/p/eviction`, { metadata: { name: "p" } });
    const asked = remote.requests.filter(({ url }) => url.startsWith("/allow")).map(({ body }) => body.request);
    expect(asked.map(({ operation, subResource, kind }) => [operation, subResource, kind.kind])).toEqual([
      ["UPDATE", "scale", "Scale"],
      ["CONNECT", "exec", "PodExecOptions"],
      ["CREATE", "eviction", "Eviction"],
    ]);
    expect(asked[0]).toMatchObject({ object: { spec: { replicas: 3 } }, oldObject: { spec: { replicas: 1 } } });
    expect(asked[1]).toMatchObject({ name: "p", object: { kind: "PodExecOptions", command: ["ls"] }, options: null });
  });

  it("does not ignore match conditions", async () => {
    const matchConditions = [{ name: "c", expression: "true" }];
    await configure(VALIDATING, "v", hook("/allow", { matchConditions }));
    const { body, status } = await create("conditions");
    // Evaluated, or refused in so many words: never taken for true.
    if (status !== 201) expect(body.message).toContain('matchCondition "c"');
    else expect(remote.requests).toHaveLength(1);
  });

  it("is asked for every object of a collection that is deleted", async () => {
    await create("c1");
    await configure(
      VALIDATING,
      "v",
      hook("/deny", {
        rules: [{ operations: ["DELETE"], apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"] }],
      }),
    );
    const { status } = await api.delete(MAPS);
    expect(status).toBe(403);
    expect((await api.get(`${MAPS}/c1`)).status).toBe(200);
  });

  it("counts and times what webhooks do, under upstream's names", async () => {
    await configure(VALIDATING, "timed", hook("/allow"), hook("/deny"), hook("/nowhere", { failurePolicy: "Ignore" }));
    await api.post(MAPS, { metadata: { name: "timed" } });
    const { text } = await api.get("/metrics");
    const figure = (line: string): RegExp => new RegExp(`^${line.replaceAll(/[{}"]/g, String.raw`\$&`)} [1-9]`, "m");
    const of = (name: string): string => `name="${name}.example.com",type="validating",operation="CREATE"`;
    const prefix = "apiserver_admission_webhook_";
    expect(text).toMatch(figure(`${prefix}admission_duration_seconds_count{${of("allow")},rejected="false"}`));
    expect(text).toMatch(figure(`${prefix}request_total{${of("deny")},code="403",rejected="true"}`));
    expect(text).toMatch(figure(`${prefix}rejection_count{${of("deny")},error_type="no_error",rejection_code="403"}`));
    expect(text).toMatch(figure(`${prefix}fail_open_count{name="nowhere.example.com",type="validating"}`));
  });

  it("is not waited for when the client has gone", async () => {
    const stayed = new Promise<void>((resolve) => {
      remote.server.once("request", (request: IncomingMessage) => request.socket.once("close", () => resolve()));
    });
    await configure(VALIDATING, "gone", hook("/hang", { timeoutSeconds: 30 }));
    const { server, caData, clientCertData, clientKeyData } = api.server.loopbackConfig;
    const session = connect(server, { ca: caData, cert: clientCertData, key: clientKeyData });
    const stream = session.request({ ":method": "POST", ":path": MAPS, "content-type": "application/json" });
    stream.on("error", () => undefined);
    stream.end(JSON.stringify({ metadata: { name: "gone" } }));
    await vi.waitFor(() => expect(remote.requests.some(({ url }) => url.startsWith("/hang"))).toBe(true));
    session.destroy();
    // The webhook's own limit is thirty seconds: what ends its connection before is that nobody waits.
    await stayed;
  });
});
