import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Pod, PodStatus } from "@knots/api/core/v1";
import { type Clock, nullLogger } from "@knots/machinery";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Behaviour, SimulatedRuntime } from "../cri/simulated.ts";
import { ImageManager } from "../images/image-manager.ts";
import { NoProbes } from "../probes/no-probes.ts";
import { PodReader } from "../runtime/pod-cache.ts";
import { PodRuntime } from "../runtime/pod-runtime.ts";
import { sandboxConfig } from "../runtime/sandbox-config.ts";
import type { StatusManager } from "../status/status-manager.ts";
import type { Rejection } from "./admission.ts";
import { claimsProblem } from "./claims-problem.ts";
import { Pleg } from "./pleg.ts";
import { PodSyncer } from "./pod-syncer.ts";
import type { Termination, WorkerView } from "./pod-workers.ts";

let directory = "";
let now = Date.UTC(2026, 0, 1);
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "kubelet-test-"));
  now = Date.UTC(2026, 0, 1);
});
afterEach(() => rm(directory, { recursive: true }));

function set(options: { behaviour?: Behaviour; pullable?: boolean; rejection?: Rejection } = {}) {
  const clock = {
    now: () => now,
    monotonic: () => now,
    setTimeout: () => ({ cancel: () => undefined }),
    sleep: () => Promise.resolve(),
  } as unknown as Clock;
  const cri = new SimulatedRuntime({
    clock,
    ...(options.behaviour === undefined ? {} : { behaviour: options.behaviour }),
    pullable: () => options.pullable !== false,
  });
  const events: string[] = [];
  const recorder = { event: (_: unknown, __: string, reason: string) => void events.push(reason) };
  const logger = nullLogger;
  const pleg = new Pleg({
    reader: new PodReader(cri.runtime, { read: () => Promise.resolve("") }),
    clock,
    logger,
    onChange: () => undefined,
  });
  const images = new ImageManager({ images: cri.images, clock, recorder, maxParallelPulls: 1 });
  const hooks = { run: () => Promise.resolve() };
  const runtime = new PodRuntime({
    cri,
    images,
    hooks,
    recorder,
    clock,
    logger,
    seccompRoot: "/s",
    memoryCapacity: 2 ** 30,
  });
  const shown = new Map<string, PodStatus>();
  const statuses = {
    get: (uid: string) => shown.get(uid),
    set: (uid: string, status: PodStatus) => void shown.set(uid, status),
  };
  const mounts: Pod[] = [];
  const steps: string[] = [];
  const ended: Termination[] = [];
  const syncer = new PodSyncer({
    pleg,
    runtime,
    statuses: statuses as unknown as StatusManager,
    volumes: {
      mountPod: (pod: Pod) => {
        mounts.push(pod);
        steps.push("mount");
        return Promise.resolve(new Map());
      },
      unmountPod: () => Promise.resolve(),
    },
    probes: new NoProbes(),
    recorder,
    clock,
    logger,
    node: {
      runtimeName: "simulated",
      hostIPs: ["1.1.1.1"],
      admit: () => options.rejection,
      networkProblem: () => undefined,
      devicesProblem: claimsProblem,
      lookAnew: () => void steps.push("look anew"),
      ensureCgroup: () => Promise.resolve(),
      removeCgroup: () => Promise.resolve(),
      ensureMirror: () => Promise.resolve(),
      purge: () => Promise.resolve(),
      end: (_, termination) => void ended.push(termination),
      inputs: (pod) =>
        Promise.resolve({
          runtimeHandler: () => Promise.resolve(""),
          sandboxConfig: (attempt) =>
            sandboxConfig(pod, {
              attempt,
              hostname: "h",
              dns: { servers: [], searches: [], options: [] },
              logDirectory: directory,
              cgroupParent: "",
              seccompRoot: "/s",
            }),
          containerInputs: () => Promise.resolve({ environment: new Map(), mounts: [], devices: [] }),
          pullSecrets: () => Promise.resolve([]),
        }),
    },
  });
  return { syncer, shown, events, ended, cri, pleg, mounts, steps };
}

function worker(spec: Partial<NonNullable<Pod["spec"]>> = {}, meta: Pod["metadata"] = {}): WorkerView {
  const pod: Pod = {
    metadata: { name: "p", namespace: "d", uid: "u", ...meta },
    spec: { restartPolicy: "Always", containers: [{ name: "a", image: "img:1" }], ...spec },
    status: { phase: "Pending" },
  };
  return { uid: "u", pod, phase: "sync", termination: undefined, removed: false, signal: new AbortController().signal };
}

