// What becomes of pods and replica sets when the controllers that own them are deleted.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { deployments, replicaSets } from "@knots/api/apps/v1";
import { pods, replicationControllers, type Pod, type ReplicationController } from "@knots/api/core/v1";
import type { OwnerReference } from "@knots/api/meta/v1";
import { isNotFound } from "@knots/machinery";
import { TestEnvironment } from "@knots/testing";

let environment: TestEnvironment;
beforeAll(async () => {
  environment = await TestEnvironment.start({
    controllers: [
      "garbage-collector-controller",
      "deployment-controller",
      "replicaset-controller",
      "replicationcontroller-controller",
    ],
    disableAdmissionPlugins: ["ServiceAccount"],
  });
});
afterAll(() => environment[Symbol.asyncDispose]());

const until = async (check: () => Promise<void>): Promise<void> => {
  await vi.waitFor(check, { timeout: 20_000, interval: 20 });
};
const podsIn = async (namespace: string): Promise<Pod[]> =>
  (await environment.client.resource(pods, namespace).list()).items;
const template = (labels: Record<string, string>): object => ({
  metadata: { labels },
  spec: { containers: [{ name: "c", image: "i" }] },
});

/** A replication controller whose pods all exist. */
async function controller(namespace: string, name: string, replicas: number): Promise<ReplicationController> {
  const client = environment.client.resource(replicationControllers, namespace);
  const selector = { controller: name };
  const made = await client.create({ metadata: { name }, spec: { replicas, selector, template: template(selector) } });
  await until(async () => expect((await client.get(name)).status?.replicas ?? 0).toBe(replicas));
  return made;
}
async function noController(namespace: string, name: string): Promise<void> {
  const client = environment.client.resource(replicationControllers, namespace);
  await until(async () => {
    await expect(client.get(name)).rejects.toSatisfy(isNotFound);
  });
}
const referenceTo = (owner: ReplicationController): OwnerReference => ({
  apiVersion: "v1",
  kind: "ReplicationController",
  name: owner.metadata?.name ?? "",
  uid: owner.metadata?.uid ?? "",
});

test("in the background: a replication controller's pods go after it", async () => {
  const namespace = await environment.namespace();
  await controller(namespace, "simple", 2);
  expect(await podsIn(namespace)).toHaveLength(2);
  const client = environment.client.resource(replicationControllers, namespace);
  await client.delete("simple", { propagationPolicy: "Background" });
  await noController(namespace, "simple");
  await until(async () => expect(await podsIn(namespace)).toEqual([]));
});

test("orphaned: a replication controller's pods stay, owned by nobody", async () => {
  const namespace = await environment.namespace();
  await controller(namespace, "simple", 12);
  const before = (await podsIn(namespace)).map(({ metadata }) => metadata?.uid);
  const client = environment.client.resource(replicationControllers, namespace);
  await client.delete("simple", { propagationPolicy: "Orphan" });
  await noController(namespace, "simple");
  const after = await podsIn(namespace);
  expect(after.map(({ metadata }) => metadata?.uid)).toEqual(before);
  for (const { metadata } of after) {
    expect(metadata?.ownerReferences ?? []).toEqual([]);
    expect(metadata?.deletionTimestamp).toBeUndefined();
  }
});

test("in the foreground: a replication controller stays until all of its pods are gone", async () => {
  const namespace = await environment.namespace();
  await controller(namespace, "simple", 12);
  const [held] = await podsIn(namespace);
  const name = held?.metadata?.name ?? "";
  const podClient = environment.client.resource(pods, namespace);
  await podClient.patch(name, { metadata: { finalizers: ["example.com/hold"] } }, { type: "merge" });
  const client = environment.client.resource(replicationControllers, namespace);
  await client.delete("simple", { propagationPolicy: "Foreground" });
  await until(async () => expect((await podsIn(namespace)).map(({ metadata }) => metadata?.name)).toEqual([name]));
  expect((await client.get("simple")).metadata).toMatchObject({
    finalizers: ["foregroundDeletion"],
    deletionTimestamp: expect.any(String) as string,
  });
  await podClient.patch(name, { metadata: { finalizers: null } }, { type: "merge" });
  await noController(namespace, "simple");
  expect(await podsIn(namespace)).toEqual([]);
});

