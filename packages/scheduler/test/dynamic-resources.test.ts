import type { Pod } from "@knots/api/core/v1";
import { nodes, pods } from "@knots/api/core/v1";
import { deviceClasses, resourceClaims, resourceSlices } from "@knots/api/resource/v1";
import type { ResourceClaim } from "@knots/api/resource/v1";
import { nullLogger, RealClock } from "@knots/machinery";
import { Scheduler } from "@knots/scheduler";
import { TestEnvironment } from "@knots/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { isBound, offer as offerDevices, PATIENCE, podOnce as untilPod, reason } from "./devices.ts";

const FINALIZER = "resource.kubernetes.io/delete-protection";

let environment: TestEnvironment;
let scheduler: Scheduler;

beforeEach(async () => {
  environment = await TestEnvironment.start({ disableAdmissionPlugins: ["ServiceAccount", "TaintNodesByCondition"] });
  const { client } = environment;
  for (const name of ["a", "b"]) {
    const allocatable = { cpu: "4", memory: "8Gi", pods: "10" };
    await client.resource(nodes).create({ metadata: { name, labels: { node: name } }, status: { allocatable } });
  }
  scheduler = new Scheduler({ client, clock: new RealClock(), logger: nullLogger, podInitialBackoffMs: 10 });
  await scheduler.start();
}, 30_000);

afterEach(async () => {
  await scheduler[Symbol.asyncDispose]();
  await environment[Symbol.asyncDispose]();
});

async function deviceClass(): Promise<void> {
  await environment.client.resource(deviceClasses).create({ metadata: { name: "gpu" }, spec: {} });
}

/** A device that its driver makes ready once it is allocated. */
const SLOW = { bindsToNode: true, bindingConditions: ["Ready"], bindingFailureConditions: ["Broken"] };

/** Says of a device of a claim how it is. */
async function tell(claim: string, pool: string, device: string, type: string): Promise<void> {
  const condition = { type, status: "True", reason: "Said", message: "so", lastTransitionTime: "2026-01-01T00:00:00Z" };
  const devices = [{ driver: "gpu.test", pool, device, conditions: [condition] }];
  await environment.client
    .resource(resourceClaims, "default")
    .patch(claim, { status: { devices } }, { type: "merge", subresource: "status" });
}

const offer = (nodeName: string, ...devices: string[]): Promise<void> =>
  offerDevices(environment.client, nodeName, devices);
const offerSuch = (nodeName: string, such: object, ...devices: string[]): Promise<void> =>
  offerDevices(environment.client, nodeName, devices, such);

async function makeClaim(name: string): Promise<ResourceClaim> {
  return await environment.client.resource(resourceClaims, "default").create({
    metadata: { name },
    spec: { devices: { requests: [{ name: "r", exactly: { deviceClassName: "gpu" } }] } },
  });
}

async function makePod(name: string, claim: string, nodeSelector?: Record<string, string>): Promise<Pod> {
  return await environment.client.resource(pods, "default").create({
    metadata: { name },
    spec: {
      containers: [{ name: "main", image: "app" }],
      resourceClaims: [{ name: "gpu", resourceClaimName: claim }],
      ...(nodeSelector === undefined ? {} : { nodeSelector }),
    },
  });
}

const podOnce = (name: string, holds: (pod: Pod) => boolean): Promise<Pod> => untilPod(environment.client, name, holds);
const claimOf = (name: string) => environment.client.resource(resourceClaims, "default").get(name);

