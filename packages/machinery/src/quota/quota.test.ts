import { describe, expect, test } from "vitest";
import { inQuotaScopes, type QuotaSpecLike } from "./scopes.ts";
import { payingPod, quotaedResource, quotaedResources, quotaUsage } from "./usage.ts";

const NOW = Date.parse("2026-11-25T10:00:00Z");
const amounts = (resource: string, object: object, now = NOW): Record<string, string> =>
  Object.fromEntries([...quotaUsage(resource, object, now)].map(([name, amount]) => [name, amount.toString()]));
const container = (requests: object, limits: object = {}): object => ({
  containers: [{ name: "c", resources: { requests, limits } }],
});

test.each<[string, string, object, Record<string, string>]>([
  [
    "a pod",
    "pods",
    { spec: container({ cpu: "500m", memory: "1Gi", "hugepages-2Mi": "4Mi", "example.com/gpu": "2" }, { cpu: "1" }) },
    {
      "count/pods": "1",
      pods: "1",
      cpu: "500m",
      "requests.cpu": "500m",
      memory: "1Gi",
      "requests.memory": "1Gi",
      "hugepages-2Mi": "4Mi",
      "requests.hugepages-2Mi": "4Mi",
      "requests.example.com/gpu": "2",
      "limits.cpu": "1",
    },
  ],
  ["a pod that ended", "pods", { spec: container({ cpu: "1" }), status: { phase: "Failed" } }, { "count/pods": "1" }],
  [
    "a pod on its way out",
    "pods",
    { metadata: { deletionTimestamp: "2026-11-25T09:59:40Z", deletionGracePeriodSeconds: 30 }, spec: container({}) },
    { "count/pods": "1", pods: "1" },
  ],
  [
    "a pod that should be gone",
    "pods",
    { metadata: { deletionTimestamp: "2026-11-25T09:59:00Z", deletionGracePeriodSeconds: 30 }, spec: container({}) },
    { "count/pods": "1" },
  ],
  ["a service", "services", { spec: { type: "ClusterIP", ports: [{}] } }, { "count/services": "1", services: "1" }],
  [
    "a service with node ports",
    "services",
    { spec: { type: "NodePort", ports: [{}, {}] } },
    { "count/services": "1", services: "1", "services.nodeports": "2" },
  ],
  [
    "a load balancer that was given one node port",
    "services",
    { spec: { type: "LoadBalancer", allocateLoadBalancerNodePorts: false, ports: [{ nodePort: 30000 }, {}] } },
    { "count/services": "1", services: "1", "services.nodeports": "1", "services.loadbalancers": "1" },
  ],
  [
    "a claim that grows",
    "persistentvolumeclaims",
    {
      spec: { storageClassName: "fast", resources: { requests: { storage: "2Gi" } } },
      status: { allocatedResources: { storage: "5Gi" } },
    },
    {
      "count/persistentvolumeclaims": "1",
      persistentvolumeclaims: "1",
      "fast.storageclass.storage.k8s.io/persistentvolumeclaims": "1",
      "requests.storage": "5Gi",
      "fast.storageclass.storage.k8s.io/requests.storage": "5Gi",
    },
  ],
  [
    "devices: of alternatives the dearest of each class",
    "resourceclaims.resource.k8s.io",
    {
      spec: {
        devices: {
          requests: [
            { exactly: { deviceClassName: "gpu", count: 2 } },
            {
              firstAvailable: [
                { deviceClassName: "gpu" },
                { deviceClassName: "gpu", count: 4 },
                { deviceClassName: "tpu", allocationMode: "All" },
              ],
            },
          ],
        },
      },
    },
    {
      "count/resourceclaims.resource.k8s.io": "1",
      "gpu.deviceclass.resource.k8s.io/devices": "6",
      "tpu.deviceclass.resource.k8s.io/devices": "32",
      "requests.deviceclass.resource.kubernetes.io/gpu": "6",
      "requests.deviceclass.resource.kubernetes.io/tpu": "32",
    },
  ],
  ["a secret", "secrets", {}, { "count/secrets": "1", secrets: "1" }],
  ["a deployment", "deployments.apps", {}, { "count/deployments.apps": "1" }],
])("%s counts for", (_what, resource, object, want) => expect(amounts(resource, object)).toEqual(want));

test.each([
  ["pods", "pods"],
  ["cpu", "pods"],
  ["limits.memory", "pods"],
  ["requests.hugepages-1Gi", "pods"],
  ["requests.example.com/gpu", "pods"],
  ["example.com/gpu", undefined],
  ["requests.storage", "persistentvolumeclaims"],
  ["gold.storageclass.storage.k8s.io/requests.storage", "persistentvolumeclaims"],
  ["services.nodeports", "services"],
  ["configmaps", "configmaps"],
  ["count/deployments.apps", "deployments.apps"],
  ["deployments.apps", undefined],
])("%s is of %s", (name, resource) => expect(quotaedResource(name)).toBe(resource));

