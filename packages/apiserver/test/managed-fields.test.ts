// metadata.managedFields of plain writes, over the wire.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Harness, take } from "./harness.ts";
import type { Answer, Json } from "./harness.ts";

let server: Harness;
beforeAll(async () => {
  server = await Harness.start();
});
afterAll(() => server[Symbol.asyncDispose]());

const PODS = "/api/v1/namespaces/default/pods";
const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";

const patch = (path: string, body: unknown, userAgent: string, type = "merge-patch"): Promise<Answer> =>
  server.request("PATCH", path, JSON.stringify(body), {
    "content-type": `application/${type}+json`,
    "user-agent": userAgent,
  });

const entries = (answer: Answer): Json[] => answer.body.metadata?.managedFields ?? [];
const names = (answer: Answer): string[] => entries(answer).map(({ manager }) => manager);

const configMap = (name: string, data: object = { a: "1" }, metadata: object = {}): Json => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, ...metadata },
  data,
});

describe("managed fields", () => {
  it("of a new pod are all that was sent, and its defaults", async () => {
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "p", labels: { app: "x" }, generateName: "p-" },
      spec: {
        containers: [{ name: "c", image: "nginx", ports: [{ containerPort: 80 }], env: [{ name: "E", value: "1" }] }],
      },
      status: { phase: "Running" },
    };
    const answer = await server.post(PODS, pod, { "user-agent": "kubectl/v1.36.0 (linux/amd64) kubernetes/abc" });
    const [entry, ...more] = entries(answer);
    expect(more).toEqual([]);
    expect(entry).toEqual({
      manager: "kubectl",
      operation: "Update",
      apiVersion: "v1",
      time: answer.body.metadata.creationTimestamp,
      fieldsType: "FieldsV1",
      fieldsV1: {
        "f:metadata": { "f:generateName": {}, "f:labels": { ".": {}, "f:app": {} } },
        "f:spec": {
          "f:containers": {
            'k:{"name":"c"}': {
              ".": {},
              "f:env": { ".": {}, 'k:{"name":"E"}': { ".": {}, "f:name": {}, "f:value": {} } },
              "f:image": {},
              "f:imagePullPolicy": {},
              "f:name": {},
              "f:ports": {
                ".": {},
                'k:{"containerPort":80,"protocol":"TCP"}': { ".": {}, "f:containerPort": {}, "f:protocol": {} },
              },
              "f:resources": {},
              "f:terminationMessagePath": {},
              "f:terminationMessagePolicy": {},
            },
          },
          "f:dnsPolicy": {},
          "f:enableServiceLinks": {},
          "f:restartPolicy": {},
          "f:schedulerName": {},
          "f:securityContext": {},
          "f:terminationGracePeriodSeconds": {},
        },
      },
    });
    // What admission put in (a token's volume, tolerations) is nobody's.
    expect(answer.body.spec.volumes).toHaveLength(1);
  });

  it("of a status are told apart by subresource", async () => {
    const status = { status: { conditions: [{ type: "Ready", status: "True" }], podIP: "10.0.0.1" }, spec: { x: 1 } };
    const answer = await patch(`${PODS}/p/status`, status, "kubelet/v1.36", "strategic-merge-patch");
    const entry = entries(answer).find(({ manager }) => manager === "kubelet");
    expect(entry).toMatchObject({
      operation: "Update",
      subresource: "status",
      fieldsV1: {
        "f:status": {
          "f:conditions": { 'k:{"type":"Ready"}': { ".": {}, "f:status": {}, "f:type": {} } },
          "f:podIP": {},
        },
      },
    });
    expect(Object.keys(entry.fieldsV1)).toEqual(["f:status"]);
  });

  it("name the manager by parameter, by user agent, or not at all", async () => {
    const create = (name: string, query: string, agent: string): Promise<Answer> =>
      server.post(`${CONFIG_MAPS}${query}`, configMap(name), { "user-agent": agent });
    expect(names(await create("m1", "?fieldManager=mine", "agent/1"))).toEqual(["mine"]);
    expect(names(await create("m2", "", "agent/1 (x)"))).toEqual(["agent"]);
    expect(names(await create("m3", "", ""))).toEqual(["unknown"]);
    expect(names(await create("m4", "", "without slash"))).toEqual(["without slash"]);
  });

  it("follow updates and patches of all kinds", async () => {
    await server.post(`${CONFIG_MAPS}?fieldManager=creator`, configMap("moves", { a: "1", b: "1", c: "1", d: "1" }));
    await patch(`${CONFIG_MAPS}/moves?fieldManager=merger`, { data: { a: "2" } }, "x");
    await patch(
      `${CONFIG_MAPS}/moves?fieldManager=pointer`,
      [{ op: "replace", path: "/data/b", value: "2" }],
      "x",
      "json-patch",
    );
    await patch(`${CONFIG_MAPS}/moves?fieldManager=strategist`, { data: { c: "2" } }, "x", "strategic-merge-patch");
    const { body } = await server.get(`${CONFIG_MAPS}/moves`);
    delete body.metadata.managedFields;
    const answer = await server.put(`${CONFIG_MAPS}/moves?fieldManager=writer`, {
      ...body,
      data: { ...body.data, d: "2" },
    });
    const owned = Object.fromEntries(entries(answer).map(({ manager, fieldsV1 }) => [manager, fieldsV1["f:data"]]));
    expect(owned).toEqual({
      creator: {},
      merger: { "f:a": {} },
      pointer: { "f:b": {} },
      strategist: { "f:c": {} },
      writer: { "f:d": {} },
    });
  });

  it("do not change, nor does the object, when nothing else does", async () => {
    const first = await server.post(`${CONFIG_MAPS}?fieldManager=a`, configMap("still"));
    const second = await patch(`${CONFIG_MAPS}/still?fieldManager=b`, { data: { a: "1" } }, "x");
    expect(second.body).toEqual(first.body);
    const third = await server.put(`${CONFIG_MAPS}/still?fieldManager=c`, configMap("still"));
    expect(third.body).toEqual(first.body);
  });

  it("can be reset, by merge patch and by update", async () => {
    for (const managedFields of [[], [{}]]) {
      await server.post(`${CONFIG_MAPS}?fieldManager=a`, configMap("reset"));
      const cleared = await patch(`${CONFIG_MAPS}/reset`, { metadata: { managedFields } }, "x");
      expect(cleared.body.metadata.managedFields).toBeUndefined();
      expect(entries(await patch(`${CONFIG_MAPS}/reset`, { data: { a: "2" } }, "x"))).toEqual([]);
      await server.delete(`${CONFIG_MAPS}/reset`);
    }
    await server.post(`${CONFIG_MAPS}?fieldManager=a`, configMap("reset"));
    const updated = await server.put(`${CONFIG_MAPS}/reset`, configMap("reset", { b: "1" }, { managedFields: [] }));
    expect(updated.body.metadata.managedFields).toBeUndefined();
  });

  it("that cannot be read are ignored; what can be read must be right", async () => {
    const entry = {
      operation: "Update",
      apiVersion: "v1",
      fieldsType: "FieldsV1",
      fieldsV1: { "f:data": { "f:z": {} } },
    };
    const set = (changes: object): Promise<Answer> =>
      patch(`${CONFIG_MAPS}/broken?fieldManager=b`, { metadata: { managedFields: [{ ...entry, ...changes }] } }, "x");
    await server.post(`${CONFIG_MAPS}?fieldManager=a`, configMap("broken"));
    for (const changes of [{ operation: "x" }, { apiVersion: "" }, { fieldsType: "" }, { fieldsType: "FieldsV9" }]) {
      const answer = await set(changes);
      expect([answer.status, names(answer)]).toEqual([200, ["a"]]);
    }
    const long = await set({ manager: "x".repeat(129) });
    expect([long.status, long.body.message]).toEqual([
      422,
      'ConfigMap "broken" is invalid: metadata.managedFields[0].manager: Too long: may not be more than 128 bytes',
    ]);
    const unprintable = await set({ manager: "a\u0000" });
    expect(unprintable.body.message).toContain("invalid character U+0000 (at position 1)");
    expect(names(await set({ manager: "other" }))).toEqual(["other"]);
  });

  it("are no reason to fail: an item without its key is refused by validation", async () => {
    const pod = { metadata: { name: "nameless" }, spec: { containers: [{ image: "nginx" }] } };
    const answer = await server.post(PODS, pod);
    expect([answer.status, answer.body.message]).toEqual([
      422,
      'Pod "nameless" is invalid: spec.containers[0].name: Required value',
    ]);
  });

  it("of what the server makes itself are the server's", async () => {
    expect(names(await server.get("/api/v1/namespaces/default"))).toEqual(["kube-apiserver"]);
  });

  it("are in watches and lists as they are in the object", async () => {
    await server.post(`${CONFIG_MAPS}?fieldManager=a`, configMap("seen"));
    const one = await server.get(`${CONFIG_MAPS}/seen`);
    const list = await server.get(CONFIG_MAPS);
    expect(list.body.items.find(({ metadata }: Json) => metadata.name === "seen").metadata).toEqual(one.body.metadata);
  });

  it("go with protobuf", async () => {
    const answer = await server.get(`${CONFIG_MAPS}/seen`, { accept: "application/vnd.kubernetes.protobuf" });
    expect(answer.text).toContain('{"f:data":{".":{},"f:a":{}}}');
  });

  it("of a definition's status are the server's own", async () => {
    const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    const schema = { openAPIV3Schema: { type: "object" } };
    const made = await server.post(crds, {
      metadata: { name: "owned.example.com" },
      spec: {
        group: "example.com",
        scope: "Namespaced",
        names: { plural: "owned", singular: "owned", kind: "Owned" },
        versions: [{ name: "v1", served: true, storage: true, schema }],
      },
    });
    expect(made.status).toBe(201);
    const events = server.watch(`${crds}?watch=1&resourceVersion=${made.body.metadata.resourceVersion}`);
    const [event] = await take(events, 1);
    await events.return(undefined);
    const own = event?.object.metadata.managedFields.find(({ subresource }: Json) => subresource === "status");
    expect(own).toMatchObject({
      manager: "kube-apiserver",
      operation: "Update",
      apiVersion: "apiextensions.k8s.io/v1",
    });
    // The finalizer comes with the same write, but of a definition nobody owns metadata by its status.
    expect(Object.keys(own.fieldsV1)).toEqual(["f:status"]);
    expect(Object.keys(own.fieldsV1["f:status"]).toSorted()).toEqual(["f:acceptedNames", "f:conditions"]);
  });
});
