// Volumes and claims: bound, protected while in use, released. Against a real API server.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { PersistentVolumeClaim } from "@knots/api/core/v1";
import { persistentVolumeClaims, persistentVolumes, pods } from "@knots/api/core/v1";
import { storageClasses } from "@knots/api/storage/v1";
import { isNotFound } from "@knots/machinery";
import { TestEnvironment } from "@knots/testing";

let environment: TestEnvironment;
beforeAll(async () => {
  environment = await TestEnvironment.start({
    controllers: [
      "persistentvolume-binder-controller",
      "persistentvolumeclaim-protection-controller",
      "persistentvolume-protection-controller",
      "ephemeral-volume-controller",
    ],
    disableAdmissionPlugins: ["ServiceAccount"],
  });
});
afterAll(() => environment[Symbol.asyncDispose]());

const volumes = () => environment.client.resource(persistentVolumes);
const until = (check: () => Promise<void>): Promise<void> => vi.waitFor(check, { timeout: 15_000, interval: 20 });

async function makeVolume(name: string, more: object = {}): Promise<void> {
  await volumes().create({
    metadata: { name },
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      persistentVolumeReclaimPolicy: "Retain",
      csi: { driver: "csi.example.com", volumeHandle: name },
      ...more,
    },
  });
}
const claim = (name: string, more: object = {}): PersistentVolumeClaim => ({
  metadata: { name },
  spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } }, storageClassName: "", ...more },
});
const gone = async (get: () => Promise<unknown>): Promise<void> => {
  await until(async () => {
    const found = await get().catch((error: unknown) => (isNotFound(error) ? undefined : error));
    expect(found).toBeUndefined();
  });
};

test("a claim's life: bound, kept while a pod uses it, gone; its volume released", async () => {
  const namespace = await environment.namespace();
  const claims = environment.client.resource(persistentVolumeClaims, namespace);
  await claims.create(claim("data"));
  await until(async () => expect((await claims.get("data")).status?.phase).toBe("Pending"));
  await makeVolume("one");
  await until(async () => {
    const { spec, status } = await claims.get("data");
    expect([spec?.volumeName, status?.phase, status?.capacity]).toEqual(["one", "Bound", { storage: "1Gi" }]);
    const { spec: of, status: state } = await volumes().get("one");
    expect([of?.claimRef?.name, state?.phase]).toEqual(["data", "Bound"]);
  });
  const users = environment.client.resource(pods, namespace);
  await users.create({
    metadata: { name: "user" },
    spec: {
      nodeName: "n",
      containers: [{ name: "c", image: "i" }],
      volumes: [{ name: "v", persistentVolumeClaim: { claimName: "data" } }],
    },
  });
  await claims.delete("data");
  await volumes().delete("one");
  expect((await claims.get("data")).metadata?.finalizers).toEqual(["kubernetes.io/pvc-protection"]);
  expect((await volumes().get("one")).metadata?.finalizers).toEqual(["kubernetes.io/pv-protection"]);
  await users.delete("user", { gracePeriodSeconds: 0 });
  await gone(() => claims.get("data"));
  await gone(() => volumes().get("one"));
});

test("two claims, one volume: one is bound, the other waits for the next", async () => {
  const namespace = await environment.namespace();
  const claims = environment.client.resource(persistentVolumeClaims, namespace);
  await Promise.all([claims.create(claim("a")), claims.create(claim("b"))]);
  await makeVolume("shared");
  const phases = async (): Promise<string[]> =>
    (await claims.list()).items.map(({ status }) => status?.phase ?? "").toSorted();
  await until(async () => expect(await phases()).toEqual(["Bound", "Pending"]));
  await makeVolume("second");
  await until(async () => expect(await phases()).toEqual(["Bound", "Bound"]));
  const bound = (await claims.list()).items.map(({ spec }) => spec?.volumeName ?? "").toSorted();
  expect(bound).toEqual(["second", "shared"]);
  await claims.delete("a");
  const of = (await volumes().list()).items.find(({ spec }) => spec?.claimRef?.name === "a")?.metadata?.name ?? "";
  await until(async () => expect((await volumes().get(of)).status?.phase).toBe("Released"));
});

test("a class that waits: nothing until the consumer has a node; a provisioner is asked then", async () => {
  const namespace = await environment.namespace();
  await environment.client
    .resource(storageClasses)
    .create({ metadata: { name: "late" }, provisioner: "csi.example.com", volumeBindingMode: "WaitForFirstConsumer" });
  const claims = environment.client.resource(persistentVolumeClaims, namespace);
  await claims.create(claim("late", { storageClassName: "late" }));
  await until(async () => {
    const { items } = (await environment.client.request("GET", `/api/v1/namespaces/${namespace}/events`)) as {
      items: { reason: string }[];
    };
    expect(items.map(({ reason }) => reason)).toContain("WaitForFirstConsumer");
  });
  const annotation = "volume.kubernetes.io/selected-node";
  await claims.patch("late", { metadata: { annotations: { [annotation]: "n" } } }, { type: "merge" });
  await until(async () => {
    const { metadata } = await claims.get("late");
    expect(metadata?.annotations?.["volume.kubernetes.io/storage-provisioner"]).toBe("csi.example.com");
  });
});

test("a pod's ephemeral volume gets its claim", async () => {
  const namespace = await environment.namespace();
  const { metadata } = await environment.client.resource(pods, namespace).create({
    metadata: { name: "p" },
    spec: {
      containers: [{ name: "c", image: "i" }],
      volumes: [{ name: "scratch", ephemeral: { volumeClaimTemplate: { spec: claim("x").spec ?? {} } } }],
    },
  });
  await until(async () => {
    const made = await environment.client.resource(persistentVolumeClaims, namespace).get("p-scratch");
    expect(made.metadata?.ownerReferences).toMatchObject([{ kind: "Pod", name: "p", uid: metadata?.uid }]);
  });
});
