import { once } from "node:events";
import { request } from "node:https";
import type { IncomingMessage } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { Harness, take } from "./harness.ts";
import type { Json } from "./harness.ts";
import { RemoteServer } from "./remote-server.ts";

const SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices";
const GROUP = "/apis/wardle.example.com/v1alpha1";
const FLUNDERS = `${GROUP}/namespaces/default/flunders`;

const list = {
  kind: "APIResourceList",
  apiVersion: "v1",
  groupVersion: "wardle.example.com/v1alpha1",
  resources: [
    {
      name: "flunders",
      singularName: "flunder",
      namespaced: true,
      kind: "Flunder",
      verbs: ["get", "list"],
      shortNames: ["fl"],
    },
    { name: "flunders/status", singularName: "", namespaced: true, kind: "Flunder", verbs: ["get"] },
  ],
};

describe("aggregation", () => {
  let api: Harness;
  let remote: RemoteServer;

  const condition = async (name = "v1alpha1.wardle.example.com"): Promise<Json> => {
    const { body } = await api.get(`${SERVICES}/${name}`);
    const found = (body.status?.conditions ?? []).find(({ type }: Json) => type === "Available");
    return found === undefined ? undefined : [found.status, found.reason, found.message];
  };
  const apiService = (service: object, more: object = {}): object => ({
    metadata: { name: "v1alpha1.wardle.example.com" },
    spec: {
      group: "wardle.example.com",
      version: "v1alpha1",
      groupPriorityMinimum: 2000,
      versionPriority: 200,
      service: { namespace: "default", name: "extension", port: remote.port, ...service },
      caBundle: remote.caBundle,
      ...more,
    },
  });
  const lastOf = (path: string) => remote.requests.findLast(({ url }) => url.startsWith(path));

  beforeAll(async () => {
    remote = await RemoteServer.start("extension", {
      "/apis": (_request, response) => void response.writeHead(404).end(),
      [GROUP]: () => list,
      "/openapi/v2": () => ({
        swagger: "2.0",
        paths: { [`${FLUNDERS}/`]: { get: { $ref: "#/definitions/Flunder" } }, "/version": {} },
        definitions: { Flunder: { type: "object" } },
      }),
      "/openapi/v3": () => ({ paths: { [GROUP.slice(1)]: { serverRelativeURL: "/openapi/v3/x?hash=1" } } }),
      "/openapi/v3/x": () => ({ openapi: "3.0.0", info: { title: "Flunders" } }),
      [FLUNDERS]({ url, method }, response) {
        if (url.includes("watch=")) {
          response.writeHead(200, { "content-type": "application/json" });
          for (const name of ["a", "b"]) response.write(`${JSON.stringify({ type: "ADDED", object: { name } })}\n`);
          return undefined;
        }
        if (method === "GET") return { kind: "FlunderList", items: [] };
        response.writeHead(418, { "content-type": "application/json", "x-extension": "yes" }).end('{"made":true}');
        return undefined;
      },
    });
    new WebSocketServer({ server: remote.server }).on("connection", (socket, { headers }: IncomingMessage) =>
      socket.on("message", (data) => socket.send(`${String(headers["x-remote-user"])} ${(data as Buffer).toString()}`)),
    );
    api = await Harness.start();
  });

  afterAll(async () => {
    await api[Symbol.asyncDispose]();
    await remote[Symbol.asyncDispose]();
  });

  it("has an APIService for each group of its own, restored when deleted", async () => {
    expect(await condition("v1.apps")).toEqual(["True", "Local", "Local APIServices are always available"]);
    expect((await api.get(`${SERVICES}/v1.apiregistration.k8s.io`)).status).toBe(404);
    const { body } = await api.get(`${SERVICES}/v1.apps`);
    await api.delete(`${SERVICES}/v1.apps`);
    await expect
      .poll(async () => (await api.get(`${SERVICES}/v1.apps`)).body.metadata?.uid ?? body.metadata.uid)
      .not.toBe(body.metadata.uid);
  });

  it("says why a server is not available, and answers 503 for it", async () => {
    expect((await api.post(SERVICES, apiService({}))).status).toBe(201);
    await expect.poll(condition).toEqual(["False", "ServiceNotFound", 'service/extension in "default" is not present']);
    const { status, text } = await api.get(FLUNDERS);
    expect([status, text]).toEqual([503, "service unavailable\n"]);
    // In discovery it is there, without resources.
    const { body } = await api.get("/apis", {
      accept: "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
    });
    expect(body.items.find(({ metadata }: Json) => metadata.name === "wardle.example.com").versions).toEqual([
      { version: "v1alpha1", resources: [], freshness: "Stale" },
    ]);
    await api.post("/api/v1/namespaces/default/services", {
      metadata: { name: "extension" },
      spec: { selector: { app: "x" }, ports: [{ port: 443 }] },
    });
    await expect
      .poll(condition)
      .toEqual(["False", "ServicePortError", `service/extension in "default" is not listening on port ${remote.port}`]);
    await api.patch(`${SERVICES}/v1alpha1.wardle.example.com`, { spec: { service: { port: 443 } } });
    await expect
      .poll(condition)
      .toEqual(["False", "EndpointsNotFound", 'cannot find endpointslices for service/extension in "default"']);
    await api.post("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", {
      metadata: { name: "extension", labels: { "kubernetes.io/service-name": "extension" } },
      addressType: "IPv4",
      ports: [{ name: "", port: 443 }],
      endpoints: [{ addresses: ["10.1.2.3"], conditions: { ready: false } }],
    });
    await expect
      .poll(condition)
      .toEqual([
        "False",
        "MissingEndpoints",
        'endpointslices for service/extension in "default" have no addresses with port name ""',
      ]);
  });

  it("asks the server before it is called available", async () => {
    await api.delete("/api/v1/namespaces/default/services/extension");
    await remote.expose(api, "extension");
    await api.patch(`${SERVICES}/v1alpha1.wardle.example.com`, { spec: { service: { port: 1 } } });
    await expect
      .poll(condition, { timeout: 5000 })
      .toEqual([
        "False",
        "FailedDiscoveryCheck",
        `failing or missing response from https://127.0.0.1:1${GROUP}: Get "https://127.0.0.1:1${GROUP}": dial tcp 127.0.0.1:1: connect: connection refused`,
      ]);
    await api.patch(`${SERVICES}/v1alpha1.wardle.example.com`, { spec: { service: { port: remote.port } } });
    await expect.poll(condition, { timeout: 5000 }).toEqual(["True", "Passed", "all checks passed"]);
    expect(lastOf(GROUP)?.headers["x-remote-user"]).toBe("system:kube-aggregator");
  });

  it("passes requests on with who makes them, under its own certificate", async () => {
    const { status, body, headers } = await api.post(
      `${FLUNDERS}?fieldManager=x`,
      { a: 1 },
      {
        authorization: "Bearer secret",
        "x-remote-user": "mallory",
      },
    );
    expect([status, body, headers["x-extension"]]).toEqual([418, { made: true }, "yes"]);
    const seen = lastOf(`${FLUNDERS}?fieldManager=x`);
    expect(seen?.body).toEqual({ a: 1 });
    expect(seen?.clientName).toBe("CN=front-proxy-client");
    expect(seen?.headers.authorization).toBeUndefined();
    const raw = seen?.raw.rawHeaders ?? [];
    const values = (name: string): string[] => raw.filter((_, i) => i % 2 === 1 && raw[i - 1]?.toLowerCase() === name);
    expect(values("x-remote-user")).toEqual(["system:apiserver"]);
    expect(values("x-remote-group")).toEqual(["system:masters", "system:authenticated"]);
    expect(values("host")).toEqual([`extension.default.svc:${remote.port}`]);
  });

  it("passes on watches as they come, and upgraded connections", async () => {
    const events = api.watch(`${FLUNDERS}?watch=true`);
    expect((await take(events, 2)).map(({ object }) => object.name)).toEqual(["a", "b"]);
    await events.return(undefined);
    const config = api.server.loopbackConfig;
    const socket = new WebSocket(`${config.server.replace("https", "wss")}${FLUNDERS}/x/connect`, {
      ca: config.caData,
      cert: config.clientCertData,
      key: config.clientKeyData,
    });
    await once(socket, "open");
    socket.send("hello");
    const [data] = (await once(socket, "message")) as [Buffer];
    expect(data.toString()).toBe("system:apiserver hello");
    socket.close();
    await once(socket, "close");
  });

  it("merges discovery and OpenAPI", async () => {
    const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    const groupOf = async (): Promise<Json> =>
      (await api.get("/apis", { accept })).body.items.find(
        ({ metadata }: Json) => metadata.name === "wardle.example.com",
      );
    await expect.poll(async () => (await groupOf()).versions[0].freshness).toBe("Current");
    expect((await groupOf()).versions[0].resources).toEqual([
      {
        resource: "flunders",
        responseKind: { group: "wardle.example.com", version: "v1alpha1", kind: "Flunder" },
        scope: "Namespaced",
        singularResource: "flunder",
        verbs: ["get", "list"],
        shortNames: ["fl"],
        subresources: [
          {
            subresource: "status",
            responseKind: { group: "wardle.example.com", version: "v1alpha1", kind: "Flunder" },
            verbs: ["get"],
          },
        ],
      },
    ]);
    const { body } = await api.get("/apis");
    const names = body.groups.map(({ name }: Json) => name);
    const [first, second] = names;
    // By groupPriorityMinimum: figures of nodes and pods come last of all.
    expect([first, second, ...names.slice(-2)]).toEqual([
      "apiregistration.k8s.io",
      "apps",
      "wardle.example.com",
      "metrics.k8s.io",
    ]);
    expect((await api.get(GROUP)).body).toEqual(list);
    expect((await api.get("/apis/wardle.example.com")).body.preferredVersion.version).toBe("v1alpha1");
    await expect.poll(async () => (await api.get("/openapi/v3")).body.paths[GROUP.slice(1)]).toBeDefined();
    expect((await api.get(`/openapi/v3${GROUP}`)).body.info.title).toBe("Flunders");
    const v2 = (await api.get("/openapi/v2")).body;
    expect(v2.paths[`${FLUNDERS}/`]).toEqual({ get: { $ref: "#/definitions/Flunder" } });
    expect(v2.definitions.Flunder).toEqual({ type: "object" });
    expect(v2.paths["/version"]).not.toEqual({});
  });

  it("publishes how it authenticates, and believes front proxies", async () => {
    const { body } = await api.get("/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication");
    const { certificates } = api.server;
    expect(body.data).toEqual({
      "client-ca-file": certificates.clientCA,
      "requestheader-client-ca-file": certificates.requestHeaderCA,
      "requestheader-allowed-names": '["front-proxy-client"]',
      "requestheader-username-headers": '["X-Remote-User"]',
      "requestheader-uid-headers": '["X-Remote-Uid"]',
      "requestheader-group-headers": '["X-Remote-Group"]',
      "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
    });
    const whoAmI = async (pair: { cert: string; key: string }): Promise<Json> => {
      const outgoing = request(`${api.server.url}/apis/authentication.k8s.io/v1/selfsubjectreviews`, {
        method: "POST",
        ca: api.server.certificates.ca,
        ...pair,
        headers: {
          "content-type": "application/json",
          "X-Remote-User": "jane, doe",
          "X-Remote-Uid": "7",
          "X-Remote-Group": ["dev", "ops"],
          "X-Remote-Extra-Example.com%2Frole": "x",
        },
      });
      outgoing.end("{}");
      const [response] = (await once(outgoing, "response")) as [IncomingMessage];
      let text = "";
      for await (const chunk of response) text += String(chunk);
      return JSON.parse(text).status.userInfo;
    };
    const proxy = certificates.proxyClient;
    expect(await whoAmI(proxy ?? { cert: "", key: "" })).toEqual({
      username: "jane, doe",
      uid: "7",
      groups: ["dev", "ops", "system:authenticated"],
      extra: { "example.com/role": ["x"] },
    });
    // Another client's headers say nothing.
    expect((await whoAmI(certificates.loopback)).username).toBe("system:apiserver");
  });

  it("forgets a group whose APIService is deleted", async () => {
    await api.delete(`${SERVICES}/v1alpha1.wardle.example.com`);
    expect((await api.get(FLUNDERS)).status).toBe(404);
    expect((await api.get("/apis")).body.groups.some(({ name }: Json) => name === "wardle.example.com")).toBe(false);
  });

  it("does not trust a server whose certificate is another authority's", async () => {
    const other = await RemoteServer.start("extension", {});
    await api.post(SERVICES, apiService({}, { caBundle: other.caBundle }));
    await expect
      .poll(async () => (await condition())?.[2], { timeout: 5000 })
      .toContain("x509: certificate signed by unknown authority");
    await other[Symbol.asyncDispose]();
  });
});
