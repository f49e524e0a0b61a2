// Namespaces: as objects, and how they end.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { configMaps, namespaces, pods, services } from "@knots/api/core/v1";
import { isNotFound } from "@knots/machinery";
import { TestEnvironment } from "@knots/testing";

let environment: TestEnvironment;
beforeAll(async () => {
  environment = await TestEnvironment.start({
    controllers: ["namespace-controller"],
    disableAdmissionPlugins: ["ServiceAccount"],
  });
});
afterAll(() => environment[Symbol.asyncDispose]());

const pod = (name: string, more: object = {}): object => ({
  metadata: { name, ...more },
  spec: { containers: [{ name: "c", image: "i" }] },
});
const all = () => environment.client.resource(namespaces);
async function gone(name: string): Promise<void> {
  await vi.waitFor(
    async () => {
      await expect(all().get(name)).rejects.toSatisfy(isNotFound);
    },
    { timeout: 20_000, interval: 20 },
  );
}

test("is patched", async () => {
  const name = await environment.namespace();
  await all().patch(name, { metadata: { labels: { testLabel: "testValue" } } }, { type: "strategic" });
  expect((await all().get(name)).metadata?.labels).toMatchObject({ testLabel: "testValue" });
});

test("is updated", async () => {
  const name = await environment.namespace();
  const { metadata, ...rest } = await all().get(name);
  const updated = await all().update({
    ...rest,
    metadata: { ...metadata, labels: { ...metadata?.labels, [name]: "updated" } },
  });
  expect(updated.metadata?.labels).toMatchObject({ [name]: "updated", "kubernetes.io/metadata.name": name });
});

test("has a status that is read, patched and updated", async () => {
  const name = await environment.namespace();
  expect(await all().getSubresource(name, "status")).toMatchObject({ status: { phase: "Active" } });
  const condition = (type: string): object => ({ type, status: "True", reason: "E2E", message: "Set by a test" });
  const patched = await all().patch(
    name,
    { metadata: { annotations: { patched: "yes" } }, status: { conditions: [condition("StatusPatch")] } },
    { type: "merge", subresource: "status" },
  );
  expect(patched.status).toMatchObject({ phase: "Active", conditions: [condition("StatusPatch")] });
  const conditions = [...(patched.status?.conditions ?? []), condition("StatusUpdate") as never];
  await all().updateStatus({ ...patched, status: { ...patched.status, conditions } });
  expect((await all().get(name)).status).toMatchObject({
    phase: "Active",
    conditions: [condition("StatusPatch"), condition("StatusUpdate")],
  });
});

test("takes a finalizer and gives it up", async () => {
  const name = await environment.namespace();
  const finalizer = "e2e.example.com/fakeFinalizer";
  const finalize = async (change: (finalizers: string[]) => string[]): Promise<string[]> => {
    const namespace = await all().get(name);
    const finalizers = change(namespace.spec?.finalizers ?? []);
    const answer = await all().updateSubresource("finalize", { ...namespace, spec: { finalizers } });
    expect(answer.spec?.finalizers).toEqual(finalizers);
    return (await all().get(name)).spec?.finalizers ?? [];
  };
  expect(await finalize((finalizers) => [...finalizers, finalizer])).toEqual(["kubernetes", finalizer]);
  expect(await finalize((finalizers) => finalizers.filter((each) => each !== finalizer))).toEqual(["kubernetes"]);
});

test("when deleted takes its pods along; made again it has none", async () => {
  const name = await environment.namespace();
  await environment.client.resource(pods, name).create(pod("test-pod"));
  await all().delete(name);
  await gone(name);
  await all().create({ metadata: { name } });
  expect((await environment.client.resource(pods, name).list()).items).toEqual([]);
});

test("when deleted takes its Services along; made again it has none", async () => {
  const name = await environment.namespace();
  await environment.client
    .resource(services, name)
    .create({ metadata: { name: "test-service" }, spec: { selector: { foo: "bar" }, ports: [{ port: 80 }] } });
  await all().delete(name);
  await gone(name);
  await all().create({ metadata: { name } });
  expect((await environment.client.resource(services, name).list()).items).toEqual([]);
});

test("loses its pods before all else", async () => {
  const name = await environment.namespace();
  const podClient = environment.client.resource(pods, name);
  const maps = environment.client.resource(configMaps, name);
  await podClient.create(pod("held", { finalizers: ["e2e.example.com/finalizer"] }));
  await maps.create({ metadata: { name: "later" } });
  await all().delete(name);
  await vi.waitFor(
    async () => {
      expect((await podClient.get("held")).metadata?.deletionTimestamp).toBeDefined();
      const conditions = (await all().get(name)).status?.conditions ?? [];
      const remaining = conditions.find(({ type }) => type === "NamespaceFinalizersRemaining");
      expect(remaining).toMatchObject({ status: "True" });
      expect(conditions.find(({ type }) => type === "NamespaceDeletionContentFailure")?.message ?? "").toMatch(
        /^$|pods|All content/,
      );
    },
    { timeout: 20_000, interval: 20 },
  );
  // Whatever it did until it told so: the ConfigMap was not among it.
  expect((await maps.get("later")).metadata?.deletionTimestamp).toBeUndefined();
  await podClient.patch("held", { metadata: { finalizers: null } }, { type: "merge" });
  await gone(name);
});
