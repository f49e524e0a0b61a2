import type { KubeObject } from "@knots/machinery";
import { describe, expect, it } from "vitest";
import { pullPolicyFor } from "./defaults/pod-spec.ts";
import { context, createErrors, created, infoOf, updated } from "./harness.testing.ts";
import type { Loose } from "./harness.testing.ts";
import { strategyFor } from "./index.ts";

const pods = infoOf("pods");
const body = (spec: object = {}): Loose => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web", namespace: "default" },
  spec: { containers: [{ name: "c", image: "nginx:1.27" }], ...spec },
});

describe("pod defaults", () => {
  it("gives host ports to pods of the host's network, and leaves templates of such pods as they are", () => {
    const spec = { hostNetwork: true, containers: [{ name: "c", image: "nginx", ports: [{ containerPort: 80 }] }] };
    expect(created(pods, body(spec)).spec.containers[0].ports).toEqual([
      { containerPort: 80, hostPort: 80, protocol: "TCP" },
    ]);
    const deployments = infoOf("deployments", "apps");
    const deployment = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "d", namespace: "default" },
      spec: {
        selector: { matchLabels: { app: "d" } },
        template: { metadata: { labels: { app: "d" } }, spec: structuredClone(spec) },
      },
    };
    expect(createErrors(deployments, structuredClone(deployment))).toEqual([]);
    expect(created(deployments, deployment).spec.template.spec.containers[0].ports).toEqual([
      { containerPort: 80, protocol: "TCP" },
    ]);
  });

  it("fills what upstream fills", () => {
    const pod = created(
      pods,
      body({ hostNetwork: true, containers: [{ name: "c", image: "nginx", ports: [{ containerPort: 80 }] }] }),
    );
    expect(pod.spec).toMatchObject({
      restartPolicy: "Always",
      dnsPolicy: "ClusterFirst",
      terminationGracePeriodSeconds: 30,
      schedulerName: "default-scheduler",
      enableServiceLinks: true,
      securityContext: {},
    });
    expect(pod.spec.containers[0]).toMatchObject({
      imagePullPolicy: "Always",
      terminationMessagePath: "/dev/termination-log",
      terminationMessagePolicy: "File",
      resources: {},
      ports: [{ containerPort: 80, hostPort: 80, protocol: "TCP" }],
    });
    expect(pod.status).toEqual({ phase: "Pending", qosClass: expect.any(String) });
    expect(pod.metadata.generation).toBe(1);
  });

  it.each([
    ["nginx", "Always"],
    ["nginx:latest", "Always"],
    ["nginx:1.27", "IfNotPresent"],
    ["registry:5000/nginx", "Always"],
    ["registry:5000/nginx:1", "IfNotPresent"],
    ["nginx@sha256:0123", "IfNotPresent"],
  ])("pulls %s %s", (image, policy) => expect(pullPolicyFor(image)).toBe(policy));

  it("takes limits for requests", () => {
    const container = {
      name: "c",
      image: "i",
      resources: { limits: { cpu: "1", memory: "1Gi" }, requests: { cpu: "250m" } },
    };
    const pod = created(pods, body({ containers: [container] }));
    expect(pod.spec.containers[0].resources.requests).toEqual({ cpu: "250m", memory: "1Gi" });
  });

  it("completes probes and volumes", () => {
    const probe = { httpGet: { port: 80 } };
    const pod = created(
      pods,
      body({
        containers: [{ name: "c", image: "i", livenessProbe: probe }],
        volumes: [
          { name: "a" },
          { name: "b", configMap: { name: "m" } },
          { name: "t", projected: { sources: [{ serviceAccountToken: { path: "t" } }] } },
        ],
      }),
    );
    expect(pod.spec.containers[0].livenessProbe).toEqual({
      httpGet: { port: 80, path: "/", scheme: "HTTP" },
      timeoutSeconds: 1,
      periodSeconds: 10,
      successThreshold: 1,
      failureThreshold: 3,
    });
    expect(pod.spec.volumes[0].emptyDir).toEqual({});
    expect(pod.spec.volumes[1].configMap.defaultMode).toBe(0o644);
    expect(pod.spec.volumes[2].projected.sources[0].serviceAccountToken.expirationSeconds).toBe(3600);
  });
});

describe("pod validation", () => {
  it("accepts a plain pod", () => expect(createErrors(pods, body())).toEqual([]));

  it.each<[string, object, string]>([
    ["no containers", { containers: [] }, "spec.containers: "],
    ["no image", { containers: [{ name: "c" }] }, "spec.containers[0].image: "],
    [
      "unknown volume",
      { containers: [{ name: "c", image: "i", volumeMounts: [{ name: "v", mountPath: "/v" }] }] },
      "spec.containers[0].volumeMounts[0].name: ",
    ],
    [
      "request above limit",
      { containers: [{ name: "c", image: "i", resources: { limits: { cpu: "1" }, requests: { cpu: "2" } } }] },
      "spec.containers[0].resources.requests: must be less than or equal to cpu limit of 1",
    ],
    [
      "blank around an image",
      { containers: [{ name: "c", image: " i" }] },
      "spec.containers[0].image: must not have leading or trailing whitespace",
    ],
    [
      "toleration without key",
      { tolerations: [{ operator: "Equal" }] },
      'spec.tolerations[0].operator: operator must be Exists when `key` is empty, which means "match all values and all keys"',
    ],
    [
      "two sources of a volume",
      { volumes: [{ name: "v", emptyDir: {}, hostPath: { path: "/x" } }] },
      "spec.volumes[0].hostPath: may not specify more than 1 volume type",
    ],
    [
      "probe of an init container",
      { initContainers: [{ name: "i", image: "i", livenessProbe: { exec: { command: ["x"] } } }] },
      "spec.initContainers[0].livenessProbe: may not be set for init containers without restartPolicy=Always",
    ],
    [
      "ephemeral container on create",
      { ephemeralContainers: [{ name: "e", image: "i" }] },
      "spec.ephemeralContainers: cannot be set on create",
    ],
    [
      "deadline of zero",
      { activeDeadlineSeconds: 0 },
      "spec.activeDeadlineSeconds: must be between 1 and 2147483647, inclusive",
    ],
  ])("refuses %s", (_what, spec, message) => {
    expect(createErrors(pods, body(spec))).toContain(message);
  });

  it("allows probes of sidecars", () => {
    const sidecar = { name: "i", image: "i", restartPolicy: "Always", livenessProbe: { exec: { command: ["x"] } } };
    expect(createErrors(pods, body({ initContainers: [sidecar] }))).toEqual([]);
  });
});

