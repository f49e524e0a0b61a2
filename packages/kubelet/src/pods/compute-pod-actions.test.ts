import type { Container, Pod } from "@knots/api/core/v1";
import { describe, expect, it } from "vitest";
import type { ContainerState, PodRuntimeStatus, RuntimeContainer, RuntimeSandbox } from "../runtime/types.ts";
import { computePodActions, type PodActions } from "./compute-pod-actions.ts";

const hashOf = (container: Container): string => `hash-${container.image ?? ""}`;

function pod(spec: Partial<NonNullable<Pod["spec"]>> = {}, meta: Pod["metadata"] = {}): Pod {
  return {
    metadata: { name: "p", namespace: "d", uid: "u", ...meta },
    spec: { containers: [{ name: "a", image: "img" }], restartPolicy: "Always", ...spec },
  };
}
const ready: RuntimeSandbox = { id: "s", attempt: 0, ready: true, createdAt: 1, ips: ["10.0.0.1"], hostNetwork: false };

function ran(name: string, state: ContainerState, more: Partial<RuntimeContainer> = {}): RuntimeContainer {
  return {
    id: `id-${name}`,
    name,
    sandboxID: "s",
    state,
    createdAt: 1,
    startedAt: 1,
    finishedAt: 0,
    exitCode: 0,
    reason: "",
    message: "",
    image: "img",
    imageID: "",
    hash: "hash-img",
    restartCount: 0,
    logPath: "",
    annotations: {},
    ...more,
  };
}
const status = (containers: RuntimeContainer[], sandboxes: RuntimeSandbox[] = [ready]): PodRuntimeStatus => ({
  uid: "u",
  name: "p",
  namespace: "d",
  sandboxes,
  containers,
});

interface Case {
  readonly name: string;
  readonly pod: Pod;
  readonly status: PodRuntimeStatus;
  readonly liveness?: Record<string, boolean>;
  readonly startup?: Record<string, boolean>;
  readonly want: Partial<PodActions> & { kill?: string[] };
}
const sidecar = { name: "side", image: "img", restartPolicy: "Always" };
const init = (name: string): Container => ({ name, image: "img" });

