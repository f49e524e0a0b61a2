// ResourceQuotas: admission books, the controller counts. Against a real API server.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { configMaps, pods, resourceQuotas, services } from "@knots/api/core/v1";
import { deployments } from "@knots/api/apps/v1";
import { TestEnvironment } from "@knots/testing";

let environment: TestEnvironment;
beforeAll(async () => {
  environment = await TestEnvironment.start({
    controllers: ["resourcequota-controller"],
    disableAdmissionPlugins: ["ServiceAccount"],
  });
});
afterAll(() => environment[Symbol.asyncDispose]());

async function quota(namespace: string, hard: Record<string, string>, scopes?: string[]): Promise<void> {
  await environment.client.resource(resourceQuotas, namespace).create({
    metadata: { name: "quota" },
    spec: { hard, ...(scopes === undefined ? {} : { scopes }) },
  });
}
async function used(namespace: string, want: Record<string, string>): Promise<void> {
  await vi.waitFor(
    async () => {
      const { status } = await environment.client.resource(resourceQuotas, namespace).get("quota");
      expect(status?.used).toEqual(want);
    },
    { timeout: 15_000, interval: 20 },
  );
}
const pod = (name: string, cpu: string): object => ({
  metadata: { name },
  spec: { containers: [{ name: "c", image: "i", resources: { requests: { cpu } } }] },
});

test("pods: counted, refused when too many, given back when they end or go", async () => {
  const namespace = await environment.namespace();
  const client = environment.client.resource(pods, namespace);
  await client.create(pod("before", "100m"));
  await quota(namespace, { pods: "2", "requests.cpu": "1", "count/pods": "5" });
  await used(namespace, { pods: "1", "requests.cpu": "100m", "count/pods": "1" });
  await client.create(pod("a", "500m"));
  await used(namespace, { pods: "2", "requests.cpu": "600m", "count/pods": "2" });
  await expect(client.create(pod("b", "1m"))).rejects.toThrow(
    'pods "b" is forbidden: exceeded quota: quota, requested: pods=1, used: pods=2, limited: pods=2',
  );
  await client.patch("a", { status: { phase: "Succeeded" } }, { type: "merge", subresource: "status" });
  await used(namespace, { pods: "1", "requests.cpu": "100m", "count/pods": "2" });
  await client.delete("before", { gracePeriodSeconds: 0 });
  await used(namespace, { pods: "0", "requests.cpu": "0", "count/pods": "1" });
});

test("any object by its count, from the moment a quota names it", async () => {
  const namespace = await environment.namespace();
  const maps = environment.client.resource(configMaps, namespace);
  await maps.create({ metadata: { name: "one" } });
  await quota(namespace, { configmaps: "2", "count/deployments.apps": "0", services: "5", "services.nodeports": "1" });
  await used(namespace, { configmaps: "1", "count/deployments.apps": "0", services: "0", "services.nodeports": "0" });
  await maps.create({ metadata: { name: "two" } });
  await expect(maps.create({ metadata: { name: "three" } })).rejects.toThrow(
    "exceeded quota: quota, requested: configmaps=1, used: configmaps=2, limited: configmaps=2",
  );
  await expect(
    environment.client.resource(deployments, namespace).create({
      metadata: { name: "d" },
      spec: {
        selector: { matchLabels: { a: "b" } },
        template: { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } },
      },
    }),
  ).rejects.toThrow("count/deployments.apps=1");
  await environment.client
    .resource(services, namespace)
    .create({ metadata: { name: "s" }, spec: { type: "NodePort", ports: [{ port: 80 }] } });
  await maps.delete("one");
  await used(namespace, { configmaps: "1", "count/deployments.apps": "0", services: "1", "services.nodeports": "1" });
});

test("a changed limit is in the status at once", async () => {
  const namespace = await environment.namespace();
  await quota(namespace, { pods: "1" });
  await used(namespace, { pods: "0" });
  const quotas = environment.client.resource(resourceQuotas, namespace);
  await quotas.patch("quota", { spec: { hard: { pods: "3", secrets: "4" } } }, { type: "merge" });
  await vi.waitFor(
    async () =>
      expect((await quotas.get("quota")).status).toEqual({
        hard: { pods: "3", secrets: "4" },
        used: { pods: "0", secrets: "0" },
      }),
    { timeout: 10_000 },
  );
});

test("a scope counts its pods only", async () => {
  const namespace = await environment.namespace();
  await quota(namespace, { pods: "5" }, ["BestEffort"]);
  await used(namespace, { pods: "0" });
  const client = environment.client.resource(pods, namespace);
  await client.create(pod("burstable", "1m"));
  await client.create({ metadata: { name: "besteffort" }, spec: { containers: [{ name: "c", image: "i" }] } });
  await used(namespace, { pods: "1" });
});
