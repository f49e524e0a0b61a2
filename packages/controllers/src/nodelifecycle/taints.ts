import type { Node, Taint } from "@knots/api/core/v1";
import { nodeCondition } from "./health.ts";

export const TAINT_NOT_READY = "node.kubernetes.io/not-ready";
export const TAINT_UNREACHABLE = "node.kubernetes.io/unreachable";
export const TAINT_UNSCHEDULABLE = "node.kubernetes.io/unschedulable";

/** Condition → status → the taint that keeps pods away from such a node. */
const CONDITION_TAINTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Ready: { False: TAINT_NOT_READY, Unknown: TAINT_UNREACHABLE },
  MemoryPressure: { True: "node.kubernetes.io/memory-pressure" },
  DiskPressure: { True: "node.kubernetes.io/disk-pressure" },
  NetworkUnavailable: { True: "node.kubernetes.io/network-unavailable" },
  PIDPressure: { True: "node.kubernetes.io/pid-pressure" },
};

const NO_SCHEDULE_KEYS: ReadonlySet<string> = new Set([
  TAINT_UNSCHEDULABLE,
  ...Object.values(CONDITION_TAINTS).flatMap((byStatus) => Object.values(byStatus)),
]);

/** The node's taints with those NoSchedule ones that its conditions and spec.unschedulable ask for; undefined: no change. Pure. */
export function withConditionTaints(node: Node, now: number): Taint[] | undefined {
  const wanted = new Set<string>();
  for (const [type, byStatus] of Object.entries(CONDITION_TAINTS)) {
    const key = byStatus[nodeCondition(node, type)?.status ?? ""];
    if (key !== undefined) wanted.add(key);
  }
  if (node.spec?.unschedulable === true) wanted.add(TAINT_UNSCHEDULABLE);
  const current = node.spec?.taints ?? [];
  const ours = (taint: Taint): boolean => taint.effect === "NoSchedule" && NO_SCHEDULE_KEYS.has(taint.key);
  const kept = current.filter((taint) => !ours(taint) || wanted.has(taint.key));
  const present = new Set(kept.filter(ours).map((taint) => taint.key));
  const missing = [...wanted].filter((key) => !present.has(key));
  if (missing.length === 0 && kept.length === current.length) return undefined;
  return [...kept, ...missing.map((key): Taint => ({ key, effect: "NoSchedule", timeAdded: timestamp(now) }))];
}

/** The NoExecute taint that a node of that readiness is to have: undefined for a ready one. */
export function noExecuteKey(ready: string | undefined): string | undefined {
  if (ready === "False") return TAINT_NOT_READY;
  if (ready === "Unknown") return TAINT_UNREACHABLE;
  return undefined;
}

/** The node's taints with exactly `key` of the two NoExecute ones (none of them for undefined); undefined: no change. Pure. */
export function withNoExecuteTaint(node: Node, key: string | undefined, now: number): Taint[] | undefined {
  const current = node.spec?.taints ?? [];
  const ours = (taint: Taint): boolean =>
    taint.effect === "NoExecute" && (taint.key === TAINT_NOT_READY || taint.key === TAINT_UNREACHABLE);
  const kept = current.filter((taint) => !ours(taint) || taint.key === key);
  if (key === undefined || kept.some(ours)) return kept.length === current.length ? undefined : kept;
  return [...kept, { key, effect: "NoExecute", timeAdded: timestamp(now) }];
}

export function hasNoExecuteTaint(node: Node): boolean {
  return withNoExecuteTaint(node, undefined, 0) !== undefined;
}

function timestamp(now: number): string {
  return new Date(now).toISOString().replace(/\.\d+Z$/, "Z");
}
