// Plug-ins that are off unless --enable-admission-plugins names them.
import type { Container, Pod, Service } from "@knots/api/core/v1";
import { namespaces } from "@knots/api/core/v1";
import { isAlreadyExists, isExtendedResourceName, newInternalError, newNotFound } from "@knots/machinery";
import type { Registry } from "../../registry/registry.ts";
import { forbidden } from "../refuse.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../types.ts";
import { concerns } from "./match.ts";

/** Nobody but who may change what is there already directs traffic for foreign addresses to a Service (CVE-2020-8554). */
export const denyServiceExternalIPs: AdmissionPlugin = {
  name: "DenyServiceExternalIPs",
  handles: (attributes) => concerns(attributes, "services", ["CREATE", "UPDATE"]),
  validate(attributes) {
    const before = (attributes.oldObject as Service | undefined)?.spec?.externalIPs ?? [];
    const added = ((attributes.object as Service).spec?.externalIPs ?? []).some((ip) => !before.includes(ip));
    if (added) throw forbidden(attributes, "Use of external IPs is denied by admission control");
  },
};

function containersOf({ spec }: Pod): Container[] {
  return [
    ...(spec?.initContainers ?? []),
    ...(spec?.containers ?? []),
    ...((spec?.ephemeralContainers ?? []) as Container[]),
  ];
}

/** Every start of a container asks the registry, so that no pod runs a private image that another's credentials pulled. */
export const alwaysPullImages: AdmissionPlugin = {
  name: "AlwaysPullImages",
  handles: (attributes) =>
    concerns(attributes, "pods", ["CREATE", "UPDATE"]) ||
    concerns(attributes, "pods", ["UPDATE"], "", "ephemeralcontainers"),
  mutate({ object }) {
    for (const container of containersOf(object as Pod)) container.imagePullPolicy = "Always";
  },
  validate(attributes) {
    const other = containersOf(attributes.object as Pod).find((container) => container.imagePullPolicy !== "Always");
    if (other === undefined) return;
    throw forbidden(
      attributes,
      `spec.containers[${other.name}].imagePullPolicy: Unsupported value: ${JSON.stringify(other.imagePullPolicy ?? "")}: supported values: "Always"`,
    );
  },
};

/** Pods that ask for an extended resource may run on nodes that are set aside for it. */
export const extendedResourceToleration: AdmissionPlugin = {
  name: "ExtendedResourceToleration",
  handles: (attributes) => concerns(attributes, "pods", ["CREATE", "UPDATE"]),
  mutate({ object }) {
    const pod = object as Pod;
    const names = containersOf(pod).flatMap(({ resources }) => Object.keys(resources?.requests ?? {}));
    for (const key of new Set(names.filter(isExtendedResourceName).toSorted())) {
      const tolerations = pod.spec?.tolerations ?? [];
      if (tolerations.some((each) => each.key === key && each.operator === "Exists")) continue;
      if (pod.spec !== undefined) pod.spec.tolerations = [...tolerations, { key, operator: "Exists" }];
    }
  },
};

/** Whoever forbids pods to live together says so of nodes, not of zones, where it would cost others a zone. */
export const limitPodHardAntiAffinityTopology: AdmissionPlugin = {
  name: "LimitPodHardAntiAffinityTopology",
  handles: (attributes) => concerns(attributes, "pods", ["CREATE", "UPDATE"]),
  validate(attributes) {
    const { affinity } = (attributes.object as Pod).spec ?? {};
    const wide = (affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).find(
      ({ topologyKey }) => topologyKey !== "kubernetes.io/hostname",
    );
    if (wide === undefined) return;
    throw forbidden(
      attributes,
      `affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey ${wide.topologyKey} but only key kubernetes.io/hostname is allowed`,
    );
  },
};

function isInNamespace({ namespace, group, resource }: AdmissionAttributes): boolean {
  return namespace !== "" && !(group === "" && resource === "namespaces");
}

/** Superseded by NamespaceLifecycle, which is on by default. */
export const namespaceExists: AdmissionPlugin = {
  name: "NamespaceExists",
  handles: (attributes) => attributes.operation !== "CONNECT" && isInNamespace(attributes),
  validate({ objects, namespace }) {
    if (objects.get(namespaces, undefined, namespace) === undefined)
      throw newNotFound({ group: "", resource: "namespaces" }, namespace);
  },
};

/** A namespace is made with the first object that is to be in it. */
export function namespaceAutoProvision(registry: () => Registry): AdmissionPlugin {
  return {
    name: "NamespaceAutoProvision",
    handles: (attributes) =>
      attributes.operation === "CREATE" && isInNamespace(attributes) && !attributes.group.endsWith("ization.k8s.io"),
    async mutate({ objects, namespace, dryRun }) {
      if (dryRun || objects.get(namespaces, undefined, namespace) !== undefined) return;
      try {
        const object = { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } };
        await registry().storageFor(namespaces).create(registry().system(), "", object);
      } catch (error) {
        // Another request came first.
        if (!isAlreadyExists(error)) throw newInternalError(error instanceof Error ? error.message : String(error));
      }
    },
  };
}

export const alwaysAdmit: AdmissionPlugin = { name: "AlwaysAdmit", handles: () => false };

function denyAll(attributes: AdmissionAttributes): never {
  throw forbidden(attributes, "admission control is denying all modifications");
}

export const alwaysDeny: AdmissionPlugin = {
  name: "AlwaysDeny",
  handles: () => true,
  mutate: denyAll,
  validate: denyAll,
};
