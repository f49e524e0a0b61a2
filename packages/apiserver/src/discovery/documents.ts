import { createHash } from "node:crypto";
import type { ResourceInfo } from "@knots/api";
import type { MergedGroup } from "./merge.ts";

interface GroupVersions {
  readonly group: string;
  readonly versions: readonly { readonly version: string }[];
}

const SCOPE = { true: "Namespaced", false: "Cluster" } as const;

function groupVersion(group: string, version: string): string {
  return group === "" ? version : `${group}/${version}`;
}

/** GET /api. */
export function apiVersions(serverAddress: string): object {
  return {
    kind: "APIVersions",
    versions: ["v1"],
    serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress }],
  };
}

/** GET /apis/GROUP; without kind and apiVersion an item of GET /apis. */
export function apiGroup(info: GroupVersions, standalone: boolean): object {
  const versions = info.versions.map(({ version }) => ({ groupVersion: groupVersion(info.group, version), version }));
  return {
    ...(standalone ? { kind: "APIGroup", apiVersion: "v1" } : {}),
    name: info.group,
    versions,
    preferredVersion: versions[0],
  };
}

/** GET /apis. */
export function apiGroupList(groups: readonly GroupVersions[]): object {
  return {
    kind: "APIGroupList",
    apiVersion: "v1",
    groups: groups.filter(({ group }) => group !== "").map((group) => apiGroup(group, false)),
  };
}

/** GET /api/v1 and /apis/GROUP/VERSION. */
export function apiResourceList(group: string, version: string, resources: readonly ResourceInfo[]): object {
  return {
    kind: "APIResourceList",
    ...(group === "" ? {} : { apiVersion: "v1" }),
    groupVersion: groupVersion(group, version),
    resources: resources.flatMap((info) => [resourceEntry(info), ...subresourceEntries(info)]),
  };
}

function resourceEntry(info: ResourceInfo): object {
  return {
    name: info.resource,
    singularName: info.singular,
    namespaced: info.namespaced,
    kind: info.kind,
    verbs: [...info.verbs],
    ...(info.shortNames.length === 0 ? {} : { shortNames: [...info.shortNames] }),
    ...(info.categories.length === 0 ? {} : { categories: [...info.categories] }),
    ...(info.verbs.includes("watch") ? { storageVersionHash: storageVersionHash(info) } : {}),
  };
}

function subresourceEntries(info: ResourceInfo): object[] {
  return Object.entries(info.subresources)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, sub]) => ({
      name: `${info.resource}/${name}`,
      singularName: "",
      namespaced: info.namespaced,
      ...(sub.group === info.group && sub.version === info.version ? {} : { group: sub.group, version: sub.version }),
      kind: sub.kind,
      verbs: [...sub.verbs],
    }));
}

/** Opaque to clients; equal hashes mean the same storage version. */
function storageVersionHash(info: ResourceInfo): string {
  const text = `${info.group}/${info.version}/${info.kind}`;
  return createHash("sha256").update(text).digest().subarray(0, 8).toString("base64");
}

/** Aggregated discovery (apidiscovery.k8s.io), for /api (core group only) or /apis (all others). */
export function aggregatedDiscovery(groups: readonly MergedGroup[]): object {
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: "apidiscovery.k8s.io/v2",
    metadata: {},
    items: groups.map((info) => ({
      metadata: { ...(info.group === "" ? {} : { name: info.group }), creationTimestamp: null },
      versions: info.versions.map((item) => ({
        version: item.version,
        resources:
          item.remote?.resources ??
          item.resources.map((resource) => ({
            resource: resource.resource,
            responseKind: { group: resource.group, version: resource.version, kind: resource.kind },
            scope: SCOPE[`${resource.namespaced}`],
            singularResource: resource.singular,
            verbs: [...resource.verbs],
            ...(resource.shortNames.length === 0 ? {} : { shortNames: [...resource.shortNames] }),
            ...(resource.categories.length === 0 ? {} : { categories: [...resource.categories] }),
            ...(Object.keys(resource.subresources).length === 0
              ? {}
              : {
                  subresources: Object.entries(resource.subresources)
                    .sort(([a], [b]) => (a < b ? -1 : 1))
                    .map(([name, sub]) => ({
                      subresource: name,
                      responseKind: { group: sub.group, version: sub.version, kind: sub.kind },
                      verbs: [...sub.verbs],
                    })),
                }),
          })),
        freshness: item.remote?.stale === true ? "Stale" : "Current",
      })),
    })),
  };
}
