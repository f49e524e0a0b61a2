import type { KubeObject } from "@knots/machinery";
import { describe, expect, it } from "vitest";
import type { AdmissionAttributes, AdmissionPlugin } from "../types.ts";
import { attributesOf, objectsOf, refusal } from "./attributes.testing.ts";
import { defaultTolerationSeconds } from "./default-toleration-seconds.ts";
import { extendedResourceToleration, limitPodHardAntiAffinityTopology } from "./optional-plugins.ts";
import * as small from "./small-plugins.ts";

/** An object of unknown shape: tests look into it freely. */
// oxlint-disable-next-line typescript/no-explicit-any -- the object's shape is what the test asserts
type Loose = any;

async function admitted(plugin: AdmissionPlugin, of: Partial<AdmissionAttributes>): Promise<Loose> {
  const attributes = attributesOf({ ...of, object: structuredClone(of.object) });
  expect(plugin.handles(attributes)).toBe(true);
  await plugin.mutate?.(attributes);
  await plugin.validate?.(attributes);
  return attributes.object;
}

const named = (kind: string, name: string, more: object = {}, metadata: object = {}): KubeObject => ({
  kind,
  metadata: { name, ...metadata },
  ...more,
});
const pod = (spec: object = {}): KubeObject => named("Pod", "p", { spec: { containers: [{ name: "c" }], ...spec } });
const isDefault = (prefix: string, creationTimestamp: string): object => ({
  creationTimestamp,
  annotations: { [`${prefix}/is-default-class`]: "true" },
});

describe("DefaultStorageClass", () => {
  const objects = objectsOf(
    named("StorageClass", "old", {}, isDefault("storageclass.kubernetes.io", "2024-01-01T00:00:00Z")),
    named("StorageClass", "new", {}, isDefault("storageclass.kubernetes.io", "2025-01-01T00:00:00Z")),
    named("StorageClass", "other"),
  );
  it.each([
    [{}, "new"],
    [{ storageClassName: "" }, ""],
    [{ storageClassName: "other" }, "other"],
  ])("%j becomes %s", async (spec, expected) => {
    const claim = named("PersistentVolumeClaim", "c", { spec });
    const of = { resource: "persistentvolumeclaims", object: claim, objects };
    expect((await admitted(small.defaultStorageClass, of)).spec.storageClassName).toBe(expected);
  });
});

describe("DefaultIngressClass", () => {
  const objects = objectsOf(
    named("IngressClass", "old", {}, isDefault("ingressclass.kubernetes.io", "2024-01-01T00:00:00Z")),
    named("IngressClass", "new", {}, isDefault("ingressclass.kubernetes.io", "2025-01-01T00:00:00Z")),
  );
  it.each([
    [{}, {}, "new"],
    [{ ingressClassName: "mine" }, {}, "mine"],
    [{}, { annotations: { "kubernetes.io/ingress.class": "nginx" } }, undefined],
  ])("%j %j becomes %s", async (spec, metadata, expected) => {
    const ingress = named("Ingress", "i", { spec }, metadata);
    const of = { group: "networking.k8s.io", resource: "ingresses", object: ingress, objects };
    expect((await admitted(small.defaultIngressClass, of)).spec.ingressClassName).toBe(expected);
  });
});

describe("StorageObjectInUseProtection", () => {
  it("protects claims and volumes, once", async () => {
    const protect = (resource: string, metadata: object = {}): Promise<Loose> =>
      admitted(small.storageObjectInUseProtection, { resource, object: named("X", "x", {}, metadata) });
    const claim = await protect("persistentvolumeclaims");
    expect(claim.metadata.finalizers).toEqual(["kubernetes.io/pvc-protection"]);
    const volume = await protect("persistentvolumes", { finalizers: ["kubernetes.io/pv-protection"] });
    expect(volume.metadata.finalizers).toEqual(["kubernetes.io/pv-protection"]);
  });
});

describe("TaintNodesByCondition", () => {
  it("lets nothing onto a new node", async () => {
    const node = await admitted(small.taintNodesByCondition, { resource: "nodes", object: named("Node", "n") });
    expect(node.spec.taints).toEqual([{ key: "node.kubernetes.io/not-ready", effect: "NoSchedule" }]);
  });
});

describe("RuntimeClass", () => {
  const objects = objectsOf(
    named("RuntimeClass", "vm", {
      overhead: { podFixed: { cpu: "250m" } },
      scheduling: { nodeSelector: { vm: "yes" }, tolerations: [{ key: "vm", operator: "Exists" }] },
    }),
    named("RuntimeClass", "plain"),
  );
  const vm = { runtimeClassName: "vm" };

  it("gives a pod its overhead, its nodes and its tolerations", async () => {
    const { spec } = await admitted(small.runtimeClass, {
      object: pod({ ...vm, tolerations: [{ key: "vm", operator: "Exists" }] }),
      objects,
    });
    expect(spec).toMatchObject({
      overhead: { cpu: "250m" },
      nodeSelector: { vm: "yes" },
      tolerations: [{ key: "vm", operator: "Exists" }],
    });
    expect(spec.tolerations).toHaveLength(1);
  });

  it.each([
    [{ ...vm, overhead: { cpu: "1" } }, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"],
    [
      { runtimeClassName: "plain", overhead: { cpu: "1" } },
      "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead",
    ],
    [{ overhead: { cpu: "1" } }, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"],
    [{ runtimeClassName: "none" }, 'pod rejected: RuntimeClass "none" not found'],
    [
      { ...vm, nodeSelector: { vm: "no" } },
      "conflict: runtimeClass.scheduling.nodeSelector[vm] = yes; pod.spec.nodeSelector[vm] = no",
    ],
  ])("refuses %j", async (spec, message) => {
    expect(await refusal(() => admitted(small.runtimeClass, { object: pod(spec), objects }))).toBe(
      `pods "p" is forbidden: ${message}`,
    );
  });
});

describe("DefaultTolerationSeconds", () => {
  it("lets pods stay five minutes on a node that is lost, unless they say otherwise", async () => {
    const { spec } = await admitted(defaultTolerationSeconds, { object: pod() });
    const of = (key: string) => ({ key, operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 });
    expect(spec.tolerations).toEqual([of("node.kubernetes.io/not-ready"), of("node.kubernetes.io/unreachable")]);
    const own = { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute" };
    const other = await admitted(defaultTolerationSeconds, { object: pod({ tolerations: [own] }) });
    expect(other.spec.tolerations).toEqual([own, of("node.kubernetes.io/unreachable")]);
  });
});

describe("plug-ins that are off by default", () => {
  it("tolerate the nodes of an extended resource", async () => {
    const containers = [{ name: "c", resources: { requests: { cpu: "1", "example.com/gpu": "1" } } }];
    const { spec } = await admitted(extendedResourceToleration, { object: pod({ containers }) });
    expect(spec.tolerations).toEqual([{ key: "example.com/gpu", operator: "Exists" }]);
  });

  it("keep required anti-affinity to nodes", async () => {
    const affinity = (topologyKey: string): object => ({
      affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey }] } },
    });
    const run = (key: string): Promise<string> =>
      refusal(() => admitted(limitPodHardAntiAffinityTopology, { object: pod(affinity(key)) }));
    expect(await run("kubernetes.io/hostname")).toBe("");
    expect(await run("topology.kubernetes.io/zone")).toMatch(/only key kubernetes\.io\/hostname is allowed$/);
  });
});
