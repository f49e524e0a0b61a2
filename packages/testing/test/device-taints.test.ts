// Taints of devices (KEP-5055): the scheduler gives none that is tainted, the controller evicts who has one.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Pod } from "@knots/api/core/v1";
import { events, nodes, pods } from "@knots/api/core/v1";
import { deviceClasses, resourceClaims, resourceSlices } from "@knots/api/resource/v1";
import type { DeviceTaint, DeviceToleration, ResourceSlice } from "@knots/api/resource/v1";
import { ControllerManager } from "@knots/controllers";
import { nullLogger, RealClock } from "@knots/machinery";
import { TestEnvironment } from "@knots/testing";
import { Registry } from "prom-client";
import { sliceOf } from "./devices.ts";

const until = (check: () => Promise<void>): Promise<void> => vi.waitFor(check, { timeout: 20_000, interval: 20 });

let environment: TestEnvironment;
let manager: ControllerManager;
let registry: Registry;
let namespace: string;

beforeEach(async () => {
  environment = await TestEnvironment.start({
    scheduler: true,
    disableAdmissionPlugins: ["ServiceAccount", "TaintNodesByCondition"],
  });
  const { client } = environment;
  registry = new Registry();
  manager = new ControllerManager({
    client,
    clock: new RealClock(),
    logger: nullLogger,
    registry,
    controllers: ["device-taint-eviction-controller"],
    leaderElect: true,
  });
  await manager.start();
  namespace = await environment.namespace();
  const allocatable = { cpu: "4", memory: "8Gi", pods: "50" };
  await client.resource(nodes).create({ metadata: { name: "n" }, status: { allocatable } });
  await client
    .resource(deviceClasses)
    .create({ metadata: { name: "gpus" }, spec: { extendedResourceName: "x.io/gpu" } });
}, 30_000);
afterEach(async () => {
  await manager[Symbol.asyncDispose]();
  await environment[Symbol.asyncDispose]();
});

async function offer(devices: Record<string, Partial<DeviceTaint>[]>): Promise<ResourceSlice> {
  const made = Object.entries(devices).map(([name, taints]) => ({
    name,
    ...(taints.length === 0
      ? {}
      : { taints: taints.map((taint) => ({ key: "x.io/broken", effect: "NoExecute", ...taint })) }),
  }));
  return await environment.client.resource(resourceSlices).create(sliceOf("n", made));
}

/** Gives all devices these taints. */
async function taint(...taints: Partial<DeviceTaint>[]): Promise<void> {
  const slices = environment.client.resource(resourceSlices);
  const slice = await slices.get("n");
  const devices = (slice.spec.devices ?? []).map((device) => ({
    ...device,
    taints: taints.map((each) => ({ key: "x.io/broken", effect: "NoExecute", ...each })),
  }));
  await slices.update({ ...slice, spec: { ...slice.spec, devices } });
}

async function makePod(name: string, tolerations: DeviceToleration[] = []): Promise<void> {
  const { client } = environment;
  const exactly = { deviceClassName: "gpus", tolerations };
  await client
    .resource(resourceClaims, namespace)
    .create({ metadata: { name }, spec: { devices: { requests: [{ name: "r", exactly }] } } });
  await client.resource(pods, namespace).create({
    metadata: { name },
    spec: {
      containers: [{ name: "main", image: "app" }],
      resourceClaims: [{ name: "gpu", resourceClaimName: name }],
    },
  });
}

async function bound(name: string): Promise<Pod> {
  let pod: Pod = {};
  await until(async () => {
    pod = await environment.client.resource(pods, namespace).get(name);
    expect(pod.spec?.nodeName).toBe("n");
  });
  return pod;
}

/** Names of the pods that are not being deleted; no kubelet ends the others here. */
async function staying(): Promise<string[]> {
  const { items } = await environment.client.resource(pods, namespace).list();
  return items.flatMap(({ metadata }) => (metadata?.deletionTimestamp === undefined ? (metadata?.name ?? "") : []));
}

async function messages(name: string): Promise<string[]> {
  const { items } = await environment.client.resource(events, namespace).list();
  return items
    .filter(({ involvedObject, reason }) => involvedObject.name === name && reason === "DeviceTaintManagerEviction")
    .map(({ message, type, source }) => `${type} ${source?.component}: ${message}`);
}

