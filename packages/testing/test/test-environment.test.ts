// What somebody who tests an operator does: with our own client, with @kubernetes/client-node, with kubectl's kubeconfig.
import { AppsV1Api, CoreV1Api, CustomObjectsApi, KubeConfig } from "@kubernetes/client-node";
import { expect, test, vi } from "vitest";
import { deployments, replicaSets } from "@knots/api/apps/v1";
import { configMaps, nodes, pods } from "@knots/api/core/v1";
import { parseDefinitions, TestEnvironment } from "../src/index.ts";

const CRD = `
apiVersion: v1
kind: ConfigMap
metadata: { name: not-a-definition }
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: widgets.example.com }
spec:
  group: example.com
  scope: Namespaced
  names: { kind: Widget, plural: widgets, singular: widget }
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              required: [size]
              properties: { size: { type: integer, minimum: 1 } }
`;

test("a server alone keeps what it is given and runs nothing", async () => {
  await using environment = await TestEnvironment.start();
  const namespace = await environment.namespace();
  const made = await environment.client
    .resource(configMaps, namespace)
    .create({ metadata: { name: "a" }, data: { k: "v" } });
  expect(made.metadata?.uid).toMatch(/^[0-9a-f-]{36}$/);
  const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } };
  await environment.client
    .resource(deployments, namespace)
    .create({ metadata: { name: "d" }, spec: { selector: { matchLabels: { a: "b" } }, template } });
  expect((await environment.client.resource(replicaSets, namespace).list()).items).toEqual([]);
});

test("custom resources and a client somebody else wrote", async () => {
  await using environment = await TestEnvironment.start({ crds: parseDefinitions(CRD) });
  const config = new KubeConfig();
  config.loadFromString(environment.kubeconfig);
  const custom = config.makeApiClient(CustomObjectsApi);
  const where = { group: "example.com", version: "v1", namespace: "default", plural: "widgets" };
  const widget = (size: number): object => ({
    apiVersion: "example.com/v1",
    kind: "Widget",
    metadata: { name: `w${size}` },
    spec: { size },
  });
  await custom.createNamespacedCustomObject({ ...where, body: widget(1) });
  await expect(custom.createNamespacedCustomObject({ ...where, body: widget(0) })).rejects.toThrow(/spec\.size/);
  const list = (await custom.listNamespacedCustomObject(where)) as { items: object[] };
  expect(list.items).toMatchObject([{ metadata: { name: "w1" }, spec: { size: 1 } }]);
});

test("with controllers and the scheduler a Deployment's pods get a node", async () => {
  await using environment = await TestEnvironment.start({ controllers: true, scheduler: true });
  const { client } = environment;
  const resources = { cpu: "4", memory: "8Gi", pods: "110" };
  await client.resource(nodes).create({ metadata: { name: "n1" } });
  await client.resource(nodes).patch(
    "n1",
    {
      metadata: { labels: { "kubernetes.io/hostname": "n1" } },
      status: { capacity: resources, allocatable: resources, conditions: [{ type: "Ready", status: "True" }] },
    },
    { type: "merge", subresource: "status" },
  );
  const config = new KubeConfig();
  config.loadFromString(environment.kubeconfig);
  await config.makeApiClient(AppsV1Api).createNamespacedDeployment({
    namespace: "default",
    body: {
      metadata: { name: "web" },
      spec: {
        replicas: 2,
        selector: { matchLabels: { app: "web" } },
        template: {
          metadata: { labels: { app: "web" } },
          spec: {
            containers: [{ name: "c", image: "nginx" }],
            tolerations: [{ operator: "Exists" }],
          },
        },
      },
    },
  });
  await vi.waitFor(async () => {
    const { items } = await client.resource(pods, "default").list();
    expect(items.map((pod) => pod.spec?.nodeName)).toEqual(["n1", "n1"]);
  }, 20_000);
  const core = config.makeApiClient(CoreV1Api);
  expect((await core.listNamespacedPod({ namespace: "default" })).items).toHaveLength(2);
});

test("a definition that is not valid fails the start with the server's words", async () => {
  const [crd] = parseDefinitions(CRD.replace("plural: widgets", "plural: other"));
  await expect(TestEnvironment.start({ crds: crd === undefined ? [] : [crd] })).rejects.toThrow(/metadata\.name/);
});
