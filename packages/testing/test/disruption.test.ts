// Budgets over pods of a custom kind: its scale subresource says how many there should be.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { pods } from "@knots/api/core/v1";
import { podDisruptionBudgets } from "@knots/api/policy/v1";
import type { KubeObject, ResourceType } from "@knots/machinery";
import { TestEnvironment } from "@knots/testing";

interface Fleet extends KubeObject {
  spec: { replicas: number };
}
const fleets: ResourceType<Fleet> = {
  group: "example.com",
  version: "v1",
  resource: "fleets",
  kind: "Fleet",
  namespaced: true,
};

let environment: TestEnvironment;
beforeAll(async () => {
  environment = await TestEnvironment.start({
    controllers: ["disruption-controller"],
    disableAdmissionPlugins: ["ServiceAccount"],
    crds: [
      {
        apiVersion: "apiextensions.k8s.io/v1",
        kind: "CustomResourceDefinition",
        metadata: { name: "fleets.example.com" },
        spec: {
          group: "example.com",
          scope: "Namespaced",
          names: { plural: "fleets", singular: "fleet", kind: "Fleet", listKind: "FleetList" },
          versions: [
            {
              name: "v1",
              served: true,
              storage: true,
              subresources: {
                scale: { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" },
              },
              schema: {
                openAPIV3Schema: {
                  type: "object",
                  properties: {
                    spec: { type: "object", properties: { replicas: { type: "integer" } } },
                    status: { type: "object", properties: { replicas: { type: "integer" } } },
                  },
                },
              },
            },
          ],
        },
      },
    ],
  });
});
afterAll(() => environment[Symbol.asyncDispose]());

async function makePod(namespace: string, name: string, owner?: object): Promise<void> {
  const client = environment.client.resource(pods, namespace);
  await client.create({
    metadata: { name, labels: { app: "fleet" }, ...(owner === undefined ? {} : { ownerReferences: [owner as never] }) },
    spec: { containers: [{ name: "c", image: "i" }] },
  });
  const status = { phase: "Running", conditions: [{ type: "Ready", status: "True" }] };
  await client.patch(name, { status }, { type: "merge", subresource: "status" });
}
const budget = (namespace: string, minAvailable: string): Promise<unknown> =>
  environment.client.resource(podDisruptionBudgets, namespace).create({
    metadata: { name: "pdb" },
    spec: { minAvailable, selector: { matchLabels: { app: "fleet" } } },
  });
const shows = (namespace: string, want: object): Promise<void> =>
  vi.waitFor(
    async () => {
      expect((await environment.client.resource(podDisruptionBudgets, namespace).get("pdb")).status).toMatchObject(
        want,
      );
    },
    { timeout: 10_000, interval: 20 },
  );

test("a part of what the owner asks for", async () => {
  const namespace = await environment.namespace();
  const fleet = await environment.client
    .resource(fleets, namespace)
    .create({ metadata: { name: "one" }, spec: { replicas: 4 } });
  const uid = fleet.metadata?.uid ?? "";
  const owner = { apiVersion: "example.com/v1", kind: "Fleet", name: "one", uid, controller: true };
  for (const name of ["a", "b", "c"]) await makePod(namespace, name, owner);
  await budget(namespace, "50%");
  await shows(namespace, { expectedPods: 4, desiredHealthy: 2, currentHealthy: 3, disruptionsAllowed: 1 });
});

test("pods of nobody: the budget says so and allows nothing", async () => {
  const namespace = await environment.namespace();
  await makePod(namespace, "alone");
  await budget(namespace, "50%");
  await shows(namespace, { expectedPods: 0, disruptionsAllowed: 0 });
  await vi.waitFor(async () => {
    const { items } = (await environment.client.request("GET", `/api/v1/namespaces/${namespace}/events`)) as {
      items: { reason: string; message: string }[];
    };
    expect(items.find(({ reason }) => reason === "UnmanagedPods")?.message).toContain("(selector: app=fleet)");
  });
});

test("an owner without a scale", async () => {
  const namespace = await environment.namespace();
  const owner = { apiVersion: "batch/v1", kind: "Job", name: "j", uid: "x", controller: true };
  await makePod(namespace, "p", owner);
  await budget(namespace, "50%");
  await shows(namespace, {
    disruptionsAllowed: 0,
    conditions: [
      { status: "False", reason: "SyncFailed", message: "jobs.batch does not implement the scale subresource" },
    ],
  });
});
