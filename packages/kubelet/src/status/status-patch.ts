/** The smallest strategic merge patch that makes a pod's status in the API what the kubelet says. */
import { isDeepStrictEqual } from "node:util";
import type { PodStatus } from "@knots/api/core/v1";

/** Fields that the kubelet writes; all others belong to somebody else. */
const OWNED = [
  "observedGeneration",
  "phase",
  "message",
  "reason",
  "hostIP",
  "hostIPs",
  "podIP",
  "podIPs",
  "startTime",
  "initContainerStatuses",
  "containerStatuses",
  "ephemeralContainerStatuses",
  "qosClass",
] as const satisfies readonly (keyof PodStatus)[];

/** Lists that are merged by key, so that replacing them must be said. */
const MERGED_LISTS: ReadonlySet<string> = new Set(["hostIPs", "podIPs"]);

/** undefined: nothing to write. `mine`: the condition types the kubelet may write. */
export function statusPatch(
  current: PodStatus | undefined,
  wanted: PodStatus,
  mine: ReadonlySet<string>,
): Record<string, unknown> | undefined {
  const patch: Record<string, unknown> = {};
  for (const key of OWNED) {
    const now = current?.[key];
    const want = wanted[key];
    if (isDeepStrictEqual(plain(now), plain(want))) continue;
    if (want === undefined) patch[key] = null;
    else if (MERGED_LISTS.has(key) && Array.isArray(want) && now !== undefined)
      patch[key] = [...want, { $patch: "replace" }];
    else patch[key] = want;
  }
  const conditions = (wanted.conditions ?? []).filter((condition) => {
    if (!mine.has(condition.type)) return false;
    const now = current?.conditions?.find((candidate) => candidate.type === condition.type);
    return !isDeepStrictEqual(plain(now), plain(condition));
  });
  if (conditions.length > 0) {
    // In upstream's order, whoever wrote one first: the scheduler's would head the list for ever.
    patch["$setElementOrder/conditions"] = (wanted.conditions ?? []).map(({ type }) => ({ type }));
    // null takes away what the condition had before and has no more.
    patch["conditions"] = conditions.map((condition) => ({
      ...condition,
      ...(condition.reason === undefined ? { reason: null } : {}),
      ...(condition.message === undefined ? { message: null } : {}),
    }));
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

/** What JSON would carry: without undefined members, and without null ones (lastProbeTime: null means nothing). */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined && member !== null)
      .map(([key, member]) => [key, plain(member)]),
  );
}