describe("scopes", () => {
  const scope = (scopeName: string, operator?: string, ...values: string[]): QuotaSpecLike =>
    operator === undefined
      ? { scopes: [scopeName] }
      : { scopeSelector: { matchExpressions: [{ scopeName, operator, values }] } };
  const bestEffort = { spec: { containers: [{ name: "c" }] } };
  const burstable = { spec: { ...container({ cpu: "1" }), priorityClassName: "high", activeDeadlineSeconds: 5 } };
  const nosy = (term: object): object => ({
    spec: { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } },
  });
  test.each<[string, QuotaSpecLike, string, object, boolean]>([
    ["none", {}, "secrets", {}, true],
    ["of pods, asked of a secret", scope("BestEffort"), "secrets", {}, false],
    ["Terminating", scope("Terminating"), "pods", burstable, true],
    ["Terminating without a deadline", scope("Terminating"), "pods", bestEffort, false],
    ["NotTerminating", scope("NotTerminating"), "pods", bestEffort, true],
    ["BestEffort", scope("BestEffort"), "pods", bestEffort, true],
    ["NotBestEffort", scope("NotBestEffort"), "pods", burstable, true],
    ["all of several", { scopes: ["NotBestEffort", "NotTerminating"] }, "pods", burstable, false],
    ["PriorityClass exists", scope("PriorityClass"), "pods", burstable, true],
    ["PriorityClass In", scope("PriorityClass", "In", "high"), "pods", burstable, true],
    ["PriorityClass In of a pod without", scope("PriorityClass", "In", "high"), "pods", bestEffort, false],
    ["PriorityClass NotIn of a pod without", scope("PriorityClass", "NotIn", "high"), "pods", bestEffort, true],
    ["PriorityClass DoesNotExist", scope("PriorityClass", "DoesNotExist"), "pods", bestEffort, true],
    ["affinity to other namespaces", scope("CrossNamespacePodAffinity"), "pods", nosy({ namespaces: ["x"] }), true],
    ["affinity by selector", scope("CrossNamespacePodAffinity"), "pods", nosy({ namespaceSelector: {} }), true],
    ["affinity at home", scope("CrossNamespacePodAffinity"), "pods", nosy({}), false],
    [
      "the class a claim is changing to",
      scope("VolumeAttributesClass", "In", "gold"),
      "persistentvolumeclaims",
      { status: { modifyVolumeStatus: { targetVolumeAttributesClassName: "gold" } } },
      true,
    ],
  ])("%s", (_what, spec, resource, object, want) => expect(inQuotaScopes(spec, resource, object)).toBe(want));
});

const CLAIMS = "resourceclaims.resource.k8s.io";
test.each<[string, string[]]>([
  ["requests.x.io/gpu", ["pods", CLAIMS]],
  ["requests.x.io/licence", ["pods"]],
  ["requests.deviceclass.resource.kubernetes.io/gpus", ["pods", CLAIMS]],
  ["gpus.deviceclass.resource.k8s.io/devices", [CLAIMS]],
  [".deviceclass.resource.k8s.io/devices", []],
  ["requests.cpu", ["pods"]],
  ["nothing", []],
])("what %s counts, where x.io/gpu is devices", (name, want) => {
  expect(quotaedResources(name, (resource) => resource === "x.io/gpu")).toEqual(want);
});

test("a pod that asks for a class by its implicit name counts for it", () => {
  const name = "deviceclass.resource.kubernetes.io/gpus";
  expect(amounts("pods", { spec: container({ [name]: "2" }) })[`requests.${name}`]).toBe("2");
});

const gpus = (count: number) => ({ exactly: { deviceClassName: "gpus", allocationMode: "ExactCount", count } });
const asking = (count: string) => ({ metadata: { name: "p", uid: "u" }, spec: container({ "x.io/gpu": count }) });
test.each<[string, object | undefined, Record<string, string>]>([
  ["of nobody", undefined, { "requests.x.io/gpu": "3", "requests.deviceclass.resource.kubernetes.io/gpus": "3" }],
  ["of a pod that asks for as many", asking("3"), { "requests.deviceclass.resource.kubernetes.io/gpus": "3" }],
  [
    "of a pod that asks for fewer",
    asking("1"),
    { "requests.x.io/gpu": "2", "requests.deviceclass.resource.kubernetes.io/gpus": "3" },
  ],
])("a claim %s counts as extended resources", (_what, pod, want) => {
  const claim = { metadata: { name: "c" }, spec: { devices: { requests: [gpus(2), gpus(1)] } } };
  const devices = { resourceOf: (name: string) => (name === "gpus" ? "x.io/gpu" : undefined), podOf: () => pod };
  expect(
    Object.fromEntries([...quotaUsage(CLAIMS, claim, NOW, devices)].map(([name, amount]) => [name, amount.toString()])),
  ).toEqual({ [`count/${CLAIMS}`]: "1", "gpus.deviceclass.resource.k8s.io/devices": "3", ...want });
});

describe("payingPod", () => {
  const claim = (name: string, more: object = {}) => ({
    metadata: {
      name,
      creationTimestamp: "2026-01-01T00:00:00Z",
      annotations: { "resource.kubernetes.io/extended-resource-claim": "true" },
      ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "p", uid: "u", controller: true }],
      ...more,
    },
  });
  const pod = { metadata: { name: "p", uid: "u" } };
  const told = (resourceClaimName: string) => ({
    ...pod,
    status: { extendedResourceClaimStatus: { resourceClaimName } },
  });
  test.each<[string, object, object | undefined, object[], boolean]>([
    ["one that the pod names", claim("b"), told("b"), [claim("a")], true],
    ["one that the pod does not name", claim("b"), told("a"), [], false],
    ["the first before the pod names any", claim("b"), pod, [claim("b"), claim("c")], true],
    ["a second", claim("b"), pod, [claim("a"), claim("b")], false],
    ["an older one", claim("b"), pod, [claim("c", { creationTimestamp: "2025-01-01T00:00:00Z" })], false],
    ["one of a pod that is gone", claim("b"), undefined, [], false],
    ["one of an earlier pod of that name", claim("b"), { metadata: { name: "p", uid: "v" } }, [], false],
    ["one without the annotation", claim("b", { annotations: {} }), pod, [], false],
  ])("is there for %s", (_what, of, found, all, want) => {
    expect(
      payingPod(
        of,
        () => found,
        () => all,
      ) !== undefined,
    ).toBe(want);
  });
});
