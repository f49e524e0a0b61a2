import { describe, expect, it } from "vitest";
import { created, infoOf, updated } from "../harness.testing.ts";
import type { Loose } from "../harness.testing.ts";

const pods = infoOf("pods");
const REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution";

const stored = (spec: object = {}, annotations: object = {}): Loose =>
  created(pods, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "default", labels: { a: "b" }, annotations },
    spec: {
      containers: [{ name: "c", image: "i:1", resources: { requests: { cpu: "1" } } }],
      initContainers: [{ name: "i", image: "i:1", resources: { requests: { cpu: "1" } } }],
      ...spec,
    },
  });

describe("resize", () => {
  const resize = (change: (pod: Loose) => void, old = stored()): ReturnType<typeof updated> =>
    updated(pods, old, change, "resize");

  it("changes cpu and memory and counts it", () => {
    const { next, errors } = resize((pod) => {
      pod.spec.containers[0].resources = { requests: { cpu: "2", memory: "1Gi" }, limits: { memory: "1Gi" } };
      pod.spec.initContainers[0].resources.requests.cpu = "2";
    });
    expect(errors).toEqual([]);
    expect(next.metadata.generation).toBe(2);
    expect(next.spec.containers[0].resources.limits).toEqual({ memory: "1Gi" });
  });

  it("says nothing of the rest, which stays", () => {
    const old = stored();
    const { next, errors } = resize((pod) => {
      pod.spec.containers[0].image = "other";
      pod.spec.nodeName = "n";
      pod.metadata.labels = { c: "d" };
      pod.status = { phase: "Running" };
    }, old);
    expect(errors).toEqual([]);
    expect(next).toEqual({ ...old, metadata: { ...old.metadata, resourceVersion: "1" } });
  });

  it.each<[string, (pod: Loose) => void, string[]]>([
    [
      "another resource",
      (pod) => (pod.spec.containers[0].resources.requests["ephemeral-storage"] = "1Gi"),
      ["spec: only cpu and memory resources are mutable"],
    ],
    [
      "the way in which it is done",
      (pod) => (pod.spec.containers[0].resizePolicy = [{ resourceName: "cpu", restartPolicy: "RestartContainer" }]),
      ["spec: only cpu and memory resources are mutable"],
    ],
    [
      "removed requests, and with them the class",
      (pod) => {
        pod.spec.containers[0].resources = {};
        pod.spec.initContainers[0].resources = {};
      },
      [
        "spec: Pod QOS Class may not change as a result of resizing",
        "spec.initContainers[0].resources.requests: resource requests cannot be removed",
        "spec.containers[0].resources.requests: resource requests cannot be removed",
      ],
    ],
    [
      "another resource of an init container",
      (pod) => (pod.spec.initContainers[0].resources.requests["ephemeral-storage"] = "1Gi"),
      ["spec.initContainers[0]: only cpu and memory resources for init or sidecar containers are mutable"],
    ],
    [
      "another name",
      (pod) => (pod.spec.containers[0].name = "d"),
      ["spec.containers[0].name: containers may not be renamed or reordered on resize"],
    ],
    [
      "another container",
      (pod) => pod.spec.containers.push({ ...pod.spec.containers[0], name: "d" }),
      ["spec.containers: containers may not be added or removed on resize"],
    ],
  ])("refuses %s", (_what, change, errors) => expect(resize(change).errors).toEqual(errors));

  it("refuses pods that nobody can resize", () => {
    const change = (pod: Loose): void => {
      pod.spec.containers[0].resources.requests.cpu = "2";
    };
    const mirror = stored({ nodeName: "n" }, { "kubernetes.io/config.mirror": "x" });
    expect(resize(change, mirror).errors).toEqual([": static pods cannot be resized"]);
    expect(resize(change, stored({ os: { name: "windows" } })).errors).toEqual([": windows pods cannot be resized"]);
    const old = stored();
    old.status.containerStatuses = [{ name: "c", state: { running: {} } }];
    expect(resize(change, old).errors).toEqual(["spec: Pod running on node without support for resize"]);
    old.status.containerStatuses[0].resources = {};
    expect(resize(change, old).errors).toEqual([]);
  });

  it("tells of all containers in upstream's order", () => {
    const resources = { requests: { cpu: "1" }, limits: { memory: "1Gi" } };
    const old = stored({
      containers: [{ name: "c", image: "i:1", resources }],
      initContainers: [{ name: "i", image: "i:1", resources }],
    });
    const { errors } = resize((pod) => {
      pod.spec.containers[0].resources = { requests: { cpu: "1", "a.b/c": "1" }, limits: { "a.b/c": "1" } };
      pod.spec.initContainers[0].resources = { requests: { cpu: "1", "a.b/c": "1" }, limits: { "a.b/c": "1" } };
    }, old);
    expect(errors).toEqual([
      "spec.initContainers[0].resources.requests: resource requests cannot be removed",
      "spec.initContainers[0].resources.limits: resource limits cannot be removed",
      "spec.containers[0].resources.requests: resource requests cannot be removed",
      "spec.containers[0].resources.limits: resource limits cannot be removed",
      "spec: only cpu and memory resources are mutable",
      "spec.initContainers[0]: only cpu and memory resources for init or sidecar containers are mutable",
    ]);
  });

  it("refuses containers that use claims, as upstream does", () => {
    const old = stored({
      resourceClaims: [{ name: "a", resourceClaimName: "a" }],
      containers: [{ name: "c", image: "i:1", resources: { requests: { cpu: "1" }, claims: [{ name: "a" }] } }],
    });
    expect(resize((pod) => (pod.spec.containers[0].resources.requests.cpu = "2"), old).errors).toEqual([
      "spec: only cpu and memory resources are mutable",
    ]);
  });

  it("says nothing else of pods that nobody can resize", () => {
    const old = stored({ os: { name: "windows" } });
    expect(resize((pod) => (pod.spec.containers[0].resources = { requests: { bytes: "1" } }), old).errors).toEqual([
      ": windows pods cannot be resized",
    ]);
  });

  it("changes the pod's own cpu and memory", () => {
    const old = stored({ resources: { requests: { cpu: "4" } } });
    expect(resize((pod) => (pod.spec.resources.requests.cpu = "5"), old).errors).toEqual([]);
    expect(resize((pod) => (pod.spec.resources.requests = { memory: "1Gi" }), old).errors).toEqual([
      "spec.resources.requests: pod-level resource requests cannot be removed",
    ]);
    expect(resize((pod) => delete pod.spec.resources, old).errors).toEqual([
      "spec.resources: pod-level resources cannot be removed",
    ]);
  });
});

