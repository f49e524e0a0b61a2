import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from "@knots/api/core/v1";
import type { Ingress } from "@knots/api/networking/v1";
import { ingressClasses } from "@knots/api/networking/v1";
import { runtimeClasses } from "@knots/api/node/v1";
import { storageClasses } from "@knots/api/storage/v1";
import type { KubeObject } from "@knots/machinery";
import { forbidden } from "../refuse.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../types.ts";
import { deepEqual } from "../../registry/metadata.ts";
import { concerns } from "./match.ts";

/** A new node is not ready until its conditions say so: nothing is scheduled there before. */
export const taintNodesByCondition: AdmissionPlugin = {
  name: "TaintNodesByCondition",
  handles: (attributes) => concerns(attributes, "nodes", ["CREATE"]),
  mutate({ object }) {
    const node = object as Node;
    const taint = { key: "node.kubernetes.io/not-ready", effect: "NoSchedule" };
    const spec = (node.spec ??= {});
    const present = (spec.taints ?? []).some(({ key, effect }) => key === taint.key && effect === taint.effect);
    if (!present) spec.taints = [...(spec.taints ?? []), taint];
  },
};

const IS_DEFAULT_STORAGE = [
  "storageclass.kubernetes.io/is-default-class",
  "storageclass.beta.kubernetes.io/is-default-class",
];

/** Claims without a class get the default one; of several the newest. */
export const defaultStorageClass: AdmissionPlugin = {
  name: "DefaultStorageClass",
  handles: (attributes) => concerns(attributes, "persistentvolumeclaims", ["CREATE"]),
  mutate({ object, objects }) {
    const claim = object as PersistentVolumeClaim;
    const { spec } = claim;
    if (spec === undefined || spec.storageClassName !== undefined) return;
    if (claim.metadata?.annotations?.["volume.beta.kubernetes.io/storage-class"] !== undefined) return;
    const found = newest(
      objects
        .list(storageClasses)
        .filter(({ metadata }) => IS_DEFAULT_STORAGE.some((name) => metadata?.annotations?.[name] === "true")),
    );
    if (found?.metadata?.name !== undefined) spec.storageClassName = found.metadata.name;
  },
};

/** Ingresses without a class get the default one. */
export const defaultIngressClass: AdmissionPlugin = {
  name: "DefaultIngressClass",
  handles: (attributes) => concerns(attributes, "ingresses", ["CREATE"], "networking.k8s.io"),
  mutate({ object, objects }) {
    const ingress = object as Ingress;
    if (ingress.spec?.ingressClassName !== undefined) return;
    if (ingress.metadata?.annotations?.["kubernetes.io/ingress.class"] !== undefined) return;
    const found = newest(
      objects
        .list(ingressClasses)
        .filter(({ metadata }) => metadata?.annotations?.["ingressclass.kubernetes.io/is-default-class"] === "true"),
    );
    if (found?.metadata?.name !== undefined) ingress.spec = { ...ingress.spec, ingressClassName: found.metadata.name };
  },
};

/** Volumes and claims in use stay until they are not: the finalizers that the protection controllers take away. */
export const storageObjectInUseProtection: AdmissionPlugin = {
  name: "StorageObjectInUseProtection",
  handles: (attributes) =>
    concerns(attributes, "persistentvolumeclaims", ["CREATE"]) || concerns(attributes, "persistentvolumes", ["CREATE"]),
  mutate({ object, resource }) {
    const target = object as PersistentVolume | PersistentVolumeClaim;
    const finalizer = resource === "persistentvolumes" ? "kubernetes.io/pv-protection" : "kubernetes.io/pvc-protection";
    const metadata = (target.metadata ??= {});
    if (!(metadata.finalizers ?? []).includes(finalizer))
      metadata.finalizers = [...(metadata.finalizers ?? []), finalizer];
  },
};

/** A pod's RuntimeClass decides its overhead and where it can run. */
export const runtimeClass: AdmissionPlugin = {
  name: "RuntimeClass",
  handles: (attributes) => concerns(attributes, "pods", ["CREATE"]),
  mutate(attributes) {
    const found = classOf(attributes);
    const { spec } = attributes.object as Pod;
    if (found === undefined || spec === undefined) return;
    const { overhead, scheduling } = found;
    if (overhead?.podFixed !== undefined) {
      if (spec.overhead !== undefined && !deepEqual(spec.overhead, overhead.podFixed)) {
        throw refuse(attributes, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
      }
      spec.overhead = { ...overhead.podFixed };
    }
    for (const [key, value] of Object.entries(scheduling?.nodeSelector ?? {})) {
      const own = spec.nodeSelector?.[key];
      if (own !== undefined && own !== value) {
        throw refuse(
          attributes,
          `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`,
        );
      }
      spec.nodeSelector = { ...spec.nodeSelector, [key]: value };
    }
    if ((scheduling?.tolerations ?? []).length > 0) {
      const own = new Set((spec.tolerations ?? []).map((each) => JSON.stringify(each)));
      const added = (scheduling?.tolerations ?? []).filter((each) => !own.has(JSON.stringify(each)));
      spec.tolerations = [...(spec.tolerations ?? []), ...structuredClone(added)];
    }
  },
  validate(attributes) {
    const found = classOf(attributes);
    const { spec } = attributes.object as Pod;
    const fixed = found?.overhead?.podFixed;
    if (fixed !== undefined && !deepEqual(spec?.overhead, fixed))
      throw refuse(attributes, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
    if (spec?.overhead !== undefined && fixed === undefined && Object.keys(spec.overhead).length > 0) {
      throw refuse(attributes, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead");
    }
  },
};

function classOf(attributes: AdmissionAttributes) {
  const name = (attributes.object as Pod).spec?.runtimeClassName;
  if (name === undefined || name === "") return undefined;
  const found = attributes.objects.get(runtimeClasses, undefined, name);
  if (found === undefined) throw refuse(attributes, `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`);
  return found;
}

function refuse(attributes: AdmissionAttributes, message: string): Error {
  return forbidden(attributes, message);
}

function newest<T extends KubeObject>(items: readonly T[]): T | undefined {
  return items.toSorted(
    (a, b) =>
      (b.metadata?.creationTimestamp ?? "").localeCompare(a.metadata?.creationTimestamp ?? "") ||
      (a.metadata?.name ?? "").localeCompare(b.metadata?.name ?? ""),
  )[0];
}
