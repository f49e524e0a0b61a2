import type { Pod } from "@knots/api/core/v1";
import { compareStrings, creationTime } from "../framework/objects.ts";
import { isReady, readyTime } from "../framework/pod-state.ts";

/** Annotation with an int32: of two pods equal until then, the cheaper one goes first. */
export const POD_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost";

const PHASE_RANK: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

interface Candidate {
  readonly pod: Pod;
  /** How many active pods of related ReplicaSets share its node. */
  readonly rank: number;
}

/**
 * The `count` pods to delete, worst first, by upstream's order: unassigned, Pending before Unknown before Running, not ready,
 * lower deletion cost, more doubled up on its node, ready for a shorter time, more restarts, younger. Ages are compared
 * by order of magnitude, and pods of the same magnitude by uid, which spreads victims at random over failure domains.
 * @param related active pods of every ReplicaSet of the same owner, the RS's own included
 * @param now ms
 */
export function chooseVictims(pods: readonly Pod[], related: readonly Pod[], count: number, now: number): Pod[] {
  if (count >= pods.length) return [...pods];
  const perNode = new Map<string, number>();
  for (const pod of related) {
    const node = pod.spec?.nodeName;
    if (node) perNode.set(node, (perNode.get(node) ?? 0) + 1);
  }
  return pods
    .map((pod) => ({ pod, rank: perNode.get(pod.spec?.nodeName ?? "") ?? 0 }))
    .toSorted((a, b) => compareVictims(a, b, now))
    .slice(0, Math.max(0, count))
    .map(({ pod }) => pod);
}

function compareVictims(a: Candidate, b: Candidate, now: number): number {
  return (
    Number(Boolean(a.pod.spec?.nodeName)) - Number(Boolean(b.pod.spec?.nodeName)) ||
    phaseRank(a.pod) - phaseRank(b.pod) ||
    Number(isReady(a.pod)) - Number(isReady(b.pod)) ||
    deletionCost(a.pod) - deletionCost(b.pod) ||
    b.rank - a.rank ||
    compareReadyTimes(a.pod, b.pod, now) ||
    restarts(b.pod) - restarts(a.pod) ||
    compareAges(creationTime(a.pod), creationTime(b.pod), a.pod, b.pod, now)
  );
}

function compareReadyTimes(a: Pod, b: Pod, now: number): number {
  if (!isReady(a) || !isReady(b)) return 0;
  const left = readyTime(a);
  const right = readyTime(b);
  if (left === right) return 0;
  if (left === undefined) return -1;
  if (right === undefined) return 1;
  return compareAges(left, right, a, b, now);
}

function compareAges(left: number, right: number, a: Pod, b: Pod, now: number): number {
  if (left === right) return 0;
  return magnitude(now - left) - magnitude(now - right) || compareStrings(a.metadata?.uid ?? "", b.metadata?.uid ?? "");
}

// Upstream takes the logarithm of nanoseconds; another unit would move the borders between the buckets.
function magnitude(ageMs: number): number {
  return ageMs <= 0 ? -1 : Math.floor(Math.log2(ageMs * 1e6));
}

function phaseRank(pod: Pod): number {
  return PHASE_RANK[pod.status?.phase ?? ""] ?? 0;
}

function restarts(pod: Pod): number {
  return Math.max(0, ...(pod.status?.containerStatuses ?? []).map((status) => status.restartCount ?? 0));
}

function deletionCost(pod: Pod): number {
  const text = pod.metadata?.annotations?.[POD_DELETION_COST];
  // A value that is no canonical int32 is refused by validation; one that got in anyway counts as none.
  return text !== undefined && /^-?(0|[1-9]\d*)$/.test(text) ? Number(text) : 0;
}
