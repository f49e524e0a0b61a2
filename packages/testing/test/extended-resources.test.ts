// Extended resources that are devices (KEP-5004), from the request to the end of the pod: scheduler, controllers, quotas.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { Pod } from "@knots/api/core/v1";
import { nodes, pods, resourceQuotas } from "@knots/api/core/v1";
import { deviceClasses, resourceClaims, resourceSlices } from "@knots/api/resource/v1";
import { TestEnvironment } from "@knots/testing";
import { gpus, sliceOf } from "./devices.ts";

const until = (check: () => Promise<void>): Promise<void> => vi.waitFor(check, { timeout: 20_000, interval: 20 });
const GPU = "x.io/gpu";

let environment: TestEnvironment;
beforeAll(async () => {
  environment = await TestEnvironment.start({
    controllers: ["resourceclaim-controller", "resourcequota-controller", "garbage-collector-controller"],
    scheduler: true,
    disableAdmissionPlugins: ["ServiceAccount", "TaintNodesByCondition"],
  });
  const { client } = environment;
  const allocatable = { cpu: "4", memory: "8Gi", pods: "50" };
  await client.resource(nodes).create({ metadata: { name: "n" }, status: { allocatable } });
  await client.resource(deviceClasses).create({ metadata: { name: "gpus" }, spec: { extendedResourceName: GPU } });
  await client.resource(resourceSlices).create(sliceOf("n", gpus(10)));
}, 30_000);
afterAll(() => environment[Symbol.asyncDispose]());

async function makePod(namespace: string, name: string, count: string): Promise<Pod> {
  return await environment.client.resource(pods, namespace).create({
    metadata: { name },
    spec: { containers: [{ name: "main", image: "app", resources: { limits: { [GPU]: count } } }] },
  });
}

async function claimOf(namespace: string, name: string): Promise<string> {
  let claim = "";
  await until(async () => {
    const { spec, status } = await environment.client.resource(pods, namespace).get(name);
    expect(spec?.nodeName).toBe("n");
    claim = status?.extendedResourceClaimStatus?.resourceClaimName ?? "";
    expect(claim).not.toBe("");
  });
  return claim;
}

test("the claim goes when its pod has ended, while the pod stays", async () => {
  const { client } = environment;
  const namespace = await environment.namespace();
  await makePod(namespace, "pod", "2");
  const claim = await claimOf(namespace, "pod");
  expect((await client.resource(resourceClaims, namespace).get(claim)).status?.reservedFor).toHaveLength(1);
  const status = { phase: "Succeeded" };
  await client.resource(pods, namespace).patch("pod", { status }, { type: "merge", subresource: "status" });
  await until(async () => expect((await client.resource(resourceClaims, namespace).list()).items).toEqual([]));
  expect((await client.resource(pods, namespace).get("pod")).status?.phase).toBe("Succeeded");
});

test("the claim goes with its pod", async () => {
  const { client } = environment;
  const namespace = await environment.namespace();
  await makePod(namespace, "pod", "1");
  await claimOf(namespace, "pod");
  await client.resource(pods, namespace).delete("pod", { gracePeriodSeconds: 0 });
  await until(async () => expect((await client.resource(resourceClaims, namespace).list()).items).toEqual([]));
});

test("a quota counts devices once, whether a pod or a claim asks for them", async () => {
  const { client } = environment;
  const namespace = await environment.namespace();
  const hard = { [`requests.${GPU}`]: "3", "gpus.deviceclass.resource.k8s.io/devices": "9" };
  await client.resource(resourceQuotas, namespace).create({ metadata: { name: "quota" }, spec: { hard } });
  const used = (resource: string, devices: string): Promise<void> =>
    until(async () => {
      const { status } = await client.resource(resourceQuotas, namespace).get("quota");
      const want = { [`requests.${GPU}`]: resource, "gpus.deviceclass.resource.k8s.io/devices": devices };
      expect(status?.used).toEqual(want);
    });
  await used("0", "0");
  await makePod(namespace, "pod", "2");
  await claimOf(namespace, "pod");
  await used("2", "2");
  const makeClaim = (name: string) =>
    client.resource(resourceClaims, namespace).create({
      metadata: { name },
      spec: { devices: { requests: [{ name: "r", exactly: { deviceClassName: "gpus" } }] } },
    });
  await makeClaim("claim");
  await used("3", "3");
  await expect(makeClaim("more")).rejects.toThrow(
    `exceeded quota: quota, requested: requests.${GPU}=1, used: requests.${GPU}=3, limited: requests.${GPU}=3`,
  );
  await expect(makePod(namespace, "more", "1")).rejects.toThrow(`exceeded quota: quota, requested: requests.${GPU}=1`);
  await client.resource(pods, namespace).delete("pod", { gracePeriodSeconds: 0 });
  await used("1", "1");
  // Nobody gets devices for nothing by saying that another pod pays for them.
  await client.resource(resourceClaims, namespace).delete("claim");
  await used("0", "0");
  await makePod(namespace, "payer", "2");
  const { metadata } = await client.resource(pods, namespace).get("payer");
  await claimOf(namespace, "payer");
  const false_ = client.resource(resourceClaims, namespace).create({
    metadata: {
      name: "false",
      annotations: { "resource.kubernetes.io/extended-resource-claim": "true" },
      ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "payer", uid: metadata?.uid ?? "", controller: true }],
    },
    spec: { devices: { requests: [{ name: "r", exactly: { deviceClassName: "gpus", count: 2 } }] } },
  });
  await expect(false_).rejects.toThrow(`exceeded quota: quota, requested: requests.${GPU}=2`);
});

test("a quota counts the implicit resource of a class, whichever way its devices are asked for", async () => {
  const { client } = environment;
  const namespace = await environment.namespace();
  const implicit = "deviceclass.resource.kubernetes.io/gpus";
  const hard = { [`requests.${implicit}`]: "5" };
  await client.resource(resourceQuotas, namespace).create({ metadata: { name: "quota" }, spec: { hard } });
  await client.resource(pods, namespace).create({
    metadata: { name: "implicit" },
    spec: { containers: [{ name: "main", image: "app", resources: { limits: { [implicit]: "2" } } }] },
  });
  await claimOf(namespace, "implicit");
  await makePod(namespace, "explicit", "1");
  await claimOf(namespace, "explicit");
  await until(async () => {
    const { status } = await client.resource(resourceQuotas, namespace).get("quota");
    expect(status?.used).toEqual({ [`requests.${implicit}`]: "3" });
  });
});

test("a class that is given a resource's name makes its claims count for it", async () => {
  const { client } = environment;
  const namespace = await environment.namespace();
  await client.resource(deviceClasses).create({ metadata: { name: "late" }, spec: {} });
  await client.resource(resourceClaims, namespace).create({
    metadata: { name: "claim" },
    spec: { devices: { requests: [{ name: "r", exactly: { deviceClassName: "late", count: 2 } }] } },
  });
  const hard = { "requests.x.io/late": "3" };
  await client.resource(resourceQuotas, namespace).create({ metadata: { name: "quota" }, spec: { hard } });
  const used = (amount: string): Promise<void> =>
    until(async () => {
      const { status } = await client.resource(resourceQuotas, namespace).get("quota");
      expect(status?.used).toEqual({ "requests.x.io/late": amount });
    });
  await used("0");
  await client
    .resource(deviceClasses)
    .patch("late", { spec: { extendedResourceName: "x.io/late" } }, { type: "merge" });
  await used("2");
});
