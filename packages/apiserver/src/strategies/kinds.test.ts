import { RESOURCES } from "@knots/api";
import { describe, expect, it } from "vitest";
import { GOOD, meta, selector, template } from "./examples.testing.ts";
import { createErrors, created, infoOf, updated } from "./harness.testing.ts";
import type { Loose } from "./harness.testing.ts";

it.each(Object.entries(GOOD))("accepts plain %s", (resource, [group, body]) => {
  expect(createErrors(infoOf(resource, group), body)).toEqual([]);
});

it.each(RESOURCES.filter((info) => info.verbs.includes("create") && info.verbs.includes("get")))(
  "refuses an empty $kind of $group/$version, and says why",
  (info) => {
    expect(createErrors(info, {}).length).toBeGreaterThan(0);
  },
);

it("asks no name of reviews", () => {
  expect(createErrors(infoOf("tokenreviews"), { spec: { token: "t" } })).toEqual([]);
});

const good = (resource: string): Loose => {
  const [group = "", body = {}] = GOOD[resource] ?? [];
  return created(infoOf(resource, group), body);
};
const change = (resource: string, edit: (obj: Loose) => void, subresource = "") =>
  updated(infoOf(resource, GOOD[resource]?.[0]), good(resource), edit, subresource);

describe("defaults", () => {
  it.each<[string, object]>([
    [
      "deployments",
      {
        spec: {
          replicas: 1,
          revisionHistoryLimit: 10,
          progressDeadlineSeconds: 600,
          strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } },
        },
      },
    ],
    [
      "statefulsets",
      {
        spec: {
          podManagementPolicy: "OrderedReady",
          updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 0 } },
          persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
        },
      },
    ],
    [
      "daemonsets",
      { spec: { updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } } } },
    ],
    [
      "jobs",
      {
        spec: {
          completions: 1,
          parallelism: 1,
          backoffLimit: 6,
          completionMode: "NonIndexed",
          suspend: false,
          podReplacementPolicy: "TerminatingOrFailed",
        },
      },
    ],
    [
      "cronjobs",
      {
        spec: { concurrencyPolicy: "Allow", suspend: false, successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 1 },
      },
    ],
    [
      "services",
      {
        spec: {
          type: "ClusterIP",
          sessionAffinity: "None",
          internalTrafficPolicy: "Cluster",
          ports: [{ port: 80, protocol: "TCP", targetPort: 80 }],
        },
      },
    ],
    [
      "namespaces",
      {
        metadata: { labels: { "kubernetes.io/metadata.name": "team" } },
        spec: { finalizers: ["kubernetes"] },
        status: { phase: "Active" },
      },
    ],
    ["nodes", { status: { allocatable: { cpu: "2" } } }],
    ["persistentvolumeclaims", { spec: { volumeMode: "Filesystem" }, status: { phase: "Pending" } }],
    [
      "persistentvolumes",
      { spec: { persistentVolumeReclaimPolicy: "Retain", volumeMode: "Filesystem" }, status: { phase: "Pending" } },
    ],
    ["storageclasses", { reclaimPolicy: "Delete", volumeBindingMode: "Immediate" }],
    [
      "clusterrolebindings",
      { roleRef: { apiGroup: "rbac.authorization.k8s.io" }, subjects: [{ apiGroup: "rbac.authorization.k8s.io" }] },
    ],
    ["networkpolicies", { spec: { policyTypes: ["Ingress"] } }],
    ["endpointslices", { ports: [{ name: "", protocol: "TCP" }] }],
    ["secrets", { type: "Opaque", data: { password: "cA==" } }],
    ["priorityclasses", { preemptionPolicy: "PreemptLowerPriority" }],
  ])("of %s", (resource, expected) => expect(good(resource)).toMatchObject(expected));

  it("select a job's pods by its own UID", () => {
    const job = good("jobs");
    expect(job.spec.selector).toEqual({ matchLabels: { "batch.kubernetes.io/controller-uid": "u-1" } });
    expect(job.spec.template.metadata.labels).toMatchObject({
      "batch.kubernetes.io/job-name": "web",
      "controller-uid": "u-1",
    });
  });
});

