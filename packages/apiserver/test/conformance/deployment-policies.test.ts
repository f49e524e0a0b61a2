// Admission policies that change and check Deployments.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Harness } from "../harness.ts";
import type { Answer, Json } from "../harness.ts";

const GROUP = "/apis/admissionregistration.k8s.io/v1";
const matchConstraints = {
  resourceRules: [{ apiGroups: ["apps"], apiVersions: ["v1"], operations: ["CREATE"], resources: ["deployments"] }],
};

describe("admission policies for Deployments", () => {
  let api: Harness;
  beforeAll(async () => {
    api = await Harness.start();
    for (const name of ["mutated", "annotated", "checked", "varied"])
      await api.post("/api/v1/namespaces", { metadata: { name, labels: { [name]: "yes" } } });
  });
  afterAll(() => api[Symbol.asyncDispose]());

  /** A policy for the Deployments of the namespace of that name. */
  async function policy(kind: "validating" | "mutating", name: string, spec: Json, binding: Json = {}): Promise<void> {
    const made = await api.post(`${GROUP}/${kind}admissionpolicies`, {
      metadata: { name },
      spec: { matchConstraints, ...spec },
    });
    expect([made.status, made.body.message]).toEqual([201, undefined]);
    const bound = await api.post(`${GROUP}/${kind}admissionpolicybindings`, {
      metadata: { name },
      spec: { policyName: name, matchResources: { namespaceSelector: { matchLabels: { [name]: "yes" } } }, ...binding },
    });
    expect([bound.status, bound.body.message]).toEqual([201, undefined]);
  }
  const deployment = (namespace: string, name: string, replicas: number): Promise<Answer> =>
    api.post(`/apis/apps/v1/namespaces/${namespace}/deployments`, {
      metadata: { name },
      spec: {
        replicas,
        selector: { matchLabels: { a: "b" } },
        template: { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } },
      },
    });
  const applyConfiguration = (expression: string): Json => ({
    reinvocationPolicy: "IfNeeded",
    mutations: [{ patchType: "ApplyConfiguration", applyConfiguration: { expression } }],
  });

  it("change a field of the spec", async () => {
    await policy("mutating", "mutated", {
      ...applyConfiguration("Object{spec: Object.spec{replicas: object.spec.replicas + 10}}"),
      reinvocationPolicy: "Never",
    });
    const { status, body } = await deployment("mutated", "web", 1);
    expect([status, body.spec.replicas]).toEqual([201, 11]);
    expect((await deployment("checked", "untouched", 1)).body.spec.replicas).toBe(1);
  });

  it("add annotations", async () => {
    await policy(
      "mutating",
      "annotated",
      applyConfiguration(
        "Object{metadata: Object.metadata{annotations: {'my-annotation': 'my-value', 'for': object.metadata.name}}}",
      ),
    );
    const { status, body } = await deployment("annotated", "web", 1);
    expect([status, body.metadata.annotations]).toEqual([201, { "my-annotation": "my-value", for: "web" }]);
  });

  it("refuse what an expression refuses, and let pass what it allows", async () => {
    await policy(
      "validating",
      "checked",
      {
        validations: [
          {
            expression: "object.spec.replicas > 1",
            messageExpression: "'wants replicas > 1, got ' + string(object.spec.replicas)",
          },
        ],
      },
      { validationActions: ["Deny"] },
    );
    expect((await deployment("checked", "many", 2)).status).toBe(201);
    expect((await deployment("checked", "one", 1)).body).toMatchObject({
      reason: "Invalid",
      message: expect.stringContaining("wants replicas > 1, got 1"),
    });
  });

  it("use variables, and variables in variables", async () => {
    await policy(
      "validating",
      "varied",
      {
        variables: [
          { name: "replicas", expression: "object.spec.replicas" },
          { name: "oddReplicas", expression: "variables.replicas % 2 == 1" },
        ],
        validations: [{ expression: "variables.replicas > 1" }, { expression: "variables.oddReplicas" }],
      },
      { validationActions: ["Deny"] },
    );
    expect((await deployment("varied", "three", 3)).status).toBe(201);
    expect((await deployment("varied", "two", 2)).body.message).toContain("failed expression: variables.oddReplicas");
    expect((await deployment("varied", "one", 1)).body.message).toContain("failed expression: variables.replicas > 1");
  });
});