describe("PodSyncer", () => {
  it("makes a pod run in one step", async () => {
    const { syncer, shown, events } = set();
    await syncer.sync(worker());
    expect(shown.get("u")).toMatchObject({
      phase: "Running",
      podIP: "10.244.0.2",
      containerStatuses: [{ ready: true, restartCount: 0 }],
    });
    expect(events).toEqual(["Pulling", "Pulled", "Created", "Started"]);
  });

  it("does not let a pod run without the devices of its claims", async () => {
    const { syncer, shown, events } = set();
    const claiming = worker({ resourceClaims: [{ name: "gpu", resourceClaimName: "claim" }] });
    await expect(syncer.sync(claiming)).rejects.toThrow(
      "Failed to prepare dynamic resources: prepare dynamic resources: this kubelet does not talk to DRA drivers, and the pod has resource claims [gpu]",
    );
    expect(shown.get("u")?.phase).toBe("Pending");
    expect(events).toEqual(["FailedPrepareDynamicResources"]);
  });

  it("does not let a pod run without the devices that its extended resources are", async () => {
    const { syncer, shown, events } = set();
    const asking = worker();
    const extendedResourceClaimStatus = {
      resourceClaimName: "p-extended-resources-x",
      requestMappings: ["x.io/gpu", "x.io/nic", "x.io/gpu"].map((resourceName) => ({
        containerName: "a",
        resourceName,
        requestName: "r",
      })),
    };
    const pod: Pod = { ...asking.pod, status: { ...asking.pod.status, extendedResourceClaimStatus } };
    await expect(syncer.sync({ ...asking, pod })).rejects.toThrow(
      "this kubelet does not talk to DRA drivers, and the pod asks for extended resources [x.io/gpu x.io/nic] that are devices of resource claim p-extended-resources-x",
    );
    expect(shown.get("u")?.phase).toBe("Pending");
    expect(events).toEqual(["FailedPrepareDynamicResources"]);
  });

  it("runs init containers in order, beside a sidecar, to the end of a pod that does not restart", async () => {
    const order: string[] = [];
    const { syncer, shown } = set({
      behaviour: (config) => {
        const name = config.metadata?.name ?? "";
        order.push(name);
        return name === "side" ? undefined : { exitCode: 0, afterMs: 0 };
      },
    });
    const w = worker({
      restartPolicy: "Never",
      initContainers: [
        { name: "i", image: "img:1" },
        { name: "side", image: "img:1", restartPolicy: "Always" },
        { name: "j", image: "img:1" },
      ],
    });
    expect(await syncer.sync(w)).toEqual({ terminal: true });
    expect(order).toEqual(["i", "side", "j", "a"]);
    await syncer.terminate(w, 30);
    expect(shown.get("u")).toMatchObject({
      phase: "Succeeded",
      initContainerStatuses: [{}, { state: { terminated: {} } }, {}],
    });
  });

  it("restarts a crashing container at once, then after ever longer waits", async () => {
    const { syncer, shown, events } = set({ behaviour: () => ({ exitCode: 1, afterMs: 0 }) });
    const first = await syncer.sync(worker());
    expect(first.retryAfterMs).toBe(10_000);
    expect(shown.get("u")?.containerStatuses?.[0]).toMatchObject({
      restartCount: 1,
      state: {
        waiting: { reason: "CrashLoopBackOff", message: "back-off 10s restarting failed container=a pod=p_d(u)" },
      },
      lastState: { terminated: { exitCode: 1 } },
    });
    now += 10_000;
    const second = await syncer.sync(worker());
    expect(second.retryAfterMs).toBe(20_000);
    expect(shown.get("u")?.containerStatuses?.[0]?.restartCount).toBe(2);
    expect(events.filter((event) => event === "BackOff")).toHaveLength(2);
  });

  it("shows why an image cannot be pulled, then that it waits", async () => {
    const { syncer, shown } = set({ pullable: false });
    await syncer.sync(worker());
    expect(shown.get("u")).toMatchObject({
      phase: "Pending",
      containerStatuses: [{ state: { waiting: { reason: "ErrImagePull" } } }],
    });
    now += 3_000;
    await syncer.sync(worker());
    expect(shown.get("u")?.containerStatuses?.[0]?.state?.waiting).toMatchObject({
      reason: "ImagePullBackOff",
      message:
        'Back-off pulling image "img:1": ErrImagePull: rpc error: code = NotFound desc = failed to pull image "img:1": not found',
    });
  });

  it("leaves alone what runs", async () => {
    const { syncer, shown, cri } = set();
    await syncer.sync(worker());
    const before = await cri.runtime.listContainers();
    await syncer.sync(worker());
    expect(await cri.runtime.listContainers()).toEqual(before);
    expect(shown.get("u")?.containerStatuses?.[0]?.restartCount).toBe(0);
  });

  it("writes a running pod's volumes anew when what they show of it changed, and now and then anyway", async () => {
    const { syncer, mounts } = set();
    await syncer.sync(worker());
    await syncer.sync(worker());
    expect(mounts).toHaveLength(1);
    const annotated = worker({}, { annotations: { a: "b" } });
    await syncer.sync(annotated);
    await syncer.sync(annotated);
    expect(mounts.map((pod) => pod.metadata?.annotations)).toEqual([undefined, { a: "b" }]);
    now += 60_000;
    await syncer.sync(annotated);
    expect(mounts).toHaveLength(3);
  });

  it("writes the volumes of a container that starts again from the objects as they are now", async () => {
    const { syncer, steps } = set({ behaviour: () => ({ exitCode: 1, afterMs: 0 }) });
    await syncer.sync(worker());
    const before = steps.length;
    now += 10_000;
    await syncer.sync(worker());
    const after = steps.slice(before);
    expect(after.slice(0, 2)).toEqual(["look anew", "mount"]);
  });

  it("rejects what the node cannot take", async () => {
    const { syncer, shown, ended } = set({ rejection: { reason: "OutOfcpu", message: "m" } });
    await syncer.sync(worker());
    expect(shown.get("u")).toMatchObject({ phase: "Failed", reason: "OutOfcpu", message: "Pod was rejected: m" });
    expect(ended).toEqual([{ reason: "OutOfcpu", message: "Pod was rejected: m" }]);
  });

  it("ends a pod past its deadline", async () => {
    const { syncer, ended } = set();
    const w = worker({ activeDeadlineSeconds: 5 });
    expect((await syncer.sync(w)).retryAfterMs).toBe(5_000);
    now += 5_000;
    await syncer.sync(w);
    expect(ended).toMatchObject([{ reason: "DeadlineExceeded" }]);
  });

  it("starts nothing more once the pod is to end", async () => {
    const { syncer, cri } = set();
    const abort = new AbortController();
    abort.abort();
    await syncer.sync({ ...worker(), signal: abort.signal });
    expect(await cri.runtime.listContainers()).toEqual([]);
  });
});
