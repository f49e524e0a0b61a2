import { tableOf } from "@knots/machinery";
import { compareVersions } from "./groups.ts";

export interface Priority {
  readonly group: number;
  readonly version: number;
}

/** Upstream's figures for the groups that every server has (DefaultGenericAPIServicePriorities and kube-apiserver's own). */
const BUILT_IN: Readonly<Record<string, number>> = tableOf({
  "": 18_000,
  apps: 17_800,
  "events.k8s.io": 17_750,
  "authentication.k8s.io": 17_700,
  "authorization.k8s.io": 17_600,
  autoscaling: 17_500,
  batch: 17_400,
  "certificates.k8s.io": 17_300,
  "networking.k8s.io": 17_200,
  policy: 17_100,
  "rbac.authorization.k8s.io": 17_000,
  "storage.k8s.io": 16_800,
  "admissionregistration.k8s.io": 16_700,
  "apiextensions.k8s.io": 16_700,
  "scheduling.k8s.io": 16_600,
  "coordination.k8s.io": 16_500,
  "node.k8s.io": 16_300,
  "discovery.k8s.io": 16_200,
  "flowcontrol.apiserver.k8s.io": 16_100,
  "internal.apiserver.k8s.io": 16_000,
  "resource.k8s.io": 15_900,
});
const VERSIONS: Readonly<Record<string, number>> = {
  "v1.": 1,
  "v2.autoscaling": 30,
  "v1.batch": 1,
  "v1.flowcontrol.apiserver.k8s.io": 21,
};
const CUSTOM: Priority = { group: 1000, version: 100 };

/** The group of APIServices themselves comes first, and has no APIService. */
export const REGISTRATION_GROUP = "apiregistration.k8s.io";

export function isBuiltIn(group: string): boolean {
  return Object.hasOwn(BUILT_IN, group);
}

/** What the server's own APIServices say; custom resources come after everything built in. */
export function localPriority(group: string, version: string): Priority {
  const priority = BUILT_IN[group];
  if (priority === undefined) return CUSTOM;
  return { group: priority, version: VERSIONS[`${version}.${group}`] ?? 15 };
}

interface Ranked {
  readonly group: string;
  readonly version: string;
  readonly priority: Priority;
}

/** Groups in the order of their highest priority, in each its versions by theirs (upstream: SortedByGroupAndVersion). */
export function sortByPriority<T extends Ranked>(versions: readonly T[]): { group: string; versions: T[] }[] {
  const groups = new Map<string, T[]>();
  const rank = ({ group, priority }: T): number => (group === REGISTRATION_GROUP ? Infinity : priority.group);
  const ordered = versions.toSorted((a, b) => {
    const difference = rank(b) - rank(a);
    return Number.isNaN(difference) || difference === 0 ? (nameOf(a) < nameOf(b) ? -1 : 1) : difference;
  });
  for (const each of ordered) {
    const found = groups.get(each.group);
    if (found === undefined) groups.set(each.group, [each]);
    else found.push(each);
  }
  return Array.from(groups, ([group, found]) => ({
    group,
    versions: found.sort((a, b) => b.priority.version - a.priority.version || compareVersions(a.version, b.version)),
  }));
}

function nameOf({ group, version }: Ranked): string {
  return `${version}.${group}`;
}
