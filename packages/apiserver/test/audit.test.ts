import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AuditEvent } from "../src/audit/types.ts";
import { Harness, take } from "./harness.ts";

const POLICY = `
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: None, nonResourceURLs: ["/healthz*"]}
- {level: Metadata, resources: [{group: "", resources: [secrets, pods]}]}
- {level: Request, verbs: [update, patch]}
- {level: RequestResponse, verbs: [create, delete, get, list], omitManagedFields: true, resources: [{group: "", resources: [configmaps]}]}
- {level: Metadata, omitStages: []}
`;
const MAPS = "/api/v1/namespaces/default/configmaps";

describe("auditing", () => {
  let dir: string;
  let harness: Harness;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "knots-audit-"));
    await writeFile(join(dir, "policy.yaml"), POLICY);
    const log = {
      path: join(dir, "audit.log"),
      format: "json" as const,
      maxAge: 0,
      maxBackup: 0,
      maxSize: 0,
      compress: false,
    };
    harness = await Harness.start({ server: { audit: { policyFile: join(dir, "policy.yaml"), log } } });
  });
  afterAll(async () => {
    await harness[Symbol.asyncDispose]();
    await rm(dir, { recursive: true });
  });

  /** The events of the request with this id, when the last one is there. */
  async function eventsOf(id: string, stage = "ResponseComplete"): Promise<AuditEvent[]> {
    for (let i = 0; i < 1000; i++) {
      const text = await readFile(join(dir, "audit.log"), "utf8");
      const events = text
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as AuditEvent)
        .filter(({ auditID }) => auditID === id);
      if (events.some((event) => event.stage === stage)) return events;
    }
    throw new Error(`no ${stage} of ${id}`);
  }
  const of = async (answer: { headers: Record<string, unknown> }): Promise<AuditEvent[]> =>
    eventsOf(String(answer.headers["audit-id"]));

  test("Metadata tells who did what, with which outcome, and nothing of what is inside", async () => {
    const answer = await harness.post("/api/v1/namespaces/default/secrets", {
      metadata: { name: "s" },
      stringData: { password: "hidden" },
    });
    const events = await of(answer);
    expect(events).toEqual([
      {
        kind: "Event",
        apiVersion: "audit.k8s.io/v1",
        level: "Metadata",
        auditID: answer.headers["audit-id"],
        stage: "ResponseComplete",
        requestURI: "/api/v1/namespaces/default/secrets",
        verb: "create",
        user: { username: expect.any(String), groups: ["system:masters", "system:authenticated"] },
        sourceIPs: ["127.0.0.1"],
        userAgent: "test/1",
        objectRef: { resource: "secrets", namespace: "default", name: "s", apiVersion: "v1" },
        responseStatus: { metadata: {}, code: 201 },
        requestReceivedTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
        stageTimestamp: expect.stringMatching(/Z$/),
        annotations: { "authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": "" },
      },
    ]);
    expect(await readFile(join(dir, "audit.log"), "utf8")).not.toContain("hidden");
  });

  test("Request tells what was sent, RequestResponse what was answered as well", async () => {
    const managedFields = [
      { manager: "test", operation: "Update", apiVersion: "v1", fieldsType: "FieldsV1", fieldsV1: { "f:data": {} } },
    ];
    const created = await harness.post(MAPS, { metadata: { name: "m", managedFields }, data: { a: "1" } });
    const [create] = await of(created);
    expect(create?.requestObject).toMatchObject({ metadata: { name: "m" }, data: { a: "1" } });
    expect(create?.responseObject).toMatchObject({ kind: "ConfigMap", metadata: { uid: created.body.metadata.uid } });
    expect(JSON.stringify(create)).not.toContain("managedFields");

    const [patch] = await of(await harness.patch(`${MAPS}/m`, { data: { b: "2" } }));
    expect(patch).toMatchObject({
      level: "Request",
      requestObject: { data: { b: "2" } },
      responseStatus: { code: 200 },
    });
    expect(patch?.responseObject).toBeUndefined();

    const [list] = await of(await harness.get(MAPS, { "accept-encoding": "gzip" }));
    expect(list?.responseObject).toMatchObject({ kind: "ConfigMapList", items: [{ metadata: { name: "m" } }] });
    const [proto] = await of(await harness.get(`${MAPS}/m`, { accept: "application/vnd.kubernetes.protobuf" }));
    expect(proto?.responseObject).toMatchObject({ kind: "ConfigMap", data: { a: "1", b: "2" } });

    const [removal] = await of(await harness.delete(`${MAPS}/m`, { propagationPolicy: "Background" }));
    expect(removal?.requestObject).toMatchObject({ propagationPolicy: "Background" });
    expect(removal?.responseStatus).toMatchObject({ status: "Success", details: { name: "m" }, code: 200 });
  });

  test("refusals and failures are told as the client heard them", async () => {
    const [missing] = await of(await harness.get("/api/v1/namespaces/default/secrets/none"));
    expect(missing?.responseStatus).toMatchObject({
      metadata: {},
      status: "Failure",
      reason: "NotFound",
      message: 'secrets "none" not found',
      code: 404,
    });
    const [refused] = await of(
      await harness.get("/api/v1/namespaces/default/secrets/s", { "impersonate-user": "eve" }),
    );
    expect(refused?.impersonatedUser).toEqual({ username: "eve", groups: ["system:authenticated"] });
    expect(refused?.responseStatus).toMatchObject({ reason: "Forbidden", code: 403 });
    expect(refused?.annotations).toMatchObject({ "authorization.k8s.io/decision": "forbid" });
    const id = await unauthenticated(harness.server.url, harness.server.loopbackConfig.caData);
    const [unknown] = await eventsOf(id, "ResponseStarted");
    expect(unknown).toMatchObject({
      user: {},
      responseStatus: {
        status: "Failure",
        reason: "Unauthorized",
        message: "Authentication failed, attempted: bearer",
        code: 401,
      },
    });
  });

  test("a watch is told of when it starts and when it ends", async () => {
    const headers = { "audit-id": "the-watch" };
    const events = harness.watch("/api/v1/namespaces?watch=1&timeoutSeconds=0", headers);
    await take(events, 1);
    await events.return(undefined);
    expect((await eventsOf("the-watch")).map(({ stage, responseStatus }) => [stage, responseStatus?.code])).toEqual([
      ["ResponseStarted", 200],
      ["ResponseComplete", 200],
    ]);
  });

  test("None is not told at all", async () => {
    const { headers } = await harness.get("/healthz");
    await of(await harness.get("/version"));
    await expect(eventsOf(String(headers["audit-id"]))).rejects.toThrow("no ResponseComplete");
  });

  test("admission adds what it found", async () => {
    await harness.post("/api/v1/namespaces", {
      metadata: {
        name: "strict",
        labels: { "pod-security.kubernetes.io/enforce": "baseline", "pod-security.kubernetes.io/audit": "restricted" },
      },
    });
    await harness.post("/api/v1/namespaces/strict/serviceaccounts", { metadata: { name: "default" } });
    const [event] = await of(
      await harness.post("/api/v1/namespaces/strict/pods", {
        metadata: { name: "p" },
        spec: { containers: [{ name: "c", image: "i" }] },
      }),
    );
    expect(event?.annotations).toMatchObject({
      "pod-security.kubernetes.io/enforce-policy": "baseline:latest",
      "pod-security.kubernetes.io/audit-violations": expect.stringContaining(
        'would violate PodSecurity "restricted:latest":',
      ),
    });
  });
});

