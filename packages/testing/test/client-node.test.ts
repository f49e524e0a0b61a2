// The server as @kubernetes/client-node sees it, over TLS.
import {
  type Informer,
  type KubernetesObject,
  type V1ConfigMap,
  CoreV1Api,
  KubeConfig,
  KubernetesObjectApi,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
  Watch,
} from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { TestEnvironment } from "@knots/testing";

let environment: TestEnvironment;
let config: KubeConfig;
let core: CoreV1Api;
beforeAll(async () => {
  environment = await TestEnvironment.start();
  config = new KubeConfig();
  config.loadFromString(environment.kubeconfig);
  core = config.makeApiClient(CoreV1Api);
});
afterAll(() => environment[Symbol.asyncDispose]());

const soon = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 10_000, interval: 10 });

test("an informer tells what is there and what happens, in order", async () => {
  const namespace = await environment.namespace();
  await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: "before" } } });
  const informer: Informer<V1ConfigMap> = makeInformer(config, `/api/v1/namespaces/${namespace}/configmaps`, () =>
    core.listNamespacedConfigMap({ namespace }),
  );
  const seen: string[] = [];
  for (const verb of ["add", "update", "delete"] as const)
    informer.on(verb, ({ metadata, data }) => void seen.push(`${verb} ${metadata?.name} ${data?.["step"] ?? ""}`));
  await informer.start();
  try {
    await soon(() => expect(seen).toEqual(["add before "]));
    await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: "a" } } });
    await core.patchNamespacedConfigMap(
      { namespace, name: "a", body: { data: { step: "1" } } },
      setHeaderOptions("Content-Type", PatchStrategy.MergePatch),
    );
    await core.deleteNamespacedConfigMap({ namespace, name: "a" });
    await soon(() => expect(seen).toEqual(["add before ", "add a ", "update a 1", "delete a 1"]));
  } finally {
    await informer.stop();
  }
});

test("a watch has bookmarks when it asks for them", async () => {
  const namespace = await environment.namespace();
  await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: "initial" } } });
  const seen: string[] = [];
  const controller = await new Watch(config).watch(
    `/api/v1/namespaces/${namespace}/configmaps`,
    { allowWatchBookmarks: true, sendInitialEvents: true, resourceVersionMatch: "NotOlderThan" },
    (phase, object: KubernetesObject) => {
      const ended = object.metadata?.annotations?.["k8s.io/initial-events-end"] === "true";
      seen.push(`${phase} ${ended ? "initial-events-end" : object.metadata?.name}`);
    },
    () => undefined,
  );
  await soon(() => expect(seen).toEqual(["ADDED initial", "BOOKMARK initial-events-end"]));
  controller.abort();
});

test("each kind of patch does what it says", async () => {
  const namespace = await environment.namespace();
  const body = {
    metadata: { name: "p", labels: { old: "yes" } },
    spec: { template: { spec: { containers: [{ name: "a", image: "a:1" }] } } },
  };
  const objects = KubernetesObjectApi.makeApiClient(config);
  const template = { apiVersion: "v1", kind: "PodTemplate", metadata: { name: "p", namespace } };
  await objects.create({ ...template, template: body.spec.template } as KubernetesObject);
  const patch = (change: object, strategy: PatchStrategy, manager = "test", force = false): Promise<KubernetesObject> =>
    objects.patch({ ...template, ...change }, undefined, undefined, manager, force ? true : undefined, strategy);
  const imagesOf = (object: KubernetesObject): string[] =>
    (object as unknown as typeof body.spec).template.spec.containers.map(({ name, image }) => `${name}=${image}`);
  const more = { template: { spec: { containers: [{ name: "b", image: "b:1" }] } } };
  expect(imagesOf(await patch(more, PatchStrategy.StrategicMergePatch)).toSorted((a, b) => a.localeCompare(b))).toEqual(
    ["a=a:1", "b=b:1"],
  );
  expect(imagesOf(await patch(more, PatchStrategy.MergePatch))).toEqual(["b=b:1"]);
  const applied = { template: { spec: { containers: [{ name: "c", image: "c:1" }] } } };
  expect(imagesOf(await patch(applied, PatchStrategy.ServerSideApply, "applier", true))).toContain("c=c:1");
  const { metadata } = await objects.read(template);
  expect(metadata?.managedFields?.map(({ manager, operation }) => `${manager} ${operation}`)).toContain(
    "applier Apply",
  );
});

test("any object is created, read, listed, replaced and deleted", async () => {
  const namespace = await environment.namespace();
  const objects = KubernetesObjectApi.makeApiClient(config);
  const map = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "any", namespace }, data: { a: "1" } };
  const made = await objects.create(map);
  const read: KubernetesObject = await objects.read(map);
  expect(read.metadata?.uid).toBe((made as KubernetesObject).metadata?.uid);
  expect((await objects.list("v1", "ConfigMap", namespace)).items).toHaveLength(1);
  expect(await objects.replace({ ...map, data: { a: "2" } })).toMatchObject({ data: { a: "2" } });
  await objects.delete(map);
  await expect(objects.read(map)).rejects.toMatchObject({ code: 404 });
});
