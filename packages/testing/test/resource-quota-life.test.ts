// What a ResourceQuota counts through the lives of the objects that it limits.
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { replicaSets } from "@knots/api/apps/v1";
import {
  configMaps,
  pods,
  replicationControllers,
  resourceQuotas,
  secrets,
  services,
  type Pod,
  type ResourceQuota,
} from "@knots/api/core/v1";
import type { ResourceClient } from "@knots/client";
import { isNotFound } from "@knots/machinery";
import { TestEnvironment } from "@knots/testing";

let environment: TestEnvironment;
beforeAll(async () => {
  environment = await TestEnvironment.start({
    controllers: ["resourcequota-controller"],
    disableAdmissionPlugins: ["ServiceAccount"],
  });
});
afterAll(() => environment[Symbol.asyncDispose]());

type Amounts = Readonly<Record<string, string>>;

const quotasIn = (namespace: string): ResourceClient<ResourceQuota> =>
  environment.client.resource(resourceQuotas, namespace);

async function limit(namespace: string, hard: Amounts, name = "quota", scopes?: string[]): Promise<void> {
  await quotasIn(namespace).create({
    metadata: { name },
    spec: { hard: { ...hard }, ...(scopes === undefined ? {} : { scopes }) },
  });
  const nothing = Object.fromEntries(Object.keys(hard).map((resource) => [resource, "0"]));
  await vi.waitFor(
    async () => {
      const { status } = await quotasIn(namespace).get(name);
      expect(status?.hard).toEqual(hard);
      expect(status?.used).toEqual("resourcequotas" in hard ? { ...nothing, resourcequotas: "1" } : nothing);
    },
    { timeout: 15_000, interval: 10 },
  );
}

async function used(namespace: string, want: Amounts, name = "quota"): Promise<void> {
  await vi.waitFor(async () => expect((await quotasIn(namespace).get(name)).status?.used).toMatchObject(want), {
    timeout: 15_000,
    interval: 10,
  });
}

const HARD: Amounts = {
  services: "10",
  "services.loadbalancers": "1",
  "services.nodeports": "1",
  replicationcontrollers: "10",
  "count/replicasets.apps": "5",
  resourcequotas: "1",
  configmaps: "10",
  secrets: "10",
  pods: "5",
  cpu: "1",
  memory: "500Mi",
  "requests.ephemeral-storage": "50Gi",
  "requests.example.com/dongle": "3",
  persistentvolumeclaims: "10",
  "requests.storage": "10Gi",
};

const pod = (name: string, requests: Amounts, more: object = {}, limits: Amounts = {}): Pod => ({
  metadata: { name },
  spec: {
    containers: [{ name: "pause", image: "pause", resources: { requests: { ...requests }, limits: { ...limits } } }],
    ...more,
  },
});
const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } };

test("a new quota tells soon what is limited and what is used", async () => {
  const namespace = await environment.namespace();
  await limit(namespace, HARD);
});

describe("an object is counted when it is made and no longer when it is deleted:", () => {
  /** Makes an object under the whole quota, expects the counts, deletes it, and expects them as before. */
  async function life(counts: Amounts, make: (namespace: string) => Promise<() => Promise<unknown>>): Promise<void> {
    const namespace = await environment.namespace();
    await limit(namespace, HARD);
    const remove = await make(namespace);
    await used(namespace, { ...counts, resourcequotas: "1" });
    await remove();
    await used(namespace, Object.fromEntries(Object.keys(counts).map((resource) => [resource, "0"])));
  }

  test("a ConfigMap", async () => {
    await life({ configmaps: "1" }, async (namespace) => {
      const maps = environment.client.resource(configMaps, namespace);
      await maps.create({ metadata: { name: "counted" } });
      return () => maps.delete("counted");
    });
  });

  test("a Secret", async () => {
    await life({ secrets: "1" }, async (namespace) => {
      const client = environment.client.resource(secrets, namespace);
      await client.create({ metadata: { name: "counted" }, stringData: { a: "b" } });
      return () => client.delete("counted");
    });
  });

  test("a ReplicaSet", async () => {
    await life({ "count/replicasets.apps": "1" }, async (namespace) => {
      const client = environment.client.resource(replicaSets, namespace);
      await client.create({
        metadata: { name: "counted" },
        spec: { replicas: 0, selector: { matchLabels: { a: "b" } }, template },
      });
      return () => client.delete("counted");
    });
  });

  test("a ReplicationController", async () => {
    await life({ replicationcontrollers: "1" }, async (namespace) => {
      const client = environment.client.resource(replicationControllers, namespace);
      await client.create({ metadata: { name: "counted" }, spec: { replicas: 0, selector: { a: "b" }, template } });
      // By itself such a deletion orphans, which takes the garbage collector.
      return () => client.delete("counted", { propagationPolicy: "Background" });
    });
  });

  test("Services, their node ports and load balancers", async () => {
    await life({ services: "2", "services.nodeports": "1", "services.loadbalancers": "0" }, async (namespace) => {
      const client = environment.client.resource(services, namespace);
      const service = (name: string, type: string): Promise<unknown> =>
        client.create({ metadata: { name }, spec: { type, ports: [{ port: 80 }] } });
      await service("inside", "ClusterIP");
      await service("outside", "NodePort");
      await expect(service("balanced", "LoadBalancer")).rejects.toThrow(
        "exceeded quota: quota, requested: services.nodeports=1, used: services.nodeports=1, limited: services.nodeports=1",
      );
      return async () => {
        await client.delete("inside");
        await client.delete("outside");
      };
    });
  });
});

