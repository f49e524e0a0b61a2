// PATCH with application/apply-patch+yaml over the wire.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Harness } from "./harness.ts";
import type { Answer, Json } from "./harness.ts";

let server: Harness;
beforeAll(async () => {
  server = await Harness.start();
});
afterAll(() => server[Symbol.asyncDispose]());

const DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments";
const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";

const apply = (path: string, body: unknown, query = "fieldManager=a"): Promise<Answer> =>
  server.request("PATCH", `${path}?${query}`, typeof body === "string" ? body : JSON.stringify(body), {
    "content-type": "application/apply-patch+yaml",
  });

const deployment = (name: string, spec: object = {}): Json => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name },
  spec: {
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: "c", image: "nginx", ports: [{ containerPort: 80 }] }] },
    },
    ...spec,
  },
});

const configMap = (name: string, data: object): Json => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name },
  data,
});

/** The entries of an answered object, without times. */
const managers = (answer: Answer): Json[] =>
  (answer.body.metadata.managedFields ?? []).map(({ time: _time, ...entry }: Json) => entry);

describe("apply", () => {
  it("creates what is not there, defaults it, and owns what was applied", async () => {
    const answer = await apply(`${DEPLOYMENTS}/created`, deployment("created", { replicas: 2 }));
    expect(answer.status).toBe(201);
    expect(answer.body.spec.template.spec.containers[0].ports[0]).toEqual({ containerPort: 80, protocol: "TCP" });
    expect(managers(answer)).toEqual([
      {
        manager: "a",
        operation: "Apply",
        apiVersion: "apps/v1",
        fieldsType: "FieldsV1",
        fieldsV1: {
          "f:spec": {
            "f:replicas": {},
            "f:selector": {},
            "f:template": {
              "f:metadata": { "f:labels": { "f:app": {} } },
              "f:spec": {
                "f:containers": {
                  'k:{"name":"c"}': {
                    ".": {},
                    "f:image": {},
                    "f:name": {},
                    "f:ports": { 'k:{"containerPort":80,"protocol":"TCP"}': { ".": {}, "f:containerPort": {} } },
                  },
                },
              },
            },
          },
        },
      },
    ]);
    const again = await apply(`${DEPLOYMENTS}/created`, deployment("created", { replicas: 2 }));
    expect(again.status).toBe(200);
    expect(again.body.metadata).toEqual(answer.body.metadata);
  });

  it("conflicts as upstream says it, and gives way when forced", async () => {
    await server.post(
      `${DEPLOYMENTS}?fieldManager=kubectl-client-side-apply`,
      deployment("contested", { replicas: 1 }),
    );
    const conflict = await apply(`${DEPLOYMENTS}/contested`, deployment("contested", { replicas: 3 }));
    const message = 'conflict with "kubectl-client-side-apply" using apps/v1';
    expect(conflict.body).toEqual({
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: `Apply failed with 1 conflict: ${message}: .spec.replicas`,
      reason: "Conflict",
      details: { causes: [{ reason: "FieldManagerConflict", message, field: ".spec.replicas" }] },
      code: 409,
    });
    const forced = await apply(
      `${DEPLOYMENTS}/contested`,
      deployment("contested", { replicas: 3 }),
      "fieldManager=a&force=true",
    );
    expect([forced.status, forced.body.spec.replicas]).toEqual([200, 3]);
    expect(forced.body.metadata.generation).toBe(2);
  });

  it("removes what is no longer applied, and leaves what others have", async () => {
    await apply(`${CONFIG_MAPS}/shrinks`, configMap("shrinks", { a: "1", b: "2", c: "3" }));
    await apply(`${CONFIG_MAPS}/shrinks`, configMap("shrinks", { b: "2" }), "fieldManager=b");
    const answer = await apply(`${CONFIG_MAPS}/shrinks`, configMap("shrinks", { c: "3" }));
    expect(answer.body.data).toEqual({ b: "2", c: "3" });
  });

  it("reads YAML, and defaults again what it removed", async () => {
    const yaml = (strategy: string): string =>
      `apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: yaml\nspec:\n${strategy}` +
      "  selector:\n    matchLabels: {app: yaml}\n  template:\n    metadata:\n      labels: {app: yaml}\n" +
      "    spec:\n      containers:\n      - name: c\n        image: nginx\n";
    const first = await apply(`${DEPLOYMENTS}/yaml`, yaml("  strategy:\n    type: Recreate\n"));
    expect([first.status, first.body.spec.strategy]).toEqual([201, { type: "Recreate" }]);
    const second = await apply(`${DEPLOYMENTS}/yaml`, yaml(""));
    expect(second.body.spec.strategy).toEqual({
      type: "RollingUpdate",
      rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" },
    });
  });

  it("writes nothing in a dry run, but shows what it would", async () => {
    const answer = await apply(`${CONFIG_MAPS}/dry`, configMap("dry", { a: "1" }), "fieldManager=a&dryRun=All");
    expect([answer.status, answer.body.data]).toEqual([201, { a: "1" }]);
    expect((await server.get(`${CONFIG_MAPS}/dry`)).status).toBe(404);
    await apply(`${CONFIG_MAPS}/dry`, configMap("dry", { a: "1" }));
    const changed = await apply(`${CONFIG_MAPS}/dry`, configMap("dry", { a: "2" }), "fieldManager=a&dryRun=All");
    expect(changed.body.data).toEqual({ a: "2" });
    expect((await server.get(`${CONFIG_MAPS}/dry`)).body.data).toEqual({ a: "1" });
  });

  it("holds to a resourceVersion", async () => {
    const { body } = await apply(`${CONFIG_MAPS}/versioned`, configMap("versioned", { a: "1" }));
    const { resourceVersion } = body.metadata;
    const at = (version: string, value: string): Promise<Answer> =>
      apply(`${CONFIG_MAPS}/versioned`, {
        ...configMap("versioned", { a: value }),
        metadata: { name: "versioned", resourceVersion: version },
      });
    expect((await at(resourceVersion, "2")).status).toBe(200);
    const stale = await at(resourceVersion, "3");
    expect([stale.status, stale.body.reason]).toEqual([409, "Conflict"]);
    expect(stale.body.message).toContain("the object has been modified");
  });

  it.each([
    ["", 422, 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'],
    [
      `fieldManager=${"x".repeat(129)}`,
      422,
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Too long: may not be more than 128 bytes',
    ],
    [
      "fieldManager=a%07b",
      422,
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Invalid value: "a\\u0007b": invalid character U+0007 (at position 1)',
    ],
  ])("refuses the options %j", async (query, status, message) => {
    const answer = await apply(`${CONFIG_MAPS}/refused`, configMap("refused", {}), query);
    expect([answer.status, answer.body.message]).toEqual([status, message]);
  });

  it("alone may be forced", async () => {
    const answer = await server.patch(`${CONFIG_MAPS}/dry?force=true`, {});
    expect([answer.status, answer.body.message]).toEqual([
      422,
      'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
    ]);
  });

  it.each([
    [{ ...configMap("bad", {}), apiVersion: "apps/v1" }, 400, "invalid object type: apps/v1, Kind=ConfigMap"],
    [{ ...configMap("bad", {}), kind: "Secret" }, 400, "invalid object type: /v1, Kind=Secret"],
    [
      { ...configMap("bad", {}), metadata: { name: "bad", managedFields: [] } },
      400,
      "metadata.managedFields must be nil",
    ],
    [
      { ...configMap("bad", { a: 1 }), metadata: { name: "bad", namespace: "default" } },
      500,
      "failed to create typed patch object (default/bad; /v1, Kind=ConfigMap): .data.a: expected string, got &value.valueUnstructured{Value:1}",
    ],
    [
      { ...configMap("bad", {}), metadata: { name: "bad", uid: "u" } },
      409,
      'Operation cannot be fulfilled on configmaps "bad": uid mismatch: the provided object specified uid u, and no existing object was found',
    ],
    [
      { ...configMap("bad", {}), metadata: { name: "bad", uid: { toString: "u" } } },
      500,
      'failed to create typed patch object (/bad; /v1, Kind=ConfigMap): .metadata.uid: expected string, got &value.valueUnstructured{Value:map[string]interface {}{"toString":"u"}}',
    ],
    [{ ...configMap("other", {}) }, 400, "the name of the object (other) does not match the name on the URL (bad)"],
  ])("refuses %j", async (body, status, message) => {
    const answer = await apply(`${CONFIG_MAPS}/bad`, body);
    expect([answer.status, answer.body.message]).toEqual([status, message]);
  });

  it("refuses or warns of keys that are there twice, as fieldValidation says", async () => {
    const yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: twice\ndata:\n  a: v\n  a: w\n";
    const text = 'error converting YAML to JSON: yaml: unmarshal errors:\n  line 7: key "a" already set in map';
    const strict = await apply(`${CONFIG_MAPS}/twice`, yaml, "fieldManager=a&fieldValidation=Strict");
    expect([strict.status, strict.body.message]).toEqual([400, `error strict decoding YAML: ${text}`]);
    const warned = await apply(`${CONFIG_MAPS}/twice`, yaml);
    expect([warned.status, warned.body.data]).toEqual([201, { a: "w" }]);
    expect(warned.headers["warning"]).toContain("already set in map");
    expect(
      (await apply(`${CONFIG_MAPS}/twice`, yaml, "fieldManager=a&fieldValidation=Ignore")).headers["warning"],
    ).toBe(undefined);
  });

  it("comes in YAML only", async () => {
    const answer = await server.request("PATCH", `${CONFIG_MAPS}/dry?fieldManager=a`, "x", {
      "content-type": "application/apply-patch+cbor",
    });
    expect([answer.status, answer.body.reason]).toEqual([415, "UnsupportedMediaType"]);
  });

  it("of what is not there needs the right to create", async () => {
    const user = { "impersonate-user": "patcher", "content-type": "application/apply-patch+yaml" };
    await server.post("/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles", {
      metadata: { name: "patcher" },
      rules: [{ apiGroups: [""], resources: ["configmaps"], verbs: ["patch"] }],
    });
    await server.post("/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings", {
      metadata: { name: "patcher" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "patcher" },
      subjects: [{ kind: "User", name: "patcher", apiGroup: "rbac.authorization.k8s.io" }],
    });
    const body = (name: string): string => JSON.stringify(configMap(name, { b: "2" }));
    const refused = await server.request("PATCH", `${CONFIG_MAPS}/mine?fieldManager=p`, body("mine"), user);
    expect([refused.status, refused.body.message]).toEqual([
      403,
      'configmaps "mine" is forbidden: User "patcher" cannot create resource "configmaps" in API group "" in the namespace "default"',
    ]);
    await apply(`${CONFIG_MAPS}/mine`, configMap("mine", { a: "1" }));
    const allowed = await server.request("PATCH", `${CONFIG_MAPS}/mine?fieldManager=p`, body("mine"), user);
    expect([allowed.status, allowed.body.data]).toEqual([200, { a: "1", b: "2" }]);
  });
});

describe("apply to subresources", () => {
  it("status owns status alone, and creates nothing", async () => {
    const status = (name: string): Json => ({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name },
      spec: { replicas: 9 },
      status: { conditions: [{ type: "Available", status: "True" }] },
    });
    expect((await apply(`${DEPLOYMENTS}/nothing/status`, status("nothing"))).status).toBe(404);
    await apply(`${DEPLOYMENTS}/reports`, deployment("reports"));
    const answer = await apply(`${DEPLOYMENTS}/reports/status`, status("reports"), "fieldManager=controller");
    expect([answer.status, answer.body.spec.replicas]).toEqual([200, 1]);
    expect(managers(answer)[1]).toEqual({
      manager: "controller",
      operation: "Apply",
      apiVersion: "apps/v1",
      fieldsType: "FieldsV1",
      fieldsV1: {
        "f:status": { "f:conditions": { 'k:{"type":"Available"}': { ".": {}, "f:status": {}, "f:type": {} } } },
      },
      subresource: "status",
    });
  });

  it("scale takes the replicas of the object, and is in the way of others afterwards", async () => {
    const scale = (replicas: number): Json => ({
      apiVersion: "autoscaling/v1",
      kind: "Scale",
      metadata: { name: "scaled" },
      spec: { replicas },
    });
    await apply(`${DEPLOYMENTS}/scaled`, deployment("scaled", { replicas: 1 }));
    const refused = await apply(`${DEPLOYMENTS}/scaled/scale`, scale(2), "fieldManager=hpa");
    expect(refused.body.message).toBe('Apply failed with 1 conflict: conflict with "a": .spec.replicas');
    expect(
      (await apply(`${DEPLOYMENTS}/scaled/scale`, scale(2), "fieldManager=hpa&force=true")).body.spec.replicas,
    ).toBe(2);
    const entry = managers(await server.get(`${DEPLOYMENTS}/scaled`)).find(({ manager }: Json) => manager === "hpa");
    expect(entry).toMatchObject({
      operation: "Apply",
      apiVersion: "apps/v1",
      subresource: "scale",
      fieldsV1: { "f:spec": { "f:replicas": {} } },
    });
    const conflict = await apply(`${DEPLOYMENTS}/scaled`, deployment("scaled", { replicas: 1 }));
    expect(conflict.body.message).toContain('conflict with "hpa" with subresource "scale": .spec.replicas');
    await server.request("PATCH", `${DEPLOYMENTS}/scaled/scale`, '{"spec":{"replicas":5}}', {
      "content-type": "application/merge-patch+json",
      "user-agent": "kubectl/v1.36",
    });
    const kept = managers(await server.get(`${DEPLOYMENTS}/scaled`));
    expect(kept.map(({ manager, operation, subresource }) => [manager, operation, subresource])).toEqual([
      ["a", "Apply", undefined],
      ["kubectl", "Update", "scale"],
    ]);
  });
});

