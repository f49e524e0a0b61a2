import { managerId, secondsOf } from "./managed.ts";
import type { Managed, ManagedSet } from "./managed.ts";

/** Upstream's figure: entries of plain writes beyond it are put together. */
export const MAX_UPDATE_MANAGERS = 10;
const ANCIENT = "ancient-changes";

/** Puts the oldest entries of plain writes together, a bucket for each version, until there are few enough. */
export function capUpdateManagers(managed: Managed, limit: number = MAX_UPDATE_MANAGERS): Managed {
  const updaters = Array.from(managed).filter(([, { operation }]) => operation === "Update");
  let left = updaters.length;
  if (left <= limit) return managed;
  updaters.sort(([idA, a], [idB, b]) => secondsOf(a) - secondsOf(b) || (idA < idB ? -1 : 1));
  const result: Managed = new Map(managed);
  // A version's first entry stays as it is until a second one joins it in a bucket.
  const first = new Map<string, [string, ManagedSet]>();
  for (const [id, entry] of updaters) {
    if (left <= limit) break;
    const { apiVersion } = entry;
    const known = first.get(apiVersion);
    if (known === undefined) {
      first.set(apiVersion, [id, entry]);
      continue;
    }
    const identity = { manager: ANCIENT, operation: "Update", apiVersion, subresource: "" } as const;
    const bucket = managerId(identity);
    const old = result.get(bucket) ?? known[1];
    result.delete(known[0]);
    result.delete(id);
    // The time of the younger change.
    result.set(bucket, { ...identity, time: entry.time, set: old.set.union(entry.set) });
    left--;
  }
  return result;
}