test("a pod's requests are counted, a pod beyond what is left is refused, a pod cannot grow, and all is given back", async () => {
  const namespace = await environment.namespace();
  await limit(namespace, HARD);
  const client = environment.client.resource(pods, namespace);
  const dongles = { "example.com/dongle": "2" };
  const requests = { cpu: "500m", memory: "252Mi", "ephemeral-storage": "30Gi", ...dongles };
  const made = await client.create(pod("counted", requests, {}, dongles));
  const counts = {
    pods: "1",
    cpu: "500m",
    memory: "252Mi",
    "requests.ephemeral-storage": "30Gi",
    "requests.example.com/dongle": "2",
  };
  await used(namespace, counts);
  await expect(client.create(pod("too-much", { cpu: "600m", memory: "100Mi" }))).rejects.toThrow(
    'pods "too-much" is forbidden: exceeded quota: quota, requested: cpu=600m, used: cpu=500m, limited: cpu=1',
  );
  await expect(
    client.create(pod("too-many", { cpu: "1m", memory: "1Mi", "ephemeral-storage": "1", ...dongles }, {}, dongles)),
  ).rejects.toThrow("requested: requests.example.com/dongle=2, used: requests.example.com/dongle=2");
  const [container] = made.spec?.containers ?? [];
  const grown = { ...requests, cpu: "100m", memory: "100Mi" };
  await expect(
    client.update({
      ...made,
      spec: {
        ...made.spec,
        containers: [{ name: "pause", image: "pause", ...container, resources: { requests: grown, limits: dongles } }],
      },
    }),
  ).rejects.toThrow(/pod updates may not change fields other than/);
  await used(namespace, counts);
  await client.delete("counted", { gracePeriodSeconds: 0 });
  await used(namespace, { ...Object.fromEntries(Object.keys(counts).map((key) => [key, "0"])), resourcequotas: "1" });
});

/** Makes the pod, expects it counted by one quota and not by the other, deletes it and expects nothing counted. */
async function countedBy(
  namespace: string,
  counting: string,
  other: string,
  made: Pod,
  counts: Amounts,
): Promise<void> {
  const client = environment.client.resource(pods, namespace);
  const none = (amounts: Amounts): Amounts => Object.fromEntries(Object.keys(amounts).map((key) => [key, "0"]));
  await client.create(made);
  await used(namespace, counts, counting);
  await used(namespace, none(counts), other);
  await client.delete(made.metadata?.name ?? "", { gracePeriodSeconds: 0 });
  await used(namespace, none(counts), counting);
}

test("the scopes BestEffort and NotBestEffort count their own pods alone", async () => {
  const namespace = await environment.namespace();
  await limit(namespace, { pods: "5" }, "besteffort", ["BestEffort"]);
  await limit(namespace, { pods: "5" }, "not-besteffort", ["NotBestEffort"]);
  const amounts = { cpu: "500m", memory: "200Mi" };
  await countedBy(namespace, "besteffort", "not-besteffort", pod("best", {}), { pods: "1" });
  const guaranteed = pod("guaranteed", amounts, {}, { cpu: "1", memory: "400Mi" });
  await countedBy(namespace, "not-besteffort", "besteffort", guaranteed, { pods: "1" });
});