describe("validation", () => {
  it.each<[string, object, string]>([
    [
      "deployments",
      { metadata: meta, spec: { selector, template: { ...template, metadata: { labels: { app: "x" } } } } },
      "spec.template.metadata.labels: `selector` does not match template `labels`",
    ],
    [
      "deployments",
      { metadata: meta, spec: { selector: {}, template } },
      "spec.selector: empty selector is invalid for deployment",
    ],
    [
      "deployments",
      { metadata: meta, spec: { replicas: -1, selector, template } },
      "spec.replicas: must be greater than or equal to 0",
    ],
    [
      "jobs",
      { metadata: meta, spec: { template } },
      'spec.template.spec.restartPolicy: valid values: "OnFailure", "Never"',
    ],
    [
      "cronjobs",
      { metadata: meta, spec: { schedule: "x", jobTemplate: { spec: { template } } } },
      "spec.schedule: expected exactly 5 fields, found 1: [x]",
    ],
    ["services", { metadata: meta, spec: { ports: [] } }, "spec.ports: "],
    ["services", { metadata: meta, spec: { ports: [{ port: 1 }, { port: 2 }] } }, "spec.ports[0].name: "],
    [
      "services",
      { metadata: meta, spec: { clusterIP: "None", type: "NodePort", ports: [{ port: 1 }] } },
      "spec.clusterIPs[0]: may not be set to 'None' for NodePort services",
    ],
    ["secrets", { metadata: meta, type: "kubernetes.io/tls", data: {} }, "data[tls.crt]: "],
    [
      "persistentvolumeclaims",
      { metadata: meta, spec: { resources: { requests: { storage: "1Gi" } } } },
      "spec.accessModes: at least 1 access mode is required",
    ],
    ["roles", { metadata: meta, rules: [{ verbs: [] }] }, "rules[0].verbs: verbs must contain at least one value"],
    [
      "poddisruptionbudgets",
      { metadata: meta, spec: { minAvailable: 1, maxUnavailable: 1 } },
      "spec: minAvailable and maxUnavailable cannot be both set",
    ],
    [
      "priorityclasses",
      { metadata: { name: "system-x" }, value: 1 },
      "metadata.name: priority class names with 'system-' prefix are reserved for system use only. error: system-x is not a known system priority class",
    ],
    [
      "priorityclasses",
      { metadata: { name: "system-node-critical" }, value: 7 },
      "metadata.name: priority class names with 'system-' prefix are reserved for system use only. error: value of system-node-critical PriorityClass must be 2000001000",
    ],
    [
      "priorityclasses",
      { metadata: { name: "system-cluster-critical" }, value: 2_000_000_000, globalDefault: true },
      "metadata.name: priority class names with 'system-' prefix are reserved for system use only. error: globalDefault of system-cluster-critical PriorityClass must be false",
    ],
    ["namespaces", { metadata: { name: "a", namespace: "b" } }, "metadata.namespace: not allowed on this type"],
    ["configmaps", { metadata: { namespace: "default" } }, "metadata.name: name or generateName is required"],
  ])("of %s: %j", (resource, body, message) => {
    expect(createErrors(infoOf(resource, GOOD[resource]?.[0]), body)).toContain(message);
  });
});