const cases: Case[] = [
  {
    name: "nothing there: sandbox and containers",
    pod: pod(),
    status: status([], []),
    want: { createSandbox: true, killPod: true, attempt: 0, containersToStart: [0] },
  },
  {
    name: "all runs: nothing",
    pod: pod(),
    status: status([ran("a", "running")]),
    want: { killPod: false, containersToStart: [] },
  },
  { name: "exited, Always: again", pod: pod(), status: status([ran("a", "exited")]), want: { containersToStart: [0] } },
  {
    name: "exited with 0, OnFailure: the pod is over",
    pod: pod({ restartPolicy: "OnFailure" }),
    status: status([ran("a", "exited")]),
    want: { killPod: true, createSandbox: false, containersToStart: [] },
  },
  {
    name: "failed, OnFailure: again",
    pod: pod({ restartPolicy: "OnFailure" }),
    status: status([ran("a", "exited", { exitCode: 1 })]),
    want: { containersToStart: [0] },
  },
  {
    name: "failed, Never: over",
    pod: pod({ restartPolicy: "Never" }),
    status: status([ran("a", "exited", { exitCode: 1 })]),
    want: { killPod: true, containersToStart: [] },
  },
  {
    name: "a container's own rule restarts it for its exit code",
    pod: pod({
      restartPolicy: "Never",
      containers: [
        {
          name: "a",
          image: "img",
          restartPolicy: "Never",
          restartPolicyRules: [{ action: "Restart", exitCodes: { operator: "In", values: [42] } }],
        },
      ],
    }),
    status: status([ran("a", "exited", { exitCode: 42 })]),
    want: { killPod: false, containersToStart: [0] },
  },
  {
    name: "sandbox died: a new attempt",
    pod: pod(),
    status: status([ran("a", "exited")], [{ ...ready, ready: false }]),
    want: { createSandbox: true, attempt: 1, containersToStart: [0] },
  },
  {
    name: "sandbox died, Never, has run: no new sandbox",
    pod: pod({ restartPolicy: "Never" }),
    status: status([ran("a", "exited")], [{ ...ready, ready: false }]),
    want: { createSandbox: false, killPod: true, containersToStart: [] },
  },
  {
    name: "sandbox without address: again",
    pod: pod(),
    status: status([], [{ ...ready, ips: [] }]),
    want: { createSandbox: true, attempt: 1 },
  },
  {
    name: "definition changed: kill and start",
    pod: pod(),
    status: status([ran("a", "running", { hash: "old" })]),
    want: { kill: ["id-a"], containersToStart: [0] },
  },
  {
    name: "liveness failed: kill and start",
    pod: pod(),
    status: status([ran("a", "running")]),
    liveness: { "id-a": false },
    want: { kill: ["id-a"], containersToStart: [0] },
  },
  {
    name: "liveness failed, Never: kill, the pod ends",
    pod: pod({ restartPolicy: "Never" }),
    status: status([ran("a", "running")]),
    liveness: { "id-a": false },
    want: { kill: ["id-a"], containersToStart: [], killPod: true },
  },
  {
    name: "init first",
    pod: pod({ initContainers: [init("i"), init("j")] }),
    status: status([]),
    want: { initContainersToStart: [0], containersToStart: [] },
  },
  {
    name: "init next",
    pod: pod({ initContainers: [init("i"), init("j")] }),
    status: status([ran("i", "exited")]),
    want: { initContainersToStart: [1], containersToStart: [] },
  },
  {
    name: "init runs: wait",
    pod: pod({ initContainers: [init("i"), init("j")] }),
    status: status([ran("i", "running")]),
    want: { initContainersToStart: [], containersToStart: [] },
  },
  {
    name: "init all done: containers",
    pod: pod({ initContainers: [init("i")] }),
    status: status([ran("i", "exited")]),
    want: { initContainersToStart: [], containersToStart: [0] },
  },
  {
    name: "init failed: again",
    pod: pod({ initContainers: [init("i")] }),
    status: status([ran("i", "exited", { exitCode: 1 })]),
    want: { initContainersToStart: [0], containersToStart: [] },
  },
  {
    name: "init failed, Never: over",
    pod: pod({ initContainers: [init("i")], restartPolicy: "Never" }),
    status: status([ran("i", "exited", { exitCode: 1 })]),
    want: { killPod: true, initContainersToStart: [] },
  },
  {
    name: "init after a new sandbox: from the start",
    pod: pod({ initContainers: [init("i")] }),
    status: status([ran("i", "exited", { sandboxID: "old" }), ran("a", "exited", { sandboxID: "old" })]),
    want: { initContainersToStart: [0], containersToStart: [] },
  },
  {
    name: "sidecar runs: the next init container",
    pod: pod({ initContainers: [sidecar, init("j")] }),
    status: status([ran("side", "running")]),
    want: { initContainersToStart: [1], containersToStart: [] },
  },
  {
    name: "sidecar with startup probe: wait for it",
    pod: pod({ initContainers: [{ ...sidecar, startupProbe: {} }] }),
    status: status([ran("side", "running")]),
    want: { initContainersToStart: [], containersToStart: [] },
  },
  {
    name: "sidecar started: containers",
    pod: pod({ initContainers: [{ ...sidecar, startupProbe: {} }] }),
    status: status([ran("side", "running")]),
    startup: { "id-side": true },
    want: { initContainersToStart: [], containersToStart: [0] },
  },
  {
    name: "sidecar died while containers run: start it",
    pod: pod({ initContainers: [sidecar] }),
    status: status([ran("side", "exited"), ran("a", "running")]),
    want: { initContainersToStart: [0], containersToStart: [] },
  },
  {
    name: "containers over: sidecars are not restarted",
    pod: pod({ initContainers: [sidecar], restartPolicy: "Never" }),
    status: status([ran("side", "exited"), ran("a", "exited")]),
    want: { killPod: true, initContainersToStart: [] },
  },
  {
    name: "ephemeral container: once",
    pod: pod({ ephemeralContainers: [{ name: "e" }, { name: "f" }] }),
    status: status([ran("a", "running"), ran("e", "exited")]),
    want: { ephemeralContainersToStart: [1] },
  },
  {
    name: "unknown state: kill and start",
    pod: pod(),
    status: status([ran("a", "unknown")]),
    want: { kill: ["id-a"], containersToStart: [0] },
  },
  {
    name: "being deleted: starts nothing",
    pod: pod({}, { deletionTimestamp: "2026-01-01T00:00:00Z" }),
    status: status([ran("a", "exited")]),
    want: { containersToStart: [], killPod: true },
  },
];

describe("computePodActions", () => {
  it.each(cases)("$name", (c) => {
    const actions = computePodActions(
      c.pod,
      c.status,
      { liveness: (id) => c.liveness?.[id], startup: (id) => c.startup?.[id] },
      hashOf,
    );
    const { kill, ...want } = c.want;
    expect(actions).toMatchObject(want);
    expect(actions.containersToKill.map((k) => k.container.id)).toEqual(kill ?? []);
  });
});
