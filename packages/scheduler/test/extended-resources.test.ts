// Extended resources that are devices of a DeviceClass (KEP-5004), against a real API server.
import type { Pod } from "@knots/api/core/v1";
import { nodes, pods } from "@knots/api/core/v1";
import { deviceClasses, resourceClaims } from "@knots/api/resource/v1";
import type { ResourceClaim } from "@knots/api/resource/v1";
import { nullLogger, RealClock } from "@knots/machinery";
import { Scheduler } from "@knots/scheduler";
import type { PreBindPlugin } from "@knots/scheduler";
import { TestEnvironment } from "@knots/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { isBound, offer as offerDevices, PATIENCE, podOnce as untilPod, reason } from "./devices.ts";

const GPU = "x.io/gpu";

let environment: TestEnvironment;
let scheduler: Scheduler;
/** So many pods are still to fail after they were given devices. */
let failures = 0;
const failing: PreBindPlugin = {
  name: "Failing",
  preBind() {
    if (failures === 0) return Promise.resolve(undefined);
    failures--;
    return Promise.resolve({ code: "Error", reasons: ["no"] });
  },
};

beforeEach(async () => {
  environment = await TestEnvironment.start({ disableAdmissionPlugins: ["ServiceAccount", "TaintNodesByCondition"] });
  for (const name of ["a", "b"]) await makeNode(name);
  failures = 0;
  const { client } = environment;
  scheduler = new Scheduler({
    client,
    clock: new RealClock(),
    logger: nullLogger,
    podInitialBackoffMs: 10,
    profiles: [{ schedulerName: "default-scheduler", plugins: [{ create: () => failing }] }],
  });
  await scheduler.start();
}, 30_000);

afterEach(async () => {
  await scheduler[Symbol.asyncDispose]();
  await environment[Symbol.asyncDispose]();
});

async function makeNode(name: string, more: Record<string, string> = {}): Promise<void> {
  const allocatable = { cpu: "4", memory: "8Gi", pods: "20", ...more };
  await environment.client
    .resource(nodes)
    .create({ metadata: { name, labels: { node: name } }, status: { allocatable } });
}

async function deviceClass(name: string, extendedResourceName?: string): Promise<void> {
  const spec = extendedResourceName === undefined ? {} : { extendedResourceName };
  await environment.client.resource(deviceClasses).create({ metadata: { name }, spec });
}

const offer = (nodeName: string, ...devices: string[]): Promise<void> =>
  offerDevices(environment.client, nodeName, devices);

async function makePod(name: string, requests: Record<string, string>, nodeSelector?: Record<string, string>) {
  return await environment.client.resource(pods, "default").create({
    metadata: { name },
    spec: {
      containers: [{ name: "main", image: "app", resources: { limits: requests } }],
      ...(nodeSelector === undefined ? {} : { nodeSelector }),
    },
  });
}

const podOnce = (name: string, holds: (pod: Pod) => boolean): Promise<Pod> => untilPod(environment.client, name, holds);
const claims = async (): Promise<ResourceClaim[]> =>
  (await environment.client.resource(resourceClaims, "default").list()).items;
const devicesOf = ({ status }: ResourceClaim) =>
  (status?.allocation?.devices?.results ?? []).map(({ pool, device }) => `${pool}/${device}`);

