// ResourceClaims from their template to their end: the scheduler gives devices, the controller takes them back.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { Pod } from "@knots/api/core/v1";
import { events, nodes, pods } from "@knots/api/core/v1";
import { deviceClasses, resourceClaims, resourceClaimTemplates, resourceSlices } from "@knots/api/resource/v1";
import { isNotFound } from "@knots/machinery";
import { TestEnvironment } from "@knots/testing";
import { gpus, sliceOf } from "./devices.ts";

const until = (check: () => Promise<void>): Promise<void> => vi.waitFor(check, { timeout: 20_000, interval: 20 });
const FINALIZER = "resource.kubernetes.io/delete-protection";

let environment: TestEnvironment;
beforeAll(async () => {
  environment = await TestEnvironment.start({
    controllers: ["resourceclaim-controller", "garbage-collector-controller"],
    scheduler: true,
    disableAdmissionPlugins: ["ServiceAccount", "TaintNodesByCondition"],
  });
  const { client } = environment;
  const allocatable = { cpu: "4", memory: "8Gi", pods: "50" };
  await client.resource(nodes).create({ metadata: { name: "n" }, status: { allocatable } });
  await client.resource(deviceClasses).create({ metadata: { name: "gpu" }, spec: {} });
  await client.resource(resourceSlices).create(sliceOf("n", gpus(10)));
}, 30_000);
afterAll(() => environment[Symbol.asyncDispose]());

const spec = { devices: { requests: [{ name: "r", exactly: { deviceClassName: "gpu" } }] } };

async function makePod(namespace: string, claim: { resourceClaimName?: string; resourceClaimTemplateName?: string }) {
  return await environment.client.resource(pods, namespace).create({
    metadata: { name: "pod" },
    spec: { containers: [{ name: "main", image: "app" }], resourceClaims: [{ name: "gpu", ...claim }] },
  });
}

async function bound(namespace: string): Promise<Pod> {
  let pod: Pod = {};
  await until(async () => {
    pod = await environment.client.resource(pods, namespace).get("pod");
    expect(pod.spec?.nodeName).toBe("n");
  });
  return pod;
}

async function finish(namespace: string): Promise<void> {
  const status = { phase: "Succeeded" };
  await environment.client.resource(pods, namespace).patch("pod", { status }, { type: "merge", subresource: "status" });
}

test("a template's claim is made, allocated, and deleted when its pod has ended", async () => {
  const { client } = environment;
  const namespace = await environment.namespace();
  await makePod(namespace, { resourceClaimTemplateName: "template" });
  await until(async () => {
    const { items } = await client.resource(events, namespace).list();
    expect(items.find(({ reason }) => reason === "FailedResourceClaimCreation")?.message).toBe(
      'PodResourceClaim gpu: resource claim template "template": resourceclaimtemplate.resource.k8s.io "template" not found',
    );
  });
  const metadata = { labels: { a: "b" } };
  await client
    .resource(resourceClaimTemplates, namespace)
    .create({ metadata: { name: "template" }, spec: { metadata, spec } });
  const pod = await bound(namespace);
  const [status] = pod.status?.resourceClaimStatuses ?? [];
  expect(status?.name).toBe("gpu");
  expect(status?.resourceClaimName).toMatch(/^pod-gpu-.{5}$/);
  const claim = await client.resource(resourceClaims, namespace).get(status?.resourceClaimName ?? "");
  expect(claim.metadata).toMatchObject({
    labels: { a: "b" },
    annotations: { "resource.kubernetes.io/pod-claim-name": "gpu" },
    finalizers: [FINALIZER],
    ownerReferences: [{ kind: "Pod", name: "pod", uid: pod.metadata?.uid, controller: true }],
  });
  expect(claim.status?.reservedFor).toEqual([{ resource: "pods", name: "pod", uid: pod.metadata?.uid }]);
  await finish(namespace);
  await until(async () => expect((await client.resource(resourceClaims, namespace).list()).items).toEqual([]));
  // The pod is still there, and gets no claim anew.
  expect((await client.resource(pods, namespace).get("pod")).status?.phase).toBe("Succeeded");
});

test("a claim that is gone is made anew while its pod waits", async () => {
  const { client } = environment;
  const namespace = await environment.namespace();
  await client.resource(resourceClaimTemplates, namespace).create({
    metadata: { name: "template" },
    spec: { spec: { devices: { requests: [{ name: "r", exactly: { deviceClassName: "none" } }] } } },
  });
  await makePod(namespace, { resourceClaimTemplateName: "template" });
  const nameOf = async (): Promise<string> => {
    const pod = await client.resource(pods, namespace).get("pod");
    return pod.status?.resourceClaimStatuses?.[0]?.resourceClaimName ?? "";
  };
  await until(async () => expect(await nameOf()).not.toBe(""));
  const first = await nameOf();
  await client.resource(resourceClaims, namespace).delete(first);
  await until(async () => {
    const second = await nameOf();
    expect(second).not.toBe(first);
    await client.resource(resourceClaims, namespace).get(second);
  });
  expect((await client.resource(resourceClaims, namespace).list()).items).toHaveLength(1);
});

test("a claim of its own is given back when its pod is gone, and stays", async () => {
  const { client } = environment;
  const namespace = await environment.namespace();
  const claims = client.resource(resourceClaims, namespace);
  await claims.create({ metadata: { name: "claim" }, spec });
  await makePod(namespace, { resourceClaimName: "claim" });
  await bound(namespace);
  await client.resource(pods, namespace).delete("pod", { gracePeriodSeconds: 0 });
  await until(async () => {
    const claim = await claims.get("claim");
    expect(claim.status ?? {}).toEqual({});
    expect(claim.metadata?.finalizers).toBeUndefined();
  });
});

test("a claim that is deleted goes when its pod does", async () => {
  const { client } = environment;
  const namespace = await environment.namespace();
  const claims = client.resource(resourceClaims, namespace);
  await claims.create({ metadata: { name: "claim" }, spec });
  await makePod(namespace, { resourceClaimName: "claim" });
  await bound(namespace);
  await claims.delete("claim");
  expect((await claims.get("claim")).status?.allocation).toBeDefined();
  await finish(namespace);
  await until(async () => {
    await expect(claims.get("claim")).rejects.toSatisfy(isNotFound);
  });
});

test("a pod that was given its node by hand gets the claim reserved", async () => {
  const { client } = environment;
  const namespace = await environment.namespace();
  const claims = client.resource(resourceClaims, namespace);
  await claims.create({ metadata: { name: "claim" }, spec });
  const pod = await client.resource(pods, namespace).create({
    metadata: { name: "pod" },
    spec: {
      nodeName: "n",
      containers: [{ name: "main", image: "app" }],
      resourceClaims: [{ name: "gpu", resourceClaimName: "claim" }],
    },
  });
  const results = [{ request: "r", driver: "gpu.test", pool: "n", device: "gpu-9" }];
  const allocation = { devices: { results } };
  await claims.patch("claim", { status: { allocation } }, { type: "merge", subresource: "status" });
  await until(async () =>
    expect((await claims.get("claim")).status?.reservedFor).toEqual([
      { resource: "pods", name: "pod", uid: pod.metadata?.uid },
    ]),
  );
});
