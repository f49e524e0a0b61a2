import type { Pod } from "@knots/api/core/v1";
import { describe, expect, it } from "vitest";
import type { ContainerState, PodRuntimeStatus, RuntimeContainer } from "../runtime/types.ts";
import { type PodStatusInput, podStatus } from "./pod-status.ts";

const pod: Pod = {
  metadata: { name: "p", namespace: "d", uid: "u", generation: 3 },
  spec: { restartPolicy: "Always", containers: [{ name: "a", image: "img" }] },
  status: {
    conditions: [
      { type: "PodScheduled", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" },
      { type: "Custom", status: "True" },
    ],
  },
};

function ran(name: string, state: ContainerState, more: Partial<RuntimeContainer> = {}): RuntimeContainer {
  return {
    id: `id-${name}`,
    name,
    sandboxID: "s",
    state,
    createdAt: 1,
    startedAt: Date.UTC(2026, 0, 2),
    finishedAt: state === "exited" ? Date.UTC(2026, 0, 3) : 0,
    exitCode: 0,
    reason: "",
    message: "",
    image: "img",
    imageID: "sha256:1",
    hash: "",
    restartCount: 0,
    logPath: "",
    annotations: {},
    ...more,
  };
}

function make(containers: RuntimeContainer[], more: Partial<PodStatusInput> = {}): ReturnType<typeof podStatus> {
  const runtime: PodRuntimeStatus = {
    uid: "u",
    name: "p",
    namespace: "d",
    containers,
    sandboxes: [{ id: "s", attempt: 0, ready: true, createdAt: 1, ips: ["10.0.0.1"], hostNetwork: false }],
  };
  return podStatus({
    pod,
    runtime,
    previous: pod.status,
    hostIPs: ["1.1.1.1"],
    runtimeName: "containerd",
    now: Date.UTC(2026, 0, 5),
    terminal: false,
    startFailure: () => undefined,
    probes: { started: () => true, ready: () => true },
    ...more,
  });
}
const condition = (status: ReturnType<typeof podStatus>, type: string) =>
  status.conditions?.find((candidate) => candidate.type === type);

describe("podStatus", () => {
  it("shows a running pod as Running and Ready, with what others wrote untouched", () => {
    const status = make([ran("a", "running")]);
    expect(status).toMatchObject({
      phase: "Running",
      observedGeneration: 3,
      podIP: "10.0.0.1",
      hostIP: "1.1.1.1",
      qosClass: "BestEffort",
    });
    expect(status.containerStatuses?.[0]).toMatchObject({
      ready: true,
      started: true,
      containerID: "containerd://id-a",
      restartCount: 0,
    });
    expect(condition(status, "Ready")).toMatchObject({
      status: "True",
      observedGeneration: 3,
      lastTransitionTime: "2026-01-05T00:00:00Z",
    });
    expect(condition(status, "PodScheduled")?.lastTransitionTime).toBe("2026-01-01T00:00:00Z");
    expect(condition(status, "Custom")).toEqual({ type: "Custom", status: "True" });
  });

  it("waits with the reason of the last failure, and keeps the exit as lastState", () => {
    const status = make([ran("a", "exited", { exitCode: 3, reason: "Error", restartCount: 2 })], {
      startFailure: () => ({ reason: "CrashLoopBackOff", message: "back-off 10s" }),
    });
    expect(status.phase).toBe("Running");
    expect(status.containerStatuses?.[0]).toMatchObject({
      state: { waiting: { reason: "CrashLoopBackOff", message: "back-off 10s" } },
      lastState: { terminated: { exitCode: 3 } },
      restartCount: 2,
      ready: false,
    });
    expect(condition(status, "Ready")).toMatchObject({
      status: "False",
      reason: "ContainersNotReady",
      message: "containers with unready status: [a]",
    });
  });

  it("is Pending while nothing has started, Initialized False while init containers run", () => {
    const withInit: Pod = {
      ...pod,
      spec: { containers: pod.spec?.containers ?? [], initContainers: [{ name: "i" }, { name: "j" }] },
    };
    const status = make([ran("i", "exited"), ran("j", "running")], { pod: withInit });
    expect(status.phase).toBe("Pending");
    expect(condition(status, "Initialized")).toMatchObject({
      status: "False",
      reason: "ContainersNotInitialized",
      message: "containers with incomplete status: [j]",
    });
    expect(status.containerStatuses?.[0]?.state).toEqual({ waiting: { reason: "PodInitializing" } });
    expect(status.initContainerStatuses?.map((each) => each.ready)).toEqual([true, false]);
  });

  it("ends as Succeeded or Failed by restart policy and exit codes", () => {
    const never: Pod = { ...pod, spec: { containers: pod.spec?.containers ?? [], restartPolicy: "Never" } };
    const done = make([ran("a", "exited")], { pod: never });
    expect(done.phase).toBe("Succeeded");
    expect(condition(done, "Ready")).toMatchObject({ status: "False", reason: "PodCompleted" });
    expect(make([ran("a", "exited", { exitCode: 1 })], { pod: never }).phase).toBe("Failed");
    expect(make([ran("a", "exited", { exitCode: 1 })], { terminal: true }).phase).toBe("Failed");
    expect(make([ran("a", "exited", { exitCode: 1 })]).phase).toBe("Running");
  });

  it("counts a sidecar as running but not as work", () => {
    const withSidecar: Pod = {
      ...pod,
      spec: {
        containers: pod.spec?.containers ?? [],
        restartPolicy: "Never",
        initContainers: [{ name: "side", restartPolicy: "Always" }],
      },
    };
    const serving = make([ran("side", "running"), ran("a", "running")], { pod: withSidecar });
    expect(serving.phase).toBe("Running");
    expect(condition(serving, "Initialized")?.status).toBe("True");
    expect(make([ran("side", "running")], { pod: withSidecar }).phase).toBe("Pending");
    expect(
      make([ran("side", "exited", { exitCode: 137 }), ran("a", "exited")], { pod: withSidecar, terminal: true }).phase,
    ).toBe("Succeeded");
  });

  it("says why the node ended the pod", () => {
    const status = make([], { failure: { reason: "OutOfcpu", message: "Pod was rejected: …" } });
    expect(status).toMatchObject({ phase: "Failed", reason: "OutOfcpu", message: "Pod was rejected: …" });
    expect(status.containerStatuses).toBeUndefined();
  });

  it("judges readiness gates by the conditions of others", () => {
    const gated: Pod = {
      ...pod,
      spec: {
        containers: pod.spec?.containers ?? [],
        readinessGates: [{ conditionType: "Custom" }, { conditionType: "None" }],
      },
    };
    expect(condition(make([ran("a", "running")], { pod: gated }), "Ready")).toMatchObject({
      status: "False",
      reason: "ReadinessGatesNotReady",
      message: 'corresponding condition of pod readiness gate "None" does not exist.',
    });
  });

  it("counts a container that is gone while its pod is deleted as terminated", () => {
    const deleted: Pod = { ...pod, metadata: { ...pod.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } };
    const previous = make([ran("a", "running")]);
    const status = make([], { pod: deleted, previous, terminal: true });
    expect(status.containerStatuses?.[0]?.lastState?.terminated).toMatchObject({
      exitCode: 137,
      reason: "ContainerStatusUnknown",
    });
    expect(status.phase).toBe("Failed");
  });
});