test("the scopes Terminating and NotTerminating count their own pods alone", async () => {
  const namespace = await environment.namespace();
  const hard = {
    pods: "5",
    "requests.cpu": "1",
    "requests.memory": "500Mi",
    "limits.cpu": "2",
    "limits.memory": "1Gi",
  };
  await limit(namespace, hard, "terminating", ["Terminating"]);
  await limit(namespace, hard, "not-terminating", ["NotTerminating"]);
  const requests = { cpu: "500m", memory: "200Mi" };
  const limits = { cpu: "1", memory: "400Mi" };
  const counts = {
    pods: "1",
    "requests.cpu": "500m",
    "requests.memory": "200Mi",
    "limits.cpu": "1",
    "limits.memory": "400Mi",
  };
  await countedBy(namespace, "not-terminating", "terminating", pod("runs-on", requests, {}, limits), counts);
  const ends = pod("ends", requests, { activeDeadlineSeconds: 3600 }, limits);
  await countedBy(namespace, "terminating", "not-terminating", ends, counts);
});

describe("a quota as an object", () => {
  test("is updated and deleted", async () => {
    const namespace = await environment.namespace();
    await limit(namespace, { cpu: "1", memory: "500Mi" });
    const quota = await quotasIn(namespace).get("quota");
    const updated = await quotasIn(namespace).update({ ...quota, spec: { hard: { cpu: "2", memory: "1Gi" } } });
    expect(updated.spec?.hard).toEqual({ cpu: "2", memory: "1Gi" });
    expect((await quotasIn(namespace).get("quota")).spec?.hard).toEqual({ cpu: "2", memory: "1Gi" });
    await quotasIn(namespace).delete("quota");
    await expect(quotasIn(namespace).get("quota")).rejects.toSatisfy(isNotFound);
  });

  test("is found in all namespaces by label, patched, and deleted with its collection", async () => {
    const namespace = await environment.namespace();
    const labels = { lifecycle: namespace };
    const selector = { labelSelector: `lifecycle=${namespace}` };
    await quotasIn(namespace).create({
      metadata: { name: "mine", labels },
      spec: { hard: { cpu: "500", memory: "2Gi" } },
    });
    const everywhere = environment.client.resource(resourceQuotas);
    const { items } = await everywhere.list(selector);
    expect(items.map(({ metadata }) => metadata?.name)).toEqual(["mine"]);
    const patch = { metadata: { labels: { mine: "patched" } }, spec: { hard: { memory: "750Mi" } } };
    const patched = await quotasIn(namespace).patch("mine", patch, { type: "strategic" });
    expect(patched.metadata?.labels).toEqual({ ...labels, mine: "patched" });
    expect(patched.spec?.hard).toEqual({ cpu: "500", memory: "750Mi" });
    await quotasIn(namespace).deleteCollection({}, selector);
    expect((await everywhere.list(selector)).items).toEqual([]);
  });

  test("has a status that is updated, patched and read apart from its spec", async () => {
    const namespace = await environment.namespace();
    await limit(namespace, { cpu: "500m", memory: "500Mi" });
    const client = quotasIn(namespace);
    const hardOf = async (): Promise<unknown> => (await client.get("quota")).status?.hard;
    // What others write into the status stays until the quota or what it counts changes.
    const update = async (hard: Record<string, string>): Promise<unknown> => {
      const quota = await client.get("quota");
      return (await client.updateStatus({ ...quota, status: { ...quota.status, hard } })).status?.hard;
    };
    expect(await update({ cpu: "1", memory: "1Gi" })).toEqual({ cpu: "1", memory: "1Gi" });
    expect((await client.get("quota")).spec?.hard).toEqual({ cpu: "500m", memory: "500Mi" });
    const hard = { cpu: "750m", memory: "750Mi" };
    expect((await client.patch("quota", { spec: { hard } }, { type: "merge" })).spec?.hard).toEqual(hard);
    await vi.waitFor(async () => expect(await hardOf()).toEqual(hard), { timeout: 15_000, interval: 10 });
    const other = { status: { hard: { cpu: "2", memory: "2Gi" } }, spec: { hard: { cpu: "9" } } };
    const patched = await client.patch("quota", other, { type: "merge", subresource: "status" });
    expect([patched.status?.hard, patched.spec?.hard]).toEqual([other.status.hard, hard]);
    expect(await client.getSubresource("quota", "status")).toMatchObject({
      kind: "ResourceQuota",
      spec: { hard },
      status: other.status,
    });
    const again = { status: { hard: { cpu: "3" } } };
    const repatched = await client.patch("quota", again, { type: "merge", subresource: "status" });
    expect(repatched.status?.hard).toEqual({ cpu: "3", memory: "2Gi" });
    expect((await client.get("quota")).spec?.hard).toEqual(hard);
  });
});