describe("ephemeral containers", () => {
  const add = (pod: Loose): void => {
    pod.spec.ephemeralContainers = [{ name: "e", image: "i" }];
    pod.metadata.labels = {};
  };

  it("are all that changes", () => {
    const { next, errors } = updated(pods, stored(), add, "ephemeralcontainers");
    expect(errors).toEqual([]);
    expect(next.metadata).toMatchObject({ labels: { a: "b" }, generation: 2 });
  });

  it("are nothing for static pods", () => {
    const mirror = stored({ nodeName: "n" }, { "kubernetes.io/config.mirror": "x" });
    expect(updated(pods, mirror, add, "ephemeralcontainers").errors).toEqual([
      ": static pods do not support ephemeral containers",
    ]);
  });
});

describe("status", () => {
  const write = (change: (status: Loose) => void, old = stored()): ReturnType<typeof updated> =>
    updated(pods, old, (pod) => change(pod.status), "status");

  it("keeps what the writer leaves out", () => {
    const old = stored();
    old.status.observedGeneration = 3;
    old.status.conditions = [{ type: "Ready", status: "False", observedGeneration: 2 }];
    const { next, errors } = updated(
      pods,
      old,
      (pod) => (pod.status = { phase: "Running", conditions: [{ type: "Ready", status: "True" }] }),
      "status",
    );
    expect(errors).toEqual([]);
    expect(next.status).toEqual({
      phase: "Running",
      qosClass: "Burstable",
      observedGeneration: 3,
      conditions: [{ type: "Ready", status: "True", observedGeneration: 2 }],
    });
  });

  it.each<[string, (status: Loose) => void, string[]]>([
    ["another class", (status) => (status.qosClass = "BestEffort"), ["status.qosClass: field is immutable"]],
    ["two families", (status) => (status.podIPs = [{ ip: "10.0.0.1" }, { ip: "fd00::1" }]), []],
    [
      "one family twice",
      (status) => (status.podIPs = [{ ip: "10.0.0.1" }, { ip: "10.0.0.2" }]),
      ["status.podIPs: may specify no more than one IP for each IP family"],
    ],
    [
      "another first address of its node",
      (status) => Object.assign(status, { hostIP: "10.0.0.1", hostIPs: [{ ip: "10.0.0.2" }] }),
      ["status.hostIPs[0].ip: must be equal to `hostIP`"],
    ],
    [
      "conditions without a good name",
      (status) => (status.conditions = [{ type: "a b", status: "True" }]),
      [expect.stringMatching(/^status\.conditions\[0\]\.Type: name part must/) as unknown as string],
    ],
  ])("of %s", (_what, change, errors) => expect(write(change).errors).toEqual(errors));

  const terminated = (exitCode: number): object => ({ name: "c", state: { terminated: { exitCode } } });
  const running = { name: "c", state: { running: {} } };
  const REFUSED = "may not be transitioned to non-terminated state";

  it.each<[string, object, object, number, string[]]>([
    ["never", { restartPolicy: "Never" }, {}, 1, [REFUSED]],
    ["always", { restartPolicy: "Always" }, {}, 0, []],
    ["on failure, after none", { restartPolicy: "OnFailure" }, {}, 0, [REFUSED]],
    ["on failure", { restartPolicy: "OnFailure" }, {}, 1, []],
    ["by its own policy", { restartPolicy: "Never" }, { restartPolicy: "Always" }, 0, []],
    [
      "by a rule for the code",
      { restartPolicy: "Never" },
      {
        restartPolicy: "Never",
        restartPolicyRules: [{ action: "Restart", exitCodes: { operator: "In", values: [42] } }],
      },
      42,
      [],
    ],
    [
      "not by a rule for another",
      { restartPolicy: "Never" },
      {
        restartPolicy: "Never",
        restartPolicyRules: [{ action: "Restart", exitCodes: { operator: "In", values: [42] } }],
      },
      1,
      [REFUSED],
    ],
  ])("lets containers restart: %s", (_when, spec, container, exitCode, errors) => {
    for (const [list, statuses] of [
      ["containers", "containerStatuses"],
      ["initContainers", "initContainerStatuses"],
    ] as const) {
      const own = [{ name: "c", image: "i:1", ...container }];
      const old = stored({
        ...spec,
        ...(list === "containers"
          ? { containers: own, initContainers: [] }
          : { initContainers: own, containers: [{ name: "x", image: "i:1" }] }),
      });
      old.status[statuses] = [terminated(exitCode)];
      const said = write((status) => (status[statuses] = [running]), old).errors;
      expect(said).toEqual(errors.map((each) => `status.${statuses}[0].state: ${each}`));
    }
  });

  it("lets no ephemeral container restart", () => {
    const old = stored({ restartPolicy: "Always" });
    old.status.ephemeralContainerStatuses = [terminated(1)];
    expect(write((status) => (status.ephemeralContainerStatuses = [running]), old).errors).toEqual([
      `status.ephemeralContainerStatuses[0].state: ${REFUSED}`,
    ]);
  });
});

