import type { ResourceInfo } from "@knots/api";
import { ROOT } from "../watch-cache/cacher.ts";

/** Resources that upstream keeps under another name than their own. */
const PATHS: Readonly<Record<string, string>> = {
  nodes: "minions",
  services: "services/specs",
  endpoints: "services/endpoints",
  replicationcontrollers: "controllers",
  "ingresses.networking.k8s.io": "ingress",
  // One store for both faces of an event.
  "events.events.k8s.io": "events",
  "customresourcedefinitions.apiextensions.k8s.io": "apiextensions.k8s.io/customresourcedefinitions",
  "apiservices.apiregistration.k8s.io": "apiregistration.k8s.io/apiservices",
};

/** "pods", "deployments.apps": how a resource is named across versions. */
export function groupResource(info: { group: string; resource: string }): string {
  return info.group === "" ? info.resource : `${info.resource}.${info.group}`;
}

/** Store prefix of a built-in resource, with the slash at its end: upstream's keys (/registry/pods/, …). */
export function builtInPrefix(info: Pick<ResourceInfo, "group" | "resource">): string {
  return `${ROOT}${PATHS[groupResource(info)] ?? info.resource}/`;
}

/** Store prefix of a custom resource. */
export function customPrefix(group: string, resource: string): string {
  return `${ROOT}${group}/${resource}/`;
}

/** Store key of an object. */
export function keyOf(prefix: string, namespace: string | undefined, name: string): string {
  return namespace === undefined || namespace === "" ? prefix + name : `${prefix}${namespace}/${name}`;
}
