// Rules of workloads that need a server to be seen: names that are taken, Jobs of others, evictions by a budget's policy.
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { controllerRevisions, daemonSets, deployments, replicaSets, statefulSets } from "@knots/api/apps/v1";
import { jobs } from "@knots/api/batch/v1";
import { events, pods } from "@knots/api/core/v1";
import { podDisruptionBudgets } from "@knots/api/policy/v1";
import { isNotFound, type KubeObject, type ResourceType } from "@knots/machinery";
import { TestEnvironment } from "@knots/testing";

let environment: TestEnvironment;
beforeAll(async () => {
  environment = await TestEnvironment.start({
    controllers: [
      "deployment-controller",
      "replicaset-controller",
      "statefulset-controller",
      "daemonset-controller",
      "job-controller",
      "ttl-after-finished-controller",
      "garbage-collector-controller",
    ],
    disableAdmissionPlugins: ["ServiceAccount"],
  });
});
afterAll(() => environment[Symbol.asyncDispose]());

const until = async <T>(check: () => Promise<T>): Promise<T> =>
  await vi.waitFor(check, { timeout: 20_000, interval: 20 });
const labels = { app: "web" };
const selector = { matchLabels: labels };
const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "i" }] } };

describe("a name that somebody else has", () => {
  test("gives a Deployment's ReplicaSet another", async () => {
    const [first, second] = [await environment.namespace(), await environment.namespace()];
    const { client } = environment;
    const deployment = { metadata: { name: "web" }, spec: { replicas: 0, selector, template } };
    await client.resource(deployments, first).create(deployment);
    const name = await until(async () => {
      const { items } = await client.resource(replicaSets, first).list();
      expect(items).toHaveLength(1);
      return items[0]?.metadata?.name ?? "";
    });
    const other = { app: "other" };
    await client.resource(replicaSets, second).create({
      metadata: { name },
      spec: { replicas: 0, selector: { matchLabels: other }, template: { ...template, metadata: { labels: other } } },
    });
    await client.resource(deployments, second).create(deployment);
    await until(async () => {
      const { status } = await client.resource(deployments, second).get("web");
      expect(status).toMatchObject({ collisionCount: 1, observedGeneration: 1 });
    });
    const { items } = await client.resource(replicaSets, second).list();
    const own = items.filter(({ metadata }) => metadata?.ownerReferences?.[0]?.name === "web");
    expect(own).toHaveLength(1);
    expect(own[0]?.metadata?.name).not.toBe(name);
    expect((await client.resource(replicaSets, second).get(name)).metadata?.ownerReferences).toBeUndefined();
  });

  test.each<[ResourceType, object]>([
    [statefulSets, { replicas: 0, serviceName: "web", selector, template }],
    [daemonSets, { selector, template }],
  ])("gives the revision of a $kind another", async (type, spec) => {
    const [first, second] = [await environment.namespace(), await environment.namespace()];
    const { client } = environment;
    const object = { metadata: { name: "web" }, spec } as KubeObject;
    await client.resource(type, first).create(object);
    const name = await until(async () => {
      const { items } = await client.resource(controllerRevisions, first).list();
      expect(items).toHaveLength(1);
      return items[0]?.metadata?.name ?? "";
    });
    await client.resource(controllerRevisions, second).create({ metadata: { name }, revision: 7, data: { some: "x" } });
    await client.resource(type, second).create(object);
    await until(async () => {
      const { status } = (await client.resource(type, second).get("web")) as { status?: { collisionCount?: number } };
      expect(status?.collisionCount).toBe(1);
    });
    const { items } = await client.resource(controllerRevisions, second).list();
    const own = items.filter(({ metadata }) => metadata?.ownerReferences?.[0]?.name === "web");
    expect(own.map((each) => each.revision)).toEqual([1]);
    expect(own[0]?.metadata?.name).not.toBe(name);
  });
});

