import type { ResourceInfo } from "@knots/api";
import type { ApiGroupInfo } from "./groups.ts";
import { localPriority, sortByPriority } from "./priorities.ts";
import type { Priority } from "./priorities.ts";

/** A group version that another server answers. */
export interface AggregatedVersion {
  readonly group: string;
  readonly version: string;
  /** As aggregated discovery lists them. */
  readonly resources: readonly object[];
  /** The server could not be asked lately. */
  readonly stale: boolean;
}

/** What the aggregation layer adds to discovery. */
export interface Aggregated {
  versions(): Iterable<AggregatedVersion>;
  /** By APIService name. */
  priorities(): ReadonlyMap<string, Priority>;
}

/** A version with what this server serves of it, or what another one does. */
export interface MergedVersion {
  readonly version: string;
  readonly resources: readonly ResourceInfo[];
  readonly remote: AggregatedVersion | undefined;
}

export interface MergedGroup {
  readonly group: string;
  readonly versions: readonly MergedVersion[];
}

/** This server's groups and those of others, in the order that the APIServices ask for. */
export function mergeGroups(local: readonly ApiGroupInfo[], aggregated: Aggregated): MergedGroup[] {
  const priorities = aggregated.priorities();
  const entries = new Map<string, MergedVersion & { group: string; priority: Priority }>();
  const add = (group: string, version: string, rest: Pick<MergedVersion, "resources" | "remote">): void => {
    const name = `${version}.${group}`;
    entries.set(name, { group, version, ...rest, priority: priorities.get(name) ?? localPriority(group, version) });
  };
  for (const { group, versions } of local)
    for (const { version, resources } of versions) add(group, version, { resources, remote: undefined });
  // An APIService that names a service wins over what is served here.
  for (const remote of aggregated.versions()) add(remote.group, remote.version, { resources: [], remote });
  return sortByPriority([...entries.values()]);
}