describe("pod updates", () => {
  const old = created(pods, body({ tolerations: [{ key: "a", operator: "Exists" }] }));

  it("let images change and count it", () => {
    const { next, errors } = updated(pods, old, (pod) => (pod.spec.containers[0].image = "nginx:2"));
    expect(errors).toEqual([]);
    expect(next.metadata.generation).toBe(2);
  });

  it("keep status and do not count labels", () => {
    const { next, errors } = updated(pods, old, (pod) => {
      pod.status = { phase: "Running" };
      pod.metadata.labels = { a: "b" };
    });
    expect(errors).toEqual([]);
    expect(next.status.phase).toBe("Pending");
    expect(next.metadata.generation).toBe(1);
  });

  it("refuse the rest of the spec with upstream's text", () => {
    const { errors } = updated(pods, old, (pod) => (pod.spec.nodeSelector = { a: "b" }));
    expect(errors).toEqual([
      "spec: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
    ]);
  });

  it("let tolerations grow and not shrink", () => {
    expect(updated(pods, old, (pod) => pod.spec.tolerations.push({ key: "b", operator: "Exists" })).errors).toEqual([]);
    expect(updated(pods, old, (pod) => (pod.spec.tolerations = [])).errors).toEqual([
      "spec.tolerations: existing toleration can not be modified except its tolerationSeconds",
    ]);
  });

  it("let a gated pod narrow its choice of nodes and lose gates, never gain any", () => {
    const gated = created(pods, body({ schedulingGates: [{ name: "example.com/wait" }] }));
    expect(gated.status.conditions[0]).toMatchObject({
      type: "PodScheduled",
      status: "False",
      reason: "SchedulingGated",
    });
    expect(updated(pods, gated, (pod) => (pod.spec.nodeSelector = { a: "b" })).errors).toEqual([]);
    expect(updated(pods, gated, (pod) => (pod.spec.schedulingGates = [])).errors).toEqual([]);
    expect(updated(pods, gated, (pod) => pod.spec.schedulingGates.push({ name: "b" })).errors).toEqual([
      "spec.schedulingGates[1].name: only deletion is allowed, but found new scheduling gate 'b'",
    ]);
  });

  it("change only status on /status", () => {
    const { next, errors } = updated(
      pods,
      old,
      (pod) => {
        pod.spec.containers[0].image = "other";
        pod.status = { phase: "Running" };
      },
      "status",
    );
    expect(errors).toEqual([]);
    expect(next.spec.containers[0].image).toBe("nginx:1.27");
    expect(next.status.phase).toBe("Running");
  });

  it("only add ephemeral containers", () => {
    const add = (pod: Loose) => (pod.spec.ephemeralContainers = [{ name: "e", image: "i" }]);
    const { next, errors } = updated(pods, old, add, "ephemeralcontainers");
    expect(errors).toEqual([]);
    const gone = updated(pods, next, (pod) => delete pod.spec.ephemeralContainers, "ephemeralcontainers");
    expect(gone.errors).toEqual(['spec.ephemeralContainers: existing ephemeral containers "e" may not be removed']);
  });
});

describe("graceful deletion of pods", () => {
  const strategy = strategyFor(pods);
  const grace = (pod: Loose, options: object = {}) =>
    strategy.gracefulDeletion?.(pod as KubeObject, options, context())?.graceSeconds;

  it.each<[string, object, object, number]>([
    ["its own period", { spec: { nodeName: "n", terminationGracePeriodSeconds: 5 } }, {}, 5],
    [
      "the request's period",
      { spec: { nodeName: "n", terminationGracePeriodSeconds: 5 } },
      { gracePeriodSeconds: 2 },
      2,
    ],
    ["none when unscheduled", { spec: { terminationGracePeriodSeconds: 5 } }, {}, 0],
    [
      "none when finished",
      { spec: { nodeName: "n", terminationGracePeriodSeconds: 5 }, status: { phase: "Failed" } },
      {},
      0,
    ],
    ["one second for a negative period", { spec: { nodeName: "n", terminationGracePeriodSeconds: -5 } }, {}, 1],
  ])("gives %s", (_what, pod, options, expected) => expect(grace(pod, options)).toBe(expected));
});

it("offers every selectable field of pods", () => {
  const labels = strategyFor(pods).fieldLabels?.({ spec: { nodeName: "n", hostNetwork: true } } as KubeObject);
  expect(labels).toEqual({
    "spec.nodeName": "n",
    "spec.restartPolicy": "",
    "spec.schedulerName": "",
    "spec.serviceAccountName": "",
    "spec.hostNetwork": "true",
    "status.phase": "",
    "status.podIP": "",
    "status.podIPs": "",
    "status.nominatedNodeName": "",
  });
});
