// Resources of the API server's own configuration: each is discovered and can be written, read and watched in every way.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Harness, take } from "../harness.ts";
import type { Json } from "../harness.ts";

const MERGE = "application/merge-patch+json";

describe("operations", () => {
  let api: Harness;
  beforeAll(async () => {
    api = await Harness.start();
  });
  afterAll(() => api[Symbol.asyncDispose]());

  /** The group, its version and the resource are in the three documents of discovery. */
  async function discovered(group: string, resource: string, ...subresources: string[]): Promise<void> {
    const { body: groups } = await api.get("/apis");
    const entry = groups.groups.find(({ name }: Json) => name === group);
    const expected = { groupVersion: `${group}/v1`, version: "v1" };
    expect(entry?.versions).toContainEqual(expected);
    expect((await api.get(`/apis/${group}`)).body.versions).toContainEqual(expected);
    const { body: resources } = await api.get(`/apis/${group}/v1`);
    const names = resources.resources.map(({ name }: Json) => name);
    expect(names).toEqual(expect.arrayContaining([resource, ...subresources.map((each) => `${resource}/${each}`)]));
    const { verbs } = resources.resources.find(({ name }: Json) => name === resource);
    expect(verbs.toSorted()).toEqual([
      "create",
      "delete",
      "deletecollection",
      "get",
      "list",
      "patch",
      "update",
      "watch",
    ]);
  }

  const namesOf = ({ body }: { body: Json }): string[] => body.items.map(({ metadata }: Json) => metadata.name);

  /** Every verb on three objects; `change` makes another valid spec. */
  async function operations(path: string, make: () => Json, change?: (object: Json) => void): Promise<void> {
    const label = "lifecycle";
    const selected = `${path}?labelSelector=test%3D${label}`;
    const create = async (name: string): Promise<Json> => {
      const { status, body } = await api.post(path, { metadata: { name, labels: { test: label } }, ...make() });
      expect([status, body.message]).toEqual([201, undefined]);
      return body;
    };
    const first = await create("first");
    expect((await api.get(`${path}/first`)).body).toMatchObject({ metadata: { uid: first.metadata.uid } });
    await create("second");
    await create("third");
    await api.post(path, { metadata: { name: "unlabelled" }, ...make() });
    const list = await api.get(selected);
    expect(namesOf(list)).toEqual(["first", "second", "third"]);

    const events = api.watch(`${selected}&watch=1&resourceVersion=${list.body.metadata.resourceVersion}`);
    const patched = await api.patch(`${path}/first`, { metadata: { annotations: { patched: "true" } } }, MERGE);
    expect(patched.body.metadata.annotations).toMatchObject({ patched: "true" });
    const update = structuredClone(patched.body);
    update.metadata.annotations.updated = "true";
    change?.(update);
    const updated = await api.put(`${path}/first`, update);
    expect([updated.status, updated.body.message]).toEqual([200, undefined]);
    expect(updated.body.metadata.annotations).toMatchObject({ patched: "true", updated: "true" });
    // Of these kinds only a new spec is a new generation.
    if (change !== undefined && updated.body.metadata.generation !== undefined)
      expect(updated.body.metadata.generation).toBe(first.metadata.generation + 1);
    const stale = await api.put(`${path}/first`, update);
    expect(stale.body).toMatchObject({ code: 409, reason: "Conflict" });

    expect((await api.delete(`${path}/first`)).status).toBe(200);
    expect((await api.get(`${path}/first`)).body).toMatchObject({ code: 404, reason: "NotFound" });
    expect(namesOf(await api.get(selected))).toEqual(["second", "third"]);
    expect((await api.delete(selected)).status).toBe(200);
    expect(namesOf(await api.get(selected))).toEqual([]);
    expect((await api.get(`${path}/unlabelled`)).status).toBe(200);
    await api.delete(`${path}/unlabelled`);
    // A controller of the server may write a status in between.
    const seen: string[] = [];
    while (seen.filter((each) => each.startsWith("DELETED")).length < 3) {
      const [event] = await take(events, 1);
      seen.push(`${event?.type} ${event?.object.metadata.name}`);
    }
    await events.return(undefined);
    const expected = ["MODIFIED first", "MODIFIED first", "DELETED first", "DELETED second", "DELETED third"];
    expect(seen).toEqual(expect.arrayContaining(expected));
    expect(seen.filter((each) => each === "MODIFIED first").length).toBeGreaterThanOrEqual(2);
  }

  /** /status is read, patched and updated, and takes nothing but the status. */
  async function status(path: string, object: Json, conditions: readonly Json[]): Promise<void> {
    expect((await api.post(path, object)).status).toBe(201);
    const at = `${path}/${object.metadata.name}/status`;
    const read = await api.get(at);
    expect(read.body).toMatchObject({ kind: expect.any(String), metadata: { name: object.metadata.name } });
    const patched = await api.patch(at, { status: { conditions: [conditions[0]] } }, MERGE);
    expect([patched.status, patched.body.message]).toEqual([200, undefined]);
    expect(patched.body.status.conditions).toContainEqual(expect.objectContaining(conditions[0]));
    // The server's own controllers may write the status as well: then the update is made again, as any client would.
    await expect
      .poll(async () => {
        const { body } = await api.get(at);
        return (await api.put(at, { ...body, status: { ...body.status, conditions: [conditions[1]] } })).status;
      })
      .toBe(200);
    const { body } = await api.get(`${path}/${object.metadata.name}`);
    expect(body.status.conditions).toContainEqual(expect.objectContaining(conditions[1]));
    expect(body.spec).toEqual(read.body.spec);
    expect((await api.delete(`${path}/${object.metadata.name}`)).status).toBe(200);
  }

  const FLOW = "flowcontrol.apiserver.k8s.io";
  const condition = (type: string, more: Json = {}): Json => ({
    type,
    status: "True",
    reason: "Tested",
    message: "set by a test",
    lastTransitionTime: "2026-01-01T00:00:00Z",
    ...more,
  });

  it("FlowSchemas can be created, read, watched, changed and deleted, their status too", async () => {
    await discovered(FLOW, "flowschemas", "status");
    const path = `/apis/${FLOW}/v1/flowschemas`;
    const spec = {
      matchingPrecedence: 10000,
      priorityLevelConfiguration: { name: "global-default" },
      distinguisherMethod: { type: "ByUser" },
      rules: [
        {
          subjects: [{ kind: "User", user: { name: "nobody-at-all" } }],
          nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
        },
      ],
    };
    await operations(
      path,
      () => ({ spec }),
      (object) => {
        object.spec.matchingPrecedence = 9999;
      },
    );
    await status(path, { metadata: { name: "reports" }, spec }, [condition("Patched"), condition("Updated")]);
  });

  it("PriorityLevelConfigurations can be created, read, watched, changed and deleted, their status too", async () => {
    await discovered(FLOW, "prioritylevelconfigurations", "status");
    const path = `/apis/${FLOW}/v1/prioritylevelconfigurations`;
    const spec = {
      type: "Limited",
      limited: { nominalConcurrencyShares: 2, limitResponse: { type: "Reject" } },
    };
    await operations(
      path,
      () => ({ spec }),
      (object) => {
        object.spec.limited.nominalConcurrencyShares = 3;
      },
    );
    await status(path, { metadata: { name: "reports" }, spec }, [condition("Patched"), condition("Updated")]);
  });

  const ADMISSION = "admissionregistration.k8s.io";
  const matchConstraints = {
    resourceRules: [{ apiGroups: ["apps"], apiVersions: ["v1"], operations: ["CREATE"], resources: ["deployments"] }],
  };

  it("ValidatingAdmissionPolicies can be created, read, watched, changed and deleted, their status too", async () => {
    await discovered(ADMISSION, "validatingadmissionpolicies", "status");
    const path = `/apis/${ADMISSION}/v1/validatingadmissionpolicies`;
    const spec = { matchConstraints, validations: [{ expression: "object.spec.replicas <= 100" }] };
    await operations(
      path,
      () => ({ spec }),
      (object) => {
        object.spec.validations[0].expression = "object.spec.replicas <= 10";
      },
    );
    await status(path, { metadata: { name: "reports" }, spec }, [condition("Patched"), condition("Updated")]);
  });

  it("ValidatingAdmissionPolicyBindings can be created, read, watched, changed and deleted", async () => {
    await discovered(ADMISSION, "validatingadmissionpolicybindings");
    await operations(
      `/apis/${ADMISSION}/v1/validatingadmissionpolicybindings`,
      () => ({ spec: { policyName: "nowhere", validationActions: ["Deny"] } }),
      (object) => {
        object.spec.validationActions = ["Warn"];
      },
    );
  });

  it("MutatingAdmissionPolicies can be created, read, watched, changed and deleted", async () => {
    await discovered(ADMISSION, "mutatingadmissionpolicies");
    const applyConfiguration = { expression: "Object{metadata: Object.metadata{labels: {'a': 'b'}}}" };
    await operations(
      `/apis/${ADMISSION}/v1/mutatingadmissionpolicies`,
      () => ({
        spec: {
          matchConstraints,
          reinvocationPolicy: "Never",
          mutations: [{ patchType: "ApplyConfiguration", applyConfiguration }],
        },
      }),
      (object) => {
        object.spec.reinvocationPolicy = "IfNeeded";
      },
    );
  });

  it("MutatingAdmissionPolicyBindings can be created, read, watched, changed and deleted", async () => {
    await discovered(ADMISSION, "mutatingadmissionpolicybindings");
    await operations(
      `/apis/${ADMISSION}/v1/mutatingadmissionpolicybindings`,
      () => ({ spec: { policyName: "nowhere" } }),
      (object) => {
        object.spec.policyName = "elsewhere";
      },
    );
  });

  it("webhook configurations are discovered, and can be created, read, watched, changed and deleted", async () => {
    const webhooks = [
      {
        name: "never.example.com",
        clientConfig: { url: "https://never.example.com" },
        rules: [],
        sideEffects: "None",
        admissionReviewVersions: ["v1"],
      },
    ];
    for (const resource of ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"]) {
      await discovered(ADMISSION, resource);
      await operations(
        `/apis/${ADMISSION}/v1/${resource}`,
        () => ({ webhooks }),
        (object) => {
          object.webhooks[0].timeoutSeconds = 3;
        },
      );
    }
  });

  it("CustomResourceDefinitions are discovered", async () => {
    await discovered("apiextensions.k8s.io", "customresourcedefinitions", "status");
  });
});