test("in the foreground: pods that have another owner stay", async () => {
  const namespace = await environment.namespace();
  const going = await controller(namespace, "going", 10);
  const staying = await controller(namespace, "staying", 0);
  const client = environment.client.resource(pods, namespace);
  const shared = (await podsIn(namespace)).slice(0, 5).map(({ metadata }) => metadata?.name ?? "");
  for (const name of shared)
    await client.patch(name, { metadata: { ownerReferences: [referenceTo(staying)] } }, { type: "strategic" });
  await environment.client
    .resource(replicationControllers, namespace)
    .delete("going", { propagationPolicy: "Foreground" });
  await noController(namespace, "going");
  await until(async () => expect(await podsIn(namespace)).toHaveLength(5));
  const left = await podsIn(namespace);
  expect(new Set(left.map(({ metadata }) => metadata?.name))).toEqual(new Set(shared));
  for (const { metadata } of left) {
    expect(metadata?.deletionTimestamp).toBeUndefined();
    expect(metadata?.ownerReferences).toMatchObject([{ uid: staying.metadata?.uid }]);
    expect(metadata?.ownerReferences?.some(({ uid }) => uid === going.metadata?.uid)).toBe(false);
  }
});

test("a circle of owners keeps none of its pods", async () => {
  const namespace = await environment.namespace();
  const client = environment.client.resource(pods, namespace);
  const names = ["pod1", "pod2", "pod3"];
  const made: Pod[] = [];
  for (const name of names) made.push(await client.create({ ...template({}), metadata: { name } }));
  for (const [i, name] of names.entries()) {
    const owner = made[(i + 2) % 3]?.metadata;
    const reference = {
      apiVersion: "v1",
      kind: "Pod",
      name: owner?.name,
      uid: owner?.uid,
      controller: true,
      blockOwnerDeletion: true,
    };
    const { metadata } = await client.patch(name, { metadata: { ownerReferences: [reference] } }, { type: "merge" });
    expect(metadata?.ownerReferences).toMatchObject([reference]);
  }
  await client.delete("pod1", { propagationPolicy: "Foreground" });
  await until(async () => expect(await podsIn(namespace)).toEqual([]));
});

/** A Deployment with one replica set and two pods. */
async function deployment(namespace: string): Promise<void> {
  await environment.client.resource(deployments, namespace).create({
    metadata: { name: "web" },
    spec: { replicas: 2, selector: { matchLabels: { app: "web" } }, template: template({ app: "web" }) },
  });
  await until(async () => expect(await podsIn(namespace)).toHaveLength(2));
}

test("in the background: a Deployment's replica sets and pods go after it", async () => {
  const namespace = await environment.namespace();
  await deployment(namespace);
  await environment.client.resource(deployments, namespace).delete("web", { propagationPolicy: "Background" });
  await until(async () => {
    expect((await environment.client.resource(replicaSets, namespace).list()).items).toEqual([]);
    expect(await podsIn(namespace)).toEqual([]);
  });
});

test("orphaned: a Deployment's replica set and pods stay", async () => {
  const namespace = await environment.namespace();
  await deployment(namespace);
  const client = environment.client.resource(deployments, namespace);
  await client.delete("web", { propagationPolicy: "Orphan" });
  await until(async () => {
    await expect(client.get("web")).rejects.toSatisfy(isNotFound);
  });
  const { items } = await environment.client.resource(replicaSets, namespace).list();
  expect(items).toHaveLength(1);
  expect(items[0]?.metadata?.ownerReferences ?? []).toEqual([]);
  const left = await podsIn(namespace);
  expect(left).toHaveLength(2);
  for (const { metadata } of left) expect(metadata?.ownerReferences).toMatchObject([{ kind: "ReplicaSet" }]);
});