describe("updates", () => {
  it.each<[string, (obj: Loose) => void, string]>([
    ["deployments", (obj) => (obj.spec.selector.matchLabels = { app: "x" }), "spec.selector: field is immutable"],
    ["jobs", (obj) => (obj.spec.template.spec.containers[0].image = "x"), "spec.template: field is immutable"],
    [
      "statefulsets",
      (obj) => (obj.spec.serviceName = "x"),
      "spec: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
    ],
    ["secrets", (obj) => (obj.type = "x"), "type: field is immutable"],
    ["clusterrolebindings", (obj) => (obj.roleRef.name = "x"), "roleRef: cannot change roleRef"],
    ["storageclasses", (obj) => (obj.provisioner = "x"), "provisioner: field is immutable"],
    ["priorityclasses", (obj) => (obj.value = 2), "value: may not be changed in an update."],
    [
      "configmaps",
      (obj) => delete obj.metadata.resourceVersion,
      "metadata.resourceVersion: must be specified for an update",
    ],
    ["configmaps", (obj) => (obj.metadata.name = "x"), "metadata.name: field is immutable"],
    [
      "persistentvolumeclaims",
      (obj) => (obj.spec.accessModes = ["ReadOnlyMany"]),
      "spec: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims",
    ],
    ["endpointslices", (obj) => (obj.addressType = "IPv6"), "addressType: field is immutable"],
  ])("of %s are refused", (resource, edit, message) => {
    expect(change(resource, edit).errors).toContain(message);
  });

  it("freeze immutable config maps", () => {
    const info = infoOf("configmaps");
    const frozen = created(info, { metadata: meta, data: { a: "1" }, immutable: true });
    expect(updated(info, frozen, (obj) => (obj.data.a = "2")).errors).toEqual([
      "data: field is immutable when `immutable` is set",
    ]);
    expect(updated(info, frozen, (obj) => delete obj.immutable).errors).toEqual([
      "immutable: field is immutable when `immutable` is set",
    ]);
    expect(updated(info, frozen, (obj) => (obj.metadata.labels = { a: "b" })).errors).toEqual([]);
  });

  it("count changes of the spec, of any field and only these", () => {
    expect(change("deployments", (obj) => (obj.spec.replicas = 5)).next.metadata.generation).toBe(2);
    expect(change("deployments", (obj) => (obj.metadata.labels = { a: "b" })).next.metadata.generation).toBe(1);
    expect(change("configmaps", (obj) => (obj.data.x = "y")).next.metadata).not.toHaveProperty("generation");
  });

  it("keep a service's address and let its type change", () => {
    const info = infoOf("services");
    const stored = {
      ...good("services"),
      spec: { ...good("services").spec, clusterIP: "10.96.0.7", clusterIPs: ["10.96.0.7"] },
    };
    expect(updated(info, stored, (obj) => (obj.spec.clusterIP = "10.96.0.8")).errors).toEqual([
      "spec.clusterIPs[0]: may not change once set",
    ]);
    const external = updated(info, stored, (obj) =>
      Object.assign(obj.spec, { type: "ExternalName", externalName: "example.com" }),
    );
    expect(external.errors).toEqual([]);
    expect(external.next.spec).not.toHaveProperty("clusterIP");
  });

  it("on /status leave the spec alone", () => {
    const { next, errors } = change(
      "deployments",
      (obj) => {
        obj.spec.replicas = 9;
        obj.status = { replicas: 1, updatedReplicas: 2 };
      },
      "status",
    );
    expect(next.spec.replicas).toBe(1);
    expect(next.metadata.generation).toBe(1);
    expect(errors).toEqual(["status.updatedReplicas: cannot be greater than status.replicas"]);
  });

  it("on /status look at finalizers that are new there, and at no others", () => {
    const bring = (finalizer: string) =>
      change("persistentvolumes", (obj) => void (obj.metadata.finalizers = [finalizer]), "status").errors;
    expect(bring("")).toEqual(expect.arrayContaining([expect.stringMatching(/^metadata.finalizers\[0\]: /)]));
    expect(bring("a.com/x")).toEqual([]);
    const info = infoOf("persistentvolumes");
    const kept = { ...good("persistentvolumes"), metadata: { ...meta, finalizers: ["old"] } };
    const report = (obj: Loose) => void (obj.status = { phase: "Available" });
    expect(updated(info, kept, report, "status").errors).toEqual([]);
  });

  it("refuse new finalizers of what is being deleted", () => {
    const info = infoOf("configmaps");
    const dying = {
      ...good("configmaps"),
      metadata: { ...meta, deletionTimestamp: "2026-01-01T00:00:00Z", finalizers: ["a.com/x"] },
    };
    expect(updated(info, dying, (obj) => obj.metadata.finalizers.push("a.com/y")).errors).toEqual([
      'metadata.finalizers: no new finalizers can be added if the object is being deleted, found new finalizers []string{"a.com/y"}',
    ]);
  });
});