describe("a pod with an extended resource", { timeout: 30_000 }, () => {
  it("gets devices of the class that names the resource", async () => {
    await deviceClass("gpus", GPU);
    await offer("b", "gpu-0", "gpu-1");
    const made = await makePod("pod", { [GPU]: "2" });
    const pod = await podOnce("pod", isBound);
    expect(pod.spec?.nodeName).toBe("b");
    const [claim, ...others] = await claims();
    if (claim === undefined) throw new Error("there is no claim");
    expect(others).toEqual([]);
    expect(claim.metadata).toMatchObject({
      name: expect.stringMatching(/^pod-extended-resources-.{5}$/) as string,
      annotations: { "resource.kubernetes.io/extended-resource-claim": "true" },
      finalizers: ["resource.kubernetes.io/delete-protection"],
      ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "pod", uid: made.metadata?.uid, controller: true }],
    });
    expect(claim.spec.devices?.requests).toEqual([
      {
        name: "container-0-request-0",
        exactly: { deviceClassName: "gpus", allocationMode: "ExactCount", count: 2 },
      },
    ]);
    expect(devicesOf(claim)).toEqual(["b/gpu-0", "b/gpu-1"]);
    expect(claim.status?.reservedFor).toEqual([{ resource: "pods", name: "pod", uid: made.metadata?.uid }]);
    expect(pod.status?.extendedResourceClaimStatus).toEqual({
      resourceClaimName: claim.metadata?.name,
      requestMappings: [{ containerName: "main", resourceName: GPU, requestName: "container-0-request-0" }],
    });
  });

  it("gets them by the name that each class has by itself", async () => {
    await deviceClass("gpus");
    await offer("a", "gpu-0");
    await makePod("pod", { "deviceclass.resource.kubernetes.io/gpus": "1" });
    expect((await podOnce("pod", isBound)).spec?.nodeName).toBe("a");
  });

  it("waits for a class, then for a device, in the words of the plug-in that lacks it", async () => {
    await makePod("pod", { [GPU]: "1" });
    await podOnce("pod", (pod) => reason(pod).includes(`0/2 nodes are available: 2 Insufficient ${GPU}.`));
    await deviceClass("gpus", GPU);
    await podOnce("pod", (pod) => reason(pod).includes("0/2 nodes are available: 2 cannot allocate all claims."));
    await offer("b", "gpu-0");
    expect((await podOnce("pod", isBound)).spec?.nodeName).toBe("b");
  });

  it("may wait for a class that is given the resource's name", async () => {
    await deviceClass("gpus");
    await offer("b", "gpu-0");
    await makePod("pod", { [GPU]: "1" });
    await podOnce("pod", (pod) => reason(pod).includes(`Insufficient ${GPU}`));
    await environment.client
      .resource(deviceClasses)
      .patch("gpus", { spec: { extendedResourceName: GPU } }, { type: "merge" });
    expect((await podOnce("pod", isBound)).spec?.nodeName).toBe("b");
  });

  it("has no claim on a node whose device plug-in offers the resource", async () => {
    await deviceClass("gpus", GPU);
    await makeNode("plugin", { [GPU]: "1" });
    await makePod("pod", { [GPU]: "1" });
    const pod = await podOnce("pod", isBound);
    expect([pod.spec?.nodeName, pod.status?.extendedResourceClaimStatus]).toEqual(["plugin", undefined]);
    expect(await claims()).toEqual([]);
    // The plug-in's are used up.
    await makePod("second", { [GPU]: "1" });
    await podOnce("second", (second) => reason(second).includes(`1 Insufficient ${GPU}`));
    await offer("a", "gpu-0");
    expect((await podOnce("second", isBound)).spec?.nodeName).toBe("a");
  });

  it("gets a device of the newer of two classes", async () => {
    await deviceClass("old", GPU);
    await offer("b", "gpu-0");
    // Creation times are whole seconds: of the same second the first by name wins, which this one is, too.
    await deviceClass("new", GPU);
    await makePod("pod", { [GPU]: "1" });
    await podOnce("pod", isBound);
    expect((await claims())[0]?.spec.devices?.requests?.[0]?.exactly?.deviceClassName).toBe("new");
  });

  it("does not get a device that another pod has, by a claim of either kind", async () => {
    await deviceClass("gpus", GPU);
    await offer("a", "gpu-0", "gpu-1", "gpu-2", "gpu-3");
    const request = { name: "r", exactly: { deviceClassName: "gpus" } };
    await environment.client
      .resource(resourceClaims, "default")
      .create({ metadata: { name: "claim" }, spec: { devices: { requests: [request] } } });
    await environment.client.resource(pods, "default").create({
      metadata: { name: "both" },
      spec: {
        containers: [{ name: "main", image: "app", resources: { limits: { [GPU]: "1" } } }],
        resourceClaims: [{ name: "gpu", resourceClaimName: "claim" }],
      },
    });
    await makePod("one", { [GPU]: "1" });
    await makePod("two", { [GPU]: "1" });
    for (const name of ["both", "one", "two"]) await podOnce(name, isBound);
    expect((await claims()).flatMap(devicesOf).toSorted()).toEqual(["a/gpu-0", "a/gpu-1", "a/gpu-2", "a/gpu-3"]);
    await makePod("three", { [GPU]: "1" });
    await podOnce("three", (pod) => reason(pod).includes("cannot allocate all claims"));
  });

  it("is scheduled anew where an earlier attempt has left a claim behind", async () => {
    await deviceClass("gpus", GPU);
    await offer("a", "gpu-0");
    // Gated, so that the claim is there before the first attempt.
    const made = await environment.client.resource(pods, "default").create({
      metadata: { name: "pod" },
      spec: {
        schedulingGates: [{ name: "x.io/wait" }],
        containers: [{ name: "main", image: "app", resources: { limits: { [GPU]: "1" } } }],
      },
    });
    const claim = await environment.client.resource(resourceClaims, "default").create({
      metadata: {
        name: "left-over",
        annotations: { "resource.kubernetes.io/extended-resource-claim": "true" },
        finalizers: ["resource.kubernetes.io/delete-protection"],
        ownerReferences: [
          { apiVersion: "v1", kind: "Pod", name: "pod", uid: made.metadata?.uid ?? "", controller: true },
        ],
      },
      spec: { devices: { requests: [{ name: "r", exactly: { deviceClassName: "gpus" } }] } },
    });
    const results = [{ request: "r", driver: "gpu.test", pool: "a", device: "gpu-0" }];
    const status = { allocation: { devices: { results } } };
    await environment.client
      .resource(resourceClaims, "default")
      .patch("left-over", { status }, { type: "merge", subresource: "status" });
    await environment.client
      .resource(pods, "default")
      .patch("pod", { spec: { schedulingGates: [] } }, { type: "merge" });
    const pod = await podOnce("pod", isBound);
    const [now] = await claims();
    expect(now?.metadata?.uid).not.toBe(claim.metadata?.uid);
    expect(pod.status?.extendedResourceClaimStatus?.resourceClaimName).toBe(now?.metadata?.name);
  });

  it("gives the devices back where the pod cannot be bound, and is given others", async () => {
    await deviceClass("gpus", GPU);
    await offer("a", "gpu-0");
    failures = 2;
    await makePod("pod", { [GPU]: "1" });
    const pod = await podOnce("pod", isBound);
    expect(failures).toBe(0);
    await vi.waitFor(async () => {
      const names = (await claims()).map(({ metadata }) => metadata?.name);
      expect(names).toEqual([pod.status?.extendedResourceClaimStatus?.resourceClaimName]);
    }, PATIENCE);
  });

  it("gives many pods a device each", async () => {
    await deviceClass("gpus", GPU);
    const devices = Array.from({ length: 5 }, (_, i) => `gpu-${i}`);
    await offer("a", ...devices);
    await offer("b", ...devices);
    const names = Array.from({ length: 10 }, (_, i) => `p${i}`);
    await Promise.all(names.map((name) => makePod(name, { [GPU]: "1" })));
    await Promise.all(names.map((name) => podOnce(name, isBound)));
    expect(new Set((await claims()).flatMap(devicesOf)).size).toBe(10);
  });
});