describe("a pod with a ResourceClaim", { timeout: 30_000 }, () => {
  it("goes where the device is, and the claim says so", async () => {
    await deviceClass();
    await offer("b", "gpu-0");
    await makeClaim("claim");
    const made = await makePod("pod", "claim");
    expect((await podOnce("pod", isBound)).spec?.nodeName).toBe("b");
    const claim = await claimOf("claim");
    expect(claim.metadata?.finalizers).toEqual([FINALIZER]);
    expect(claim.status).toEqual({
      allocation: {
        allocationTimestamp: expect.stringMatching(/^\d{4}-/) as string,
        devices: { results: [{ request: "r", driver: "gpu.test", pool: "b", device: "gpu-0" }] },
        nodeSelector: {
          nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: ["b"] }] }],
        },
      },
      reservedFor: [{ resource: "pods", name: "pod", uid: made.metadata?.uid }],
    });
  });

  it("is not tried before the claim exists", async () => {
    await deviceClass();
    await offer("b", "gpu-0");
    await makePod("pod", "claim");
    await makePod("other", "claim");
    await vi.waitFor(async () => expect(await scheduler.metrics()).toMatch(/queue="gated"\} 2/), PATIENCE);
    await makeClaim("claim");
    // Both share it.
    expect((await podOnce("pod", isBound)).spec?.nodeName).toBe("b");
    expect((await podOnce("other", isBound)).spec?.nodeName).toBe("b");
    const users = (await claimOf("claim")).status?.reservedFor?.map(({ name }) => name);
    expect(users?.toSorted()).toEqual(["other", "pod"]);
  });

  it("waits for the claim that is made from a template", async () => {
    const { client } = environment;
    await deviceClass();
    await offer("a", "gpu-0");
    const pod = await client.resource(pods, "default").create({
      metadata: { name: "pod" },
      spec: {
        containers: [{ name: "main", image: "app" }],
        resourceClaims: [{ name: "gpu", resourceClaimTemplateName: "template" }],
      },
    });
    await vi.waitFor(async () => expect(await scheduler.metrics()).toMatch(/queue="gated"\} 1/), PATIENCE);
    const owner = { apiVersion: "v1", kind: "Pod", name: "pod", uid: pod.metadata?.uid ?? "", controller: true };
    await client.resource(resourceClaims, "default").create({
      metadata: { name: "pod-gpu-x", ownerReferences: [owner] },
      spec: { devices: { requests: [{ name: "r", exactly: { deviceClassName: "gpu" } }] } },
    });
    const status = { resourceClaimStatuses: [{ name: "gpu", resourceClaimName: "pod-gpu-x" }] };
    await client.resource(pods, "default").patch("pod", { status }, { type: "merge", subresource: "status" });
    expect((await podOnce("pod", isBound)).spec?.nodeName).toBe("a");
  });

  it("waits for a class, and for a device", async () => {
    await makeClaim("claim");
    await makePod("pod", "claim");
    await podOnce("pod", (pod) => reason(pod).includes("request r: device class gpu does not exist"));
    await deviceClass();
    await podOnce("pod", (pod) => reason(pod).includes("0/2 nodes are available: 2 cannot allocate all claims."));
    await offer("a", "gpu-0");
    expect((await podOnce("pod", isBound)).spec?.nodeName).toBe("a");
  });

  it("gets the device once another's claim has given it back", async () => {
    await deviceClass();
    await offer("a", "gpu-0");
    await makeClaim("first");
    await makeClaim("second");
    await makePod("first", "first");
    await podOnce("first", isBound);
    await makePod("second", "second");
    await podOnce("second", (pod) => reason(pod).includes("cannot allocate all claims"));
    await environment.client
      .resource(resourceClaims, "default")
      .patch("first", { status: null }, { type: "merge", subresource: "status" });
    expect((await podOnce("second", isBound)).spec?.nodeName).toBe("a");
  });

  it("has a claim that nobody uses allocated anew where it must be elsewhere", async () => {
    await deviceClass();
    await offer("a", "gpu-a");
    await offer("b", "gpu-b");
    await makeClaim("claim");
    const device = { request: "r", driver: "gpu.test", pool: "a", device: "gpu-a" };
    const on = { matchFields: [{ key: "metadata.name", operator: "In", values: ["a"] }] };
    const allocation = { devices: { results: [device] }, nodeSelector: { nodeSelectorTerms: [on] } };
    await environment.client
      .resource(resourceClaims, "default")
      .patch("claim", { status: { allocation } }, { type: "merge", subresource: "status" });
    await makePod("pod", "claim", { node: "b" });
    expect((await podOnce("pod", isBound)).spec?.nodeName).toBe("b");
    expect((await claimOf("claim")).status?.allocation?.devices?.results?.[0]?.device).toBe("gpu-b");
  });

  it("is bound once the device is ready for it", async () => {
    await deviceClass();
    await offerSuch("a", SLOW, "gpu-0");
    await makeClaim("claim");
    await makePod("pod", "claim");
    await vi.waitFor(async () => {
      const result = (await claimOf("claim")).status?.allocation?.devices?.results?.[0];
      expect(result).toMatchObject({ bindingConditions: ["Ready"], bindingFailureConditions: ["Broken"] });
    }, PATIENCE);
    expect(isBound(await environment.client.resource(pods, "default").get("pod"))).toBe(false);
    // Another pod has a device that is ready at once, which is better.
    await offer("b", "gpu-1");
    await makeClaim("other");
    await makePod("other", "other");
    expect((await podOnce("other", isBound)).spec?.nodeName).toBe("b");
    await tell("claim", "a", "gpu-0", "Ready");
    expect((await podOnce("pod", isBound)).spec?.nodeName).toBe("a");
  });

  it("gets another device where the first cannot be made ready", async () => {
    await deviceClass();
    await offerSuch("a", SLOW, "gpu-0");
    await makeClaim("claim");
    await makePod("pod", "claim");
    const device = async () => (await claimOf("claim")).status?.allocation?.devices?.results?.[0]?.device;
    await vi.waitFor(async () => expect(await device()).toBe("gpu-0"), PATIENCE);
    await offer("b", "gpu-1");
    // Its driver withdraws it, or it might be chosen again.
    await environment.client.resource(resourceSlices).delete("a");
    await tell("claim", "a", "gpu-0", "Broken");
    expect((await podOnce("pod", isBound)).spec?.nodeName).toBe("b");
    expect(await device()).toBe("gpu-1");
    expect((await claimOf("claim")).status?.devices ?? []).toEqual([]);
  });

  it("gives many pods a device each", async () => {
    await deviceClass();
    const devices = Array.from({ length: 5 }, (_, i) => `gpu-${i}`);
    await offer("a", ...devices);
    await offer("b", ...devices);
    const names = Array.from({ length: 10 }, (_, i) => `p${i}`);
    await Promise.all(names.map((name) => makeClaim(name)));
    await Promise.all(names.map((name) => makePod(name, name)));
    await Promise.all(names.map((name) => podOnce(name, isBound)));
    const claims = await Promise.all(names.map(claimOf));
    const taken = claims.map(({ status }) => {
      const result = status?.allocation?.devices?.results?.[0];
      return `${result?.pool}/${result?.device}`;
    });
    expect(new Set(taken).size).toBe(10);
  });
});
