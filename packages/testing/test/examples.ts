// One example of every kind in every version that is kept, with its name.
import { RESOURCES, type ResourceInfo } from "@knots/api";
import type { KubeObject } from "@knots/machinery";
import { NAMES, NAMESPACE, OBJECTS } from "./objects.ts";

/** What can be created and read again; reviews and bindings cannot. */
export const KEPT = RESOURCES.filter(({ verbs }) => verbs.includes("create") && verbs.includes("get"));

/** One object of a kind in a version, and how kubectl speaks of it. */
export interface Example {
  readonly info: ResourceInfo;
  readonly object: KubeObject & { readonly metadata: { readonly name: string } };
  /** `deployments.v1.apps`: as an argument that leaves no doubt. */
  readonly full: string;
  /** `deployment.apps/NAME`: as it is printed. */
  readonly shown: string;
}

/** In the order of `KEPT`; namespaced ones are in `NAMESPACE`. */
export const EXAMPLES: readonly Example[] = KEPT.map((info) => {
  const { group, version, resource, kind, namespaced } = info;
  const key = `${resource}.${group}`;
  // Two versions of a resource, and the two sorts of events, are kept in one place: each needs a name of its own.
  const name = NAMES[key] ?? `base-${group === "" ? "core" : group.split(".", 1).join("")}-${version}`;
  const apiVersion = group === "" ? version : `${group}/${version}`;
  const metadata = { name, ...(namespaced ? { namespace: NAMESPACE } : {}) };
  return {
    info,
    object: { apiVersion, kind, metadata, ...OBJECTS[key] },
    full: `${resource}.${version}.${group}`,
    shown: `${kind.toLowerCase()}${group === "" ? "" : `.${group}`}/${name}`,
  };
});

/** The controllers that what is deleted waits for: they take finalizers away and what depends on it. */
export const DELETING = [
  "garbage-collector-controller",
  "namespace-controller",
  "persistentvolume-protection-controller",
  "persistentvolumeclaim-protection-controller",
];
