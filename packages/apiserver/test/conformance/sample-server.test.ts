// An extension API server as the sample one of upstream: a server of its own, with its own store, which an APIService
// puts behind the aggregator and which believes the aggregator's word for who asks.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { define, definition, version } from "../definitions.ts";
import { Harness, take } from "../harness.ts";
import type { Json } from "../harness.ts";

const SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices";
const GROUP = "wardle.example.com";
const NAME = `v1alpha1.${GROUP}`;
const FLUNDERS = `/apis/${GROUP}/v1alpha1/namespaces/default/flunders`;
const RBAC = "/apis/rbac.authorization.k8s.io/v1";
const AGGREGATED = { accept: "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList" };

const flunder = (name: string, more: Json = {}): Json => ({
  apiVersion: `${GROUP}/v1alpha1`,
  kind: "Flunder",
  metadata: { name },
  ...more,
});

/** Lets the user read and write flunders. */
async function allow(api: Harness, user: string): Promise<void> {
  const rules = [{ apiGroups: [GROUP], resources: ["flunders"], verbs: ["*"] }];
  await api.post(`${RBAC}/clusterroles`, { metadata: { name: "flunder-owner" }, rules });
  const { status, body } = await api.post(`${RBAC}/clusterrolebindings`, {
    metadata: { name: "flunder-owner" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "flunder-owner" },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: user }],
  });
  expect([status, body.message]).toEqual([201, undefined]);
}