/** A request with a wrong token and no certificate; its audit id. */
function unauthenticated(url: string, ca: string | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: "Bearer wrong" };
    request(`${url}/version`, { headers, agent: false, ...(ca === undefined ? {} : { ca }) }, (response) => {
      response.resume();
      resolve(String(response.headers["audit-id"]));
    })
      .once("error", reject)
      .end();
  });
}

test("a policy that cannot be read keeps the server from starting", async () => {
  await expect(Harness.start({ server: { audit: { policyFile: "/does/not/exist" } } })).rejects.toThrow("ENOENT");
});

test("a request fails when its event cannot be kept, where auditing is strict", async () => {
  const dir = await mkdtemp(join(tmpdir(), "knots-audit-"));
  const policyFile = join(dir, "policy.yaml");
  const configFile = join(dir, "webhook.kubeconfig");
  await writeFile(policyFile, "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n");
  // Nobody listens on the port of "discard".
  await writeFile(
    configFile,
    [
      "apiVersion: v1",
      "kind: Config",
      "clusters: [{name: a, cluster: {server: 'http://127.0.0.1:9/'}}]",
      "contexts: [{name: a, context: {cluster: a, user: a}}]",
      "users: [{name: a, user: {}}]",
      "current-context: a",
      "",
    ].join("\n"),
  );
  const start = (mode: "blocking" | "blocking-strict") =>
    Harness.start({ server: { audit: { policyFile, webhook: { configFile, mode, initialBackoffMs: 1 } } } });
  {
    await using strict = await start("blocking-strict");
    const { status, body } = await strict.get("/api/v1/namespaces");
    expect(status).toBe(500);
    expect(body.message).toBe("Internal error occurred: failed to store audit event");
  }
  await using lenient = await start("blocking");
  expect((await lenient.get("/api/v1/namespaces")).status).toBe(200);
  await rm(dir, { recursive: true });
});