describe("other versions", () => {
  it("keep the fields of the version that was spoken", async () => {
    const path = (version: string): string =>
      `/apis/autoscaling/${version}/namespaces/default/horizontalpodautoscalers/h`;
    const target = { apiVersion: "apps/v1", kind: "Deployment", name: "d" };
    const v1 = {
      apiVersion: "autoscaling/v1",
      kind: "HorizontalPodAutoscaler",
      metadata: { name: "h" },
      spec: { scaleTargetRef: target, maxReplicas: 3, targetCPUUtilizationPercentage: 50 },
    };
    const created = await apply(path("v1"), v1);
    expect(created.status).toBe(201);
    expect(managers(created)).toMatchObject([
      { apiVersion: "autoscaling/v1", fieldsV1: { "f:spec": { "f:targetCPUUtilizationPercentage": {} } } },
    ]);
    const v2 = {
      apiVersion: "autoscaling/v2",
      kind: "HorizontalPodAutoscaler",
      metadata: { name: "h" },
      spec: {
        metrics: [
          { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 70 } } },
        ],
      },
    };
    const conflict = await apply(path("v2"), v2, "fieldManager=b");
    expect(conflict.body.message).toBe(
      'Apply failed with 1 conflict: conflict with "a": .spec.targetCPUUtilizationPercentage',
    );
    const forced = await apply(path("v2"), v2, "fieldManager=b&force=true");
    expect(managers(forced).map(({ manager, apiVersion }: Json) => [manager, apiVersion])).toEqual([
      ["a", "autoscaling/v1"],
      ["b", "autoscaling/v2"],
    ]);
    expect((await server.get(path("v1"))).body.spec.targetCPUUtilizationPercentage).toBe(70);
  });
});