describe("a sample API server behind the aggregator", () => {
  let api: Harness;
  let sample: Harness;
  const jane = { "impersonate-user": "jane" };

  const condition = async (): Promise<Json> => {
    const { body } = await api.get(`${SERVICES}/${NAME}`);
    const found = (body.status?.conditions ?? []).find(({ type }: Json) => type === "Available");
    return [found?.status, found?.reason];
  };
  const discovered = async (): Promise<Json> =>
    (await api.get("/apis", AGGREGATED)).body.items.find(({ metadata }: Json) => metadata.name === GROUP);

  beforeAll(async () => {
    api = await Harness.start();
    // What an extension server reads in kube-system/extension-apiserver-authentication.
    const { body: how } = await api.get("/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication");
    sample = await Harness.start({
      server: {
        requestHeaderClientCA: how.data["requestheader-client-ca-file"],
        certSANs: ["sample-api.default.svc"],
      },
    });
    const schema = {
      openAPIV3Schema: {
        type: "object",
        properties: { spec: { type: "object", properties: { reference: { type: "string", maxLength: 20 } } } },
      },
    };
    await define(sample, definition("flunders", GROUP, [version("v1alpha1", { schema })]));
    for (const each of [api, sample]) await allow(each, "jane");
  });
  afterAll(async () => {
    await api[Symbol.asyncDispose]();
    await sample[Symbol.asyncDispose]();
  });

  it("is available once its Service is there, and is discovered and described as a part of the whole", async () => {
    expect((await api.get(FLUNDERS)).status).toBe(404);
    const port = Number(new URL(sample.server.url).port);
    const { status } = await api.post(SERVICES, {
      metadata: { name: NAME },
      spec: {
        group: GROUP,
        version: "v1alpha1",
        groupPriorityMinimum: 2000,
        versionPriority: 200,
        service: { namespace: "default", name: "sample-api", port },
        caBundle: Buffer.from(sample.server.certificates.ca).toString("base64"),
      },
    });
    expect(status).toBe(201);
    await expect.poll(condition).toEqual(["False", "ServiceNotFound"]);
    await api.post("/api/v1/namespaces/default/services", {
      metadata: { name: "sample-api" },
      spec: { type: "ExternalName", externalName: "127.0.0.1", ports: [{ port }] },
    });
    await expect.poll(condition, { timeout: 10_000 }).toEqual(["True", "Passed"]);
    await expect.poll(async () => (await discovered())?.versions[0].freshness, { timeout: 10_000 }).toBe("Current");
    expect((await discovered()).versions[0].resources.map(({ resource }: Json) => resource)).toEqual(["flunders"]);
    expect((await api.get(`/apis/${GROUP}/v1alpha1`)).body.resources[0]).toMatchObject({
      name: "flunders",
      kind: "Flunder",
      namespaced: true,
    });
    expect((await api.get(`/apis/${GROUP}`)).body.preferredVersion).toEqual({
      groupVersion: `${GROUP}/v1alpha1`,
      version: "v1alpha1",
    });
    const paths = async (): Promise<string[]> => Object.keys((await api.get("/openapi/v3")).body.paths);
    await expect.poll(paths, { timeout: 10_000 }).toContain(`apis/${GROUP}/v1alpha1`);
  });

  it("makes, lists, watches, changes and deletes its objects for who asks the aggregator, and for nobody else", async () => {
    const made = await api.post(FLUNDERS, flunder("one", { spec: { reference: "a" } }), jane);
    expect([made.status, made.body.spec]).toEqual([201, { reference: "a" }]);
    expect((await api.post(FLUNDERS, flunder("two"), jane)).status).toBe(201);
    expect((await api.get(FLUNDERS, jane)).body.items.map(({ metadata }: Json) => metadata.name)).toEqual([
      "one",
      "two",
    ]);
    // The objects are the sample server's.
    expect((await sample.get(`${FLUNDERS}/one`)).body.metadata.uid).toBe(made.body.metadata.uid);
    const events = api.watch(`${FLUNDERS}?watch=1&resourceVersion=${made.body.metadata.resourceVersion}`, jane);
    const changed = await api.request("PATCH", `${FLUNDERS}/one`, '{"spec":{"reference":"b"}}', {
      ...jane,
      "content-type": "application/merge-patch+json",
    });
    expect(changed.body.spec).toEqual({ reference: "b" });
    expect((await take(events, 2)).map(({ type, object }) => `${type} ${object.metadata.name}`)).toEqual([
      "ADDED two",
      "MODIFIED one",
    ]);
    await events.return(undefined);
    const invalid = await api.post(FLUNDERS, flunder("three", { spec: { reference: "x".repeat(21) } }), jane);
    expect([invalid.status, invalid.body.details.causes[0].field]).toEqual([422, "spec.reference"]);

    // The aggregator asks its own rules first, the sample server its own afterwards.
    const joe = { "impersonate-user": "joe" };
    const refused = await api.get(FLUNDERS, joe);
    expect([refused.status, refused.body.message]).toEqual([
      403,
      `flunders.${GROUP} is forbidden: User "joe" cannot list resource "flunders" in API group "${GROUP}" in the namespace "default"`,
    ]);
    await sample.delete(`${RBAC}/clusterrolebindings/flunder-owner`);
    await expect.poll(async () => (await api.get(FLUNDERS, jane)).status).toBe(403);
    await allow(sample, "jane");
    await expect.poll(async () => (await api.get(FLUNDERS, jane)).status).toBe(200);

    expect((await api.request("DELETE", `${FLUNDERS}/one`, undefined, jane)).status).toBe(200);
    expect((await api.request("DELETE", FLUNDERS, undefined, jane)).status).toBe(200);
    expect((await sample.get(FLUNDERS)).body.items).toEqual([]);
  });

  it("has a registration whose status can be updated and patched, and that is found and deleted by label", async () => {
    const { body } = await api.get(`${SERVICES}/${NAME}/status`);
    const said = { type: "StatusUpdated", status: "True", reason: "E2E", message: "Set from e2e test" };
    body.status.conditions.push(said);
    const updated = await api.put(`${SERVICES}/${NAME}/status`, body);
    expect([updated.status, updated.body.status?.conditions]).toEqual([
      200,
      expect.arrayContaining([expect.objectContaining(said)]),
    ]);
    const labels = { metadata: { labels: { "e2e-apiservice": "patched" } } };
    expect((await api.patch(`${SERVICES}/${NAME}`, labels)).body.metadata.labels).toEqual(labels.metadata.labels);
    const patched = await api.patch(
      `${SERVICES}/${NAME}/status`,
      { status: { conditions: [{ type: "StatusPatched", status: "True" }] } },
      "application/strategic-merge-patch+json",
    );
    expect(patched.body.status.conditions.map(({ type }: Json) => type)).toEqual(
      expect.arrayContaining(["Available", "StatusUpdated", "StatusPatched"]),
    );
    const selected = `${SERVICES}?labelSelector=${encodeURIComponent("e2e-apiservice=patched")}`;
    expect((await api.get(selected)).body.items.map(({ metadata }: Json) => metadata.name)).toEqual([NAME]);
    await api.delete(selected);
    await expect.poll(async () => (await api.get(FLUNDERS)).status).toBe(404);
    expect(await discovered()).toBeUndefined();
    expect((await api.get(`${SERVICES}/${NAME}`)).status).toBe(404);
  });
});