describe("a pod that has to wait for its gates", () => {
  const zone = { key: "zone", operator: "In", values: ["a"] };
  const disk = { key: "disk", operator: "Exists" };
  const affinity = (...terms: object[]): object => ({ nodeAffinity: { [REQUIRED]: { nodeSelectorTerms: terms } } });
  const gated = (spec: object): Loose => stored({ schedulingGates: [{ name: "g" }], ...spec });
  const TERMS = `spec.affinity.nodeAffinity.${REQUIRED}.nodeSelectorTerms`;

  it.each<[string, object, object, string[]]>([
    ["its first affinity", {}, { affinity: affinity({ matchExpressions: [zone] }) }, []],
    [
      "one more requirement",
      { affinity: affinity({ matchExpressions: [zone] }) },
      { affinity: affinity({ matchExpressions: [zone, disk] }) },
      [],
    ],
    [
      "another requirement",
      { affinity: affinity({ matchExpressions: [zone] }) },
      { affinity: affinity({ matchExpressions: [disk] }) },
      [`${TERMS}[0]: only additions are allowed (no mutations or deletions)`],
    ],
    [
      "one more alternative",
      { affinity: affinity({ matchExpressions: [zone] }) },
      { affinity: affinity({ matchExpressions: [zone] }, { matchExpressions: [disk] }) },
      [`${TERMS}: no additions/deletions to non-empty NodeSelectorTerms list are allowed`],
    ],
    [
      "another label of its node",
      { nodeSelector: { a: "b" } },
      { nodeSelector: { a: "c" } },
      ["spec.nodeSelector: only additions to spec.nodeSelector are allowed (no mutations or deletions)"],
    ],
    [
      "affinity to pods",
      {},
      { affinity: { podAffinity: { [REQUIRED]: [{ topologyKey: "zone", labelSelector: {} }] } } },
      [expect.stringMatching(/^spec: pod updates may not change fields/) as unknown as string],
    ],
  ])("may get %s or hears why not", (_what, before, after, errors) =>
    expect(updated(pods, gated(before), (pod) => Object.assign(pod.spec, after)).errors).toEqual(errors),
  );
});
