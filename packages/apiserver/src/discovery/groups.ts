import type { ResourceInfo } from "@knots/api";

/** A group with its versions, preferred one first, and what each serves. */
export interface ApiGroupInfo {
  readonly group: string;
  readonly versions: readonly { readonly version: string; readonly resources: readonly ResourceInfo[] }[];
}

/** Upstream's order of groups (groupPriorityMinimum); others follow by name. */
const ORDER = [
  "",
  "apiregistration.k8s.io",
  "apps",
  "events.k8s.io",
  "authentication.k8s.io",
  "authorization.k8s.io",
  "autoscaling",
  "batch",
  "certificates.k8s.io",
  "networking.k8s.io",
  "policy",
  "rbac.authorization.k8s.io",
  "storage.k8s.io",
  "admissionregistration.k8s.io",
  "apiextensions.k8s.io",
  "scheduling.k8s.io",
  "coordination.k8s.io",
  "node.k8s.io",
  "discovery.k8s.io",
  "resource.k8s.io",
  "flowcontrol.apiserver.k8s.io",
  "metrics.k8s.io",
];

/** Groups and versions of a set of resources, in the order in which discovery lists them. */
export function groupsOf(resources: Iterable<ResourceInfo>): ApiGroupInfo[] {
  const groups = new Map<string, Map<string, ResourceInfo[]>>();
  for (const info of resources) {
    const versions = mapAt(groups, info.group, () => new Map<string, ResourceInfo[]>());
    mapAt(versions, info.version, () => []).push(info);
  }
  return [...groups]
    .sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1))
    .map(([group, versions]) => ({
      group,
      versions: [...versions]
        .sort(([a], [b]) => compareVersions(a, b))
        .map(([version, infos]) => ({
          version,
          resources: infos.sort((a, b) => (a.resource < b.resource ? -1 : a.resource > b.resource ? 1 : 0)),
        })),
    }));
}

/** Kubernetes' order of version names: v2, v1, v1beta2, v1beta1, v1alpha1, others by name. */
export function compareVersions(a: string, b: string): number {
  const left = parseVersion(a);
  const right = parseVersion(b);
  if (left === undefined || right === undefined) {
    if (left !== undefined) return -1;
    if (right !== undefined) return 1;
    return a < b ? -1 : a > b ? 1 : 0;
  }
  return right.stage - left.stage || right.major - left.major || right.minor - left.minor;
}

function parseVersion(text: string): { major: number; stage: number; minor: number } | undefined {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(text);
  if (match === null) return undefined;
  const [, major, stage, minor] = match;
  return { major: Number(major), stage: stage === undefined ? 2 : stage === "beta" ? 1 : 0, minor: Number(minor ?? 0) };
}

function rank(group: string): number {
  const at = ORDER.indexOf(group);
  return at < 0 ? ORDER.length : at;
}

function mapAt<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