test("a taint says since when it is there", async () => {
  const before = Date.now();
  const slice = await offer({ a: [{}, { key: "x.io/old", timeAdded: "2026-01-01T00:00:00Z" }] });
  const [now, old] = slice.spec.devices?.[0]?.taints ?? [];
  expect(Date.parse(now?.timeAdded ?? "")).toBeGreaterThanOrEqual(before - 1000);
  expect(old?.timeAdded).toBe("2026-01-01T00:00:00Z");
});

test("a pod that does not tolerate a new taint of its device is evicted, in upstream's words", async () => {
  await offer({ a: [] });
  await makePod("pod");
  await bound("pod");
  await taint({});
  await until(async () => {
    const { metadata, status } = await environment.client.resource(pods, namespace).get("pod");
    expect(metadata?.deletionTimestamp).toBeDefined();
    expect(status?.conditions?.find(({ type }) => type === "DisruptionTarget")).toMatchObject({
      status: "True",
      reason: "DeletionByDeviceTaintManager",
      message: "Device Taint manager: deleting due to NoExecute taint",
    });
    expect(await messages("pod")).toEqual(["Normal device-taint-eviction-controller: Marking for deletion"]);
  });
  const figures = await registry.metrics();
  expect(figures).toMatch(/^device_taint_eviction_controller_pod_deletions_total 1$/m);
  expect(figures).toMatch(/^device_taint_eviction_controller_pod_deletion_duration_seconds_count 1$/m);
  expect(figures).toMatch(/^workqueue_adds_total\{name="device-taint-eviction-controller"\} [1-9]/m);
});

test("a pod with an extended resource is evicted from its device as well", async () => {
  await offer({ a: [] });
  await environment.client.resource(pods, namespace).create({
    metadata: { name: "pod" },
    spec: { containers: [{ name: "main", image: "app", resources: { limits: { "x.io/gpu": "1" } } }] },
  });
  await bound("pod");
  await taint({});
  await until(async () => expect(await staying()).toEqual([]));
});

test("only those are evicted that do not tolerate it, or for a time that is over", async () => {
  await offer({ a: [], b: [], c: [], d: [] });
  const tolerate = (tolerationSeconds?: number): DeviceToleration[] => [
    {
      key: "x.io/broken",
      operator: "Exists",
      effect: "NoExecute",
      ...(tolerationSeconds === undefined ? {} : { tolerationSeconds }),
    },
  ];
  await makePod("for-ever", tolerate());
  await makePod("longer", tolerate(3600));
  await makePod("shorter", tolerate(10));
  await makePod("not");
  for (const name of ["for-ever", "longer", "shorter", "not"]) await bound(name);
  await taint({ timeAdded: new Date(Date.now() - 60_000).toISOString() });
  await until(async () => expect((await staying()).toSorted()).toEqual(["for-ever", "longer"]));
  // Once the taint is gone the deletion is called off.
  await taint({ effect: "NoSchedule" });
  await until(async () =>
    expect(await messages("longer")).toEqual(["Normal device-taint-eviction-controller: Cancelling deletion"]),
  );
  expect(await messages("for-ever")).toEqual([]);
  expect((await staying()).toSorted()).toEqual(["for-ever", "longer"]);
});

test("a tainted device is given to those alone who tolerate it", async () => {
  await offer({ a: [{ effect: "NoSchedule" }] });
  await makePod("not");
  await until(async () => {
    const { status } = await environment.client.resource(pods, namespace).get("not");
    expect(status?.conditions?.[0]?.message).toContain("cannot allocate all claims");
  });
  await makePod("tolerant", [{ key: "x.io/broken", operator: "Exists" }]);
  await bound("tolerant");
  // What a taint of effect None says is for people to read.
  await environment.client.resource(pods, namespace).delete("tolerant", { gracePeriodSeconds: 0 });
  await environment.client
    .resource(resourceClaims, namespace)
    .patch("tolerant", { status: null }, { type: "merge", subresource: "status" });
  await taint({ effect: "None" });
  await bound("not");
});