describe("a Job", () => {
  const job = (name: string, spec: object): KubeObject =>
    ({
      metadata: { name },
      spec: { template: { spec: { ...template.spec, restartPolicy: "Never" } }, ...spec },
    }) as KubeObject;

  test("of another controller is left to it", async () => {
    const namespace = await environment.namespace();
    const client = environment.client.resource(jobs, namespace);
    await client.create(job("theirs", { managedBy: "example.com/queue" }));
    await client.create(job("ours", { managedBy: "kubernetes.io/job-controller" }));
    await until(async () => expect((await client.get("ours")).status?.active).toBe(1));
    expect((await client.get("theirs")).status).toEqual({});
    const { items } = await environment.client.resource(pods, namespace).list();
    expect(items.map(({ metadata }) => metadata?.ownerReferences?.[0]?.name)).toEqual(["ours"]);
  });

  test("that has ended goes with its pods when its time is over, and not before", async () => {
    const namespace = await environment.namespace();
    const client = environment.client.resource(jobs, namespace);
    const podClient = environment.client.resource(pods, namespace);
    await client.create(job("short", { ttlSecondsAfterFinished: 0 }));
    await client.create(job("long", { ttlSecondsAfterFinished: 3600 }));
    await client.create(job("ever", {}));
    await until(async () => expect((await podClient.list()).items).toHaveLength(3));
    for (const { metadata } of (await podClient.list()).items)
      await podClient.patch(
        metadata?.name ?? "",
        { status: { phase: "Succeeded" } },
        { type: "merge", subresource: "status" },
      );
    await until(async () => {
      await expect(client.get("short")).rejects.toSatisfy(isNotFound);
      expect((await client.get("long")).status?.completionTime).toBeDefined();
      expect((await client.get("ever")).status?.completionTime).toBeDefined();
      const owners = (await podClient.list()).items.map(({ metadata }) => metadata?.ownerReferences?.[0]?.name);
      expect(new Set(owners)).toEqual(new Set(["ever", "long"]));
    });
  });

  test("tells of its life in Events", async () => {
    const namespace = await environment.namespace();
    const client = environment.client.resource(jobs, namespace);
    await client.create(job("web", { suspend: true }));
    await until(async () => expect((await client.get("web")).status?.conditions?.[0]?.type).toBe("Suspended"));
    await client.patch("web", { spec: { suspend: false } }, { type: "merge" });
    const podClient = environment.client.resource(pods, namespace);
    const [pod] = await until(async () => {
      const { items } = await podClient.list();
      expect(items).toHaveLength(1);
      return items;
    });
    const name = pod?.metadata?.name ?? "";
    await podClient.patch(name, { status: { phase: "Succeeded" } }, { type: "merge", subresource: "status" });
    await until(async () => {
      const { items } = await environment.client
        .resource(events, namespace)
        .list({ fieldSelector: "involvedObject.kind=Job" });
      expect(items.map((each) => `${each.reason}: ${each.message}`).toSorted()).toEqual([
        "Completed: Job completed",
        "Resumed: Job resumed",
        `SuccessfulCreate: Created pod: ${name}`,
        "Suspended: Job suspended",
      ]);
    });
  });
});

// A budget that is used up, with or without as many healthy pods as it wants.
describe("an eviction under a budget that allows none", () => {
  test.each<[policy: string | undefined, ready: boolean, healthy: number, evicted: boolean]>([
    [undefined, true, 2, false],
    [undefined, false, 2, true],
    [undefined, false, 1, false],
    ["IfHealthyBudget", false, 2, true],
    ["IfHealthyBudget", false, 1, false],
    ["IfHealthyBudget", true, 2, false],
    ["AlwaysAllow", false, 1, true],
    ["AlwaysAllow", false, 2, true],
    ["AlwaysAllow", true, 2, false],
  ])("policy %s, ready %s, %d of 2 healthy: %s", async (unhealthyPodEvictionPolicy, ready, currentHealthy, evicted) => {
    const namespace = await environment.namespace();
    const { client } = environment;
    const budgets = client.resource(podDisruptionBudgets, namespace);
    const spec = {
      minAvailable: 2,
      selector,
      ...(unhealthyPodEvictionPolicy === undefined ? {} : { unhealthyPodEvictionPolicy }),
    };
    await budgets.create({ metadata: { name: "web" }, spec });
    const counts = { currentHealthy, desiredHealthy: 2, expectedPods: 3, disruptionsAllowed: 0, observedGeneration: 1 };
    await budgets.patch("web", { status: counts }, { type: "merge", subresource: "status" });
    const podClient = client.resource(pods, namespace);
    await podClient.create({
      ...template,
      metadata: { name: "web", labels },
      spec: { ...template.spec, nodeName: "n" },
    });
    const condition = { type: "Ready", status: ready ? "True" : "False" };
    const status = { phase: "Running", conditions: [condition] };
    await podClient.patch("web", { status }, { type: "merge", subresource: "status" });
    const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: "web", namespace } };
    const asked = podClient.createSubresource("web", "eviction", eviction);
    if (!evicted) {
      await expect(asked).rejects.toMatchObject({
        code: 429,
        message: "Cannot evict pod as it would violate the pod's disruption budget.",
      });
      expect((await podClient.get("web")).metadata?.deletionTimestamp).toBeUndefined();
      return;
    }
    await asked;
    const { metadata, status: after } = await podClient.get("web");
    expect(metadata?.deletionTimestamp).toBeDefined();
    expect(after?.conditions).toContainEqual(
      expect.objectContaining({ type: "DisruptionTarget", status: "True", reason: "EvictionByEvictionAPI" }),
    );
    // It cost nothing.
    expect((await budgets.get("web")).status?.disruptedPods ?? {}).toEqual({});
  });
});
