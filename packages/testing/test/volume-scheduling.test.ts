// Pods with claims that wait for their first consumer: scheduler and volume controller agree on the volume.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { nodes, persistentVolumeClaims, persistentVolumes, pods, type Pod } from "@knots/api/core/v1";
import { csiDrivers, csiStorageCapacities, storageClasses } from "@knots/api/storage/v1";
import { TestEnvironment } from "@knots/testing";

let environment: TestEnvironment;
beforeAll(async () => {
  environment = await TestEnvironment.start({
    controllers: ["persistentvolume-binder-controller"],
    scheduler: true,
    disableAdmissionPlugins: ["ServiceAccount", "TaintNodesByCondition"],
  });
  const { client } = environment;
  for (const name of ["a", "b"])
    await client.resource(nodes).create({
      metadata: { name, labels: { host: name } },
      status: { allocatable: { cpu: "4", memory: "8Gi", pods: "50" } },
    });
  const late = { volumeBindingMode: "WaitForFirstConsumer" };
  const classes = client.resource(storageClasses);
  await classes.create({ metadata: { name: "local" }, provisioner: "kubernetes.io/no-provisioner", ...late });
  await classes.create({ metadata: { name: "made" }, provisioner: "csi.test", ...late });
  await client.resource(csiDrivers).create({ metadata: { name: "csi.test" }, spec: { storageCapacity: true } });
});
afterAll(() => environment[Symbol.asyncDispose]());

const until = async <T>(check: () => Promise<T>): Promise<T> =>
  await vi.waitFor(check, { timeout: 20_000, interval: 20 });

async function localVolume(name: string, host: string, storage: string): Promise<void> {
  const matchExpressions = [{ key: "host", operator: "In" as const, values: [host] }];
  await environment.client.resource(persistentVolumes).create({
    metadata: { name },
    spec: {
      capacity: { storage },
      accessModes: ["ReadWriteOnce"],
      storageClassName: "local",
      local: { path: `/mnt/${name}` },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions }] } },
    },
  });
}
async function claimAndPod(
  namespace: string,
  name: string,
  storageClassName: string,
  spec: object = {},
): Promise<void> {
  const { client } = environment;
  await client.resource(persistentVolumeClaims, namespace).create({
    metadata: { name },
    spec: { accessModes: ["ReadWriteOnce"], storageClassName, resources: { requests: { storage: "1Gi" } } },
  });
  await client.resource(pods, namespace).create({
    metadata: { name },
    spec: {
      containers: [{ name: "c", image: "i" }],
      volumes: [{ name: "v", persistentVolumeClaim: { claimName: name } }],
      ...spec,
    },
  });
}
const messageOf = ({ status }: Pod): string =>
  status?.conditions?.find(({ type }) => type === "PodScheduled")?.message ?? "";

test("as many pods as there are volumes, all at once: each has one, on its node", async () => {
  const namespace = await environment.namespace();
  const { client } = environment;
  // Sizes differ, so that the choice of the one is not always that of the other.
  for (const [i, host] of ["a", "b", "a", "b", "a", "b"].entries()) await localVolume(`v${i}`, host, `${i + 1}Gi`);
  const names = Array.from({ length: 6 }, (_, i) => `p${i}`);
  await Promise.all(names.map((name) => claimAndPod(namespace, name, "local")));
  await until(async () => {
    const { items } = await client.resource(pods, namespace).list();
    expect(items.filter(({ spec }) => spec?.nodeName !== undefined)).toHaveLength(6);
  });
  const used = new Set<string>();
  for (const name of names) {
    const { spec } = await client.resource(persistentVolumeClaims, namespace).get(name);
    const volume = await client.resource(persistentVolumes).get(spec?.volumeName ?? "");
    const host = volume.spec?.nodeAffinity?.required?.nodeSelectorTerms[0]?.matchExpressions?.[0]?.values;
    expect(host).toEqual([(await client.resource(pods, namespace).get(name)).spec?.nodeName]);
    used.add(spec?.volumeName ?? "");
  }
  expect(used.size).toBe(6);
  // One more has none, and no other pod can make room for it.
  await claimAndPod(namespace, "late", "local");
  await until(async () => {
    expect(messageOf(await client.resource(pods, namespace).get("late"))).toBe(
      "0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind. no new claims to deallocate, " +
        "preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
    );
  });
  await localVolume("more", "b", "1Gi");
  await until(async () => expect((await client.resource(pods, namespace).get("late")).spec?.nodeName).toBe("b"));
});

test("a pod goes where its driver has room; one whose claim is given back is tried anew", async () => {
  const namespace = await environment.namespace();
  const { client } = environment;
  const capacities = client.resource(csiStorageCapacities, namespace);
  await claimAndPod(namespace, "p", "made");
  await until(async () => {
    const message = messageOf(await client.resource(pods, namespace).get("p"));
    expect(message).toContain("0/2 nodes are available: 2 node(s) did not have enough free storage.");
  });
  const room = (host: string): object => ({ storageClassName: "made", nodeTopology: { matchLabels: { host } } });
  await capacities.create({ metadata: { name: "a" }, storageClassName: "made", ...room("a"), capacity: "5Gi" });
  const claims = client.resource(persistentVolumeClaims, namespace);
  const selected = async (): Promise<string | undefined> =>
    (await claims.get("p")).metadata?.annotations?.["volume.kubernetes.io/selected-node"];
  await until(async () => expect(await selected()).toBe("a"));
  // The provisioner has found that there is no room after all: it says so, and takes the node off.
  await capacities.create({ metadata: { name: "b" }, storageClassName: "made", ...room("b"), capacity: "5Gi" });
  await capacities.patch("a", { capacity: "0" }, { type: "merge" });
  await claims.patch(
    "p",
    { metadata: { annotations: { "volume.kubernetes.io/selected-node": null } } },
    { type: "merge" },
  );
  await until(async () => expect(await selected()).toBe("b"));
  expect((await client.resource(pods, namespace).get("p")).spec?.nodeName).toBeUndefined();
  await client.resource(persistentVolumes).create({
    metadata: { name: "made-for-p" },
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      storageClassName: "made",
      csi: { driver: "csi.test", volumeHandle: "1" },
      claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name: "p" },
    },
  });
  await until(async () => expect((await client.resource(pods, namespace).get("p")).spec?.nodeName).toBe("b"));
});
