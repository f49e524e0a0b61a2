import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { Harness } from "./harness.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";
const PODS = "/api/v1/namespaces/default/pods";

describe("create, read, update, delete", () => {
  let api: Harness;
  beforeAll(async () => {
    api = await Harness.start();
  });
  afterAll(() => api[Symbol.asyncDispose]());

  it("creates with the server's fields and answers 201", async () => {
    const { status, body } = await api.post(MAPS, { metadata: { name: "a", uid: "mine" }, data: { x: "1" } });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      kind: "ConfigMap",
      apiVersion: "v1",
      metadata: { name: "a", namespace: "default" },
      data: { x: "1" },
    });
    expect(body.metadata.uid).not.toBe("mine");
    expect(Number(body.metadata.resourceVersion)).toBeGreaterThan(0);
    expect((await api.get(`${MAPS}/a`)).body).toEqual(body);
  });

  it("makes names from generateName", async () => {
    const { body } = await api.post(MAPS, { metadata: { generateName: "gen-" } });
    expect(body.metadata.name).toMatch(/^gen-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  });

  it("names what it refuses by generateName, until there is a name", async () => {
    const pod = {
      metadata: { generateName: "web-" },
      spec: { serviceAccountName: "none", containers: [{ name: "c", image: "i" }] },
    };
    expect((await api.post(PODS, pod)).body).toMatchObject({
      message:
        'pods "web-" is forbidden: error looking up service account default/none: serviceaccount "none" not found',
      details: { name: "web-", kind: "pods" },
    });
    await api.post("/api/v1/namespaces/default/resourcequotas", {
      metadata: { name: "q" },
      spec: { hard: { "count/endpoints": "0" } },
    });
    await vi.waitFor(async () => {
      const { body } = await api.post("/api/v1/namespaces/default/endpoints", { metadata: { generateName: "e-" } });
      expect(body.message).toMatch(/^endpoints "e-[a-z0-9]{5}" is forbidden: exceeded quota: q, /);
    });
    await api.delete("/api/v1/namespaces/default/resourcequotas/q");
  });

  it("says what is in the way of a name", async () => {
    const metadata = { name: "taken", finalizers: ["example.com/wait"] };
    await api.post(MAPS, { metadata });
    expect((await api.post(MAPS, { metadata: { name: "taken", generateName: "ta" } })).body).toMatchObject({
      code: 409,
      reason: "AlreadyExists",
      message: 'configmaps "taken" already exists, the server was not able to generate a unique name for the object',
      details: { name: "taken", kind: "configmaps", retryAfterSeconds: 1 },
    });
    await api.delete(`${MAPS}/taken`);
    expect((await api.post(MAPS, { metadata })).body.message).toBe(
      'object is being deleted: configmaps "taken" already exists',
    );
  });

  it("makes no object of which a client says the version, unless it says none", async () => {
    const make = (resourceVersion: string, name = "versioned") =>
      api.post(MAPS, { metadata: { name, resourceVersion } });
    expect((await make("7")).body).toMatchObject({
      code: 500,
      message: "resourceVersion should not be set on objects to be created",
    });
    // What else is wrong is said first.
    expect((await make("7", "UPPER")).status).toBe(422);
    expect((await make("0")).status).toBe(201);
  });

  it("refuses what exists, what is invalid, and namespaces that do not exist", async () => {
    await api.post(MAPS, { metadata: { name: "twice" } });
    expect((await api.post(MAPS, { metadata: { name: "twice" } })).body).toMatchObject({
      code: 409,
      reason: "AlreadyExists",
    });
    expect((await api.post(MAPS, { metadata: { name: "UPPER" } })).body).toMatchObject({
      code: 422,
      reason: "Invalid",
      kind: "Status",
    });
    expect((await api.post("/api/v1/namespaces/nowhere/configmaps", { metadata: { name: "a" } })).body).toMatchObject({
      code: 404,
      message: 'namespaces "nowhere" not found',
    });
    expect((await api.get(`${MAPS}/none`)).body).toMatchObject({ code: 404, message: 'configmaps "none" not found' });
  });

  it("validates fields as fieldValidation says", async () => {
    const object = { metadata: { name: "fields" }, unknown: 1 };
    const strict = await api.post(`${MAPS}?fieldValidation=Strict&dryRun=All`, object);
    expect(strict.body.message).toContain('strict decoding error: unknown field "unknown"');
    const warn = await api.post(`${MAPS}?dryRun=All`, object);
    expect(warn.status).toBe(201);
    expect(String(warn.headers.warning)).toBe('299 - "unknown field \\"unknown\\""');
    const ignored = await api.post(`${MAPS}?fieldValidation=Ignore&dryRun=All`, object);
    expect(ignored.headers.warning).toBeUndefined();
    expect(ignored.body.unknown).toBeUndefined();
  });

  it("stores nothing on a dry run", async () => {
    expect((await api.post(`${MAPS}?dryRun=All`, { metadata: { name: "dry" } })).status).toBe(201);
    expect((await api.get(`${MAPS}/dry`)).status).toBe(404);
  });

  it("updates by resourceVersion, and not when nothing changed", async () => {
    const { body: made } = await api.post(MAPS, { metadata: { name: "up" }, data: { x: "1" } });
    const { body: next } = await api.put(`${MAPS}/up`, { ...made, data: { x: "2" } });
    expect(next.metadata.resourceVersion).not.toBe(made.metadata.resourceVersion);
    const stale = await api.put(`${MAPS}/up`, { ...made, data: { x: "3" } });
    expect(stale.body).toMatchObject({ code: 409, reason: "Conflict" });
    expect(stale.body.message).toContain(
      "the object has been modified; please apply your changes to the latest version and try again",
    );
    const { body: same } = await api.put(`${MAPS}/up`, next);
    expect(same.metadata.resourceVersion).toBe(next.metadata.resourceVersion);
    const { body: unconditional } = await api.put(`${MAPS}/up`, { metadata: { name: "up" }, data: { x: "4" } });
    expect(unconditional).toMatchObject({ data: { x: "4" }, metadata: { uid: made.metadata.uid } });
  });

  it("patches in three ways", async () => {
    await api.post(MAPS, { metadata: { name: "patch" }, data: { x: "1", y: "1" } });
    const merge = await api.patch(`${MAPS}/patch`, { data: { x: null, z: "3" } });
    expect(merge.body.data).toEqual({ y: "1", z: "3" });
    const json = await api.patch(
      `${MAPS}/patch`,
      [{ op: "replace", path: "/data/y", value: "2" }],
      "application/json-patch+json",
    );
    expect(json.body.data).toEqual({ y: "2", z: "3" });
    const strategic = await api.patch(
      `${MAPS}/patch`,
      { metadata: { labels: { a: "b" } } },
      "application/strategic-merge-patch+json",
    );
    expect(strategic.body.metadata.labels).toEqual({ a: "b" });
    expect((await api.patch(`${MAPS}/patch`, {}, "text/plain")).status).toBe(415);
    const failed = await api.patch(
      `${MAPS}/patch`,
      [{ op: "remove", path: "/data/none" }],
      "application/json-patch+json",
    );
    expect(failed.status).toBe(422);
  });

  it("makes no object of a patch, also of kinds that a PUT makes", async () => {
    for (const [path, named] of [
      ["/api/v1/namespaces/default/events/none", 'events "none"'],
      ["/apis/events.k8s.io/v1/namespaces/default/events/none", 'events.events.k8s.io "none"'],
      ["/apis/coordination.k8s.io/v1/namespaces/default/leases/none", 'leases.coordination.k8s.io "none"'],
      ["/apis/rbac.authorization.k8s.io/v1/clusterroles/none", 'clusterroles.rbac.authorization.k8s.io "none"'],
    ] as const) {
      const label = { metadata: { labels: { a: "b" } } };
      for (const [patch, type] of [
        [label, "application/merge-patch+json"],
        [label, "application/strategic-merge-patch+json"],
        [[{ op: "add", path: "/metadata/name", value: "none" }], "application/json-patch+json"],
      ] as const) {
        const { body } = await api.patch(path, patch, type);
        expect(body).toMatchObject({ code: 404, reason: "NotFound", message: `${named} not found` });
      }
    }
  });

  it("keeps many concurrent patches", async () => {
    await api.post(MAPS, { metadata: { name: "many" } });
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_unused, i) => api.patch(`${MAPS}/many`, { data: { [`k${i}`]: "v" } })),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200));
    expect(Object.keys((await api.get(`${MAPS}/many`)).body.data)).toHaveLength(8);
  });

  it("answers a DELETE with a Status, and waits for finalizers", async () => {
    const { body: made } = await api.post(MAPS, { metadata: { name: "gone" } });
    const { body } = await api.delete(`${MAPS}/gone`);
    expect(body).toMatchObject({
      kind: "Status",
      status: "Success",
      details: { name: "gone", kind: "configmaps", uid: made.metadata.uid },
    });
    await api.post(MAPS, { metadata: { name: "held", finalizers: ["example.com/x"] } });
    const { body: held } = await api.delete(`${MAPS}/held`);
    expect(held.metadata.deletionTimestamp).toBeDefined();
    await api.patch(`${MAPS}/held`, { metadata: { finalizers: null } });
    expect((await api.get(`${MAPS}/held`)).status).toBe(404);
  });

  it("heeds preconditions of a DELETE", async () => {
    await api.post(MAPS, { metadata: { name: "pre" } });
    const { uid, resourceVersion } = (await api.get(`${MAPS}/pre`)).body.metadata;
    const refused = 'Operation cannot be fulfilled on ConfigMap "pre": ';
    expect((await api.delete(`${MAPS}/pre`, { preconditions: { uid: "other" } })).body).toMatchObject({
      code: 409,
      message: `${refused}the UID in the precondition (other) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
    });
    // Without a body they are read from the query.
    expect((await api.request("DELETE", `${MAPS}/pre?resourceVersion=1`)).body).toMatchObject({
      code: 409,
      message: `${refused}the ResourceVersion in the precondition (1) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`,
    });
  });

  it("heeds the uid of an update", async () => {
    const { uid } = (await api.post(MAPS, { metadata: { name: "same" } })).body.metadata;
    const said = (key: string, found: string): string =>
      `StorageError: invalid object, Code: 4, Key: /registry/${key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: other, UID in object meta: ${found}`;
    const answer = await api.request("PUT", `${MAPS}/same`, { metadata: { name: "same", uid: "other" } });
    expect(answer.body).toMatchObject({
      code: 409,
      message: `Operation cannot be fulfilled on configmaps "same": ${said("configmaps/default/same", uid)}`,
    });
    const lease = "/apis/coordination.k8s.io/v1/namespaces/default/leases/none";
    expect((await api.request("PUT", lease, { metadata: { name: "none", uid: "other" } })).body).toMatchObject({
      code: 409,
      message: `Operation cannot be fulfilled on leases.coordination.k8s.io "none": ${said("leases/default/none", "")}`,
    });
  });

  it("deletes a selected collection", async () => {
    for (const name of ["c1", "c2", "c3"])
      await api.post(MAPS, { metadata: { name, labels: { set: name === "c3" ? "b" : "a" } } });
    const { body } = await api.delete(`${MAPS}?labelSelector=set%3Da`);
    expect(body.items.map((item: { metadata: { name: string } }) => item.metadata.name).sort()).toEqual(["c1", "c2"]);
    expect((await api.get(`${MAPS}/c3`)).status).toBe(200);
  });

  it("deletes no priority class of the system's", async () => {
    const path = "/apis/scheduling.k8s.io/v1/priorityclasses/system-node-critical";
    const { status, body } = await api.delete(path);
    expect(status).toBe(403);
    expect(body.message).toBe(
      'priorityclasses.scheduling.k8s.io "system-node-critical" is forbidden: this is a system priority class and cannot be deleted',
    );
    expect((await api.get(path)).status).toBe(200);
  });

  it("admits pods as every cluster does, and binds them once", async () => {
    const { status, body: pod } = await api.post(PODS, {
      metadata: { name: "p" },
      spec: { containers: [{ name: "c", image: "i" }] },
    });
    expect(status).toBe(201);
    expect(pod.spec).toMatchObject({ serviceAccountName: "default", priority: 0, restartPolicy: "Always" });
    expect(pod.spec.tolerations).toHaveLength(2);
    expect(pod.spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds).toBe(3607);
    const binding = { metadata: { name: "p" }, target: { kind: "Node", name: "n1" } };
    expect((await api.post(`${PODS}/p/binding`, binding)).status).toBe(201);
    const { body: bound } = await api.get(`${PODS}/p`);
    expect(bound.spec.nodeName).toBe("n1");
    expect(bound.status.conditions).toContainEqual(expect.objectContaining({ type: "PodScheduled", status: "True" }));
    expect((await api.post(`${PODS}/p/binding`, binding)).body).toMatchObject({ code: 409 });
  });

  it("scales through /scale", async () => {
    const path = "/apis/apps/v1/namespaces/default/deployments";
    const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } };
    await api.post(path, { metadata: { name: "d" }, spec: { selector: { matchLabels: { a: "b" } }, template } });
    const { body: scale } = await api.get(`${path}/d/scale`);
    expect(scale).toMatchObject({
      kind: "Scale",
      apiVersion: "autoscaling/v1",
      spec: { replicas: 1 },
      status: { selector: "a=b" },
    });
    expect((await api.put(`${path}/d/scale`, { ...scale, spec: { replicas: 3 } })).body.spec.replicas).toBe(3);
    expect((await api.patch(`${path}/d/scale`, { spec: { replicas: 4 } })).body.spec.replicas).toBe(4);
    const { body } = await api.get(`${path}/d`);
    expect(body).toMatchObject({ spec: { replicas: 4 }, metadata: { generation: 3 } });
  });

  it("serves one event under two API groups", async () => {
    const event = {
      metadata: { name: "e" },
      involvedObject: { kind: "Pod", name: "p", namespace: "default" },
      reason: "R",
      message: "m",
      type: "Normal",
      source: { component: "c" },
    };
    expect((await api.post("/api/v1/namespaces/default/events", event)).status).toBe(201);
    const { body } = await api.get("/apis/events.k8s.io/v1/namespaces/default/events/e");
    expect(body).toMatchObject({
      apiVersion: "events.k8s.io/v1",
      kind: "Event",
      note: "m",
      regarding: { name: "p" },
      deprecatedSource: { component: "c" },
    });
    const found = async (path: string, selector: string): Promise<unknown> => {
      const answer = await api.get(`${path}/namespaces/default/events?fieldSelector=${encodeURIComponent(selector)}`);
      return answer.status === 200 ? answer.body.items.length : answer.body.message;
    };
    expect(await found("/api/v1", "involvedObject.name=p,reportingComponent=c")).toBe(1);
    expect(await found("/apis/events.k8s.io/v1", "regarding.name=p,reportingController=c,reason=R")).toBe(1);
    expect(await found("/apis/events.k8s.io/v1", "reportingController=other")).toBe(0);
    expect(await found("/apis/events.k8s.io/v1", "involvedObject.name=p")).toMatch(/field label not supported/);
  });
});
