import type { Pod } from "@knots/api/core/v1";
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from "@knots/api/policy/v1";
import { formatTime } from "@knots/machinery";
import { isTerminal, isReady } from "../framework/pod-state.ts";
import { timeOf } from "../framework/objects.ts";
import { scaledValue } from "../framework/int-or-percent.ts";

/** An eviction whose pod is still there after this has not happened. */
export const DELETION_TIMEOUT = 2 * 60_000;

export interface DisruptionInput {
  readonly budget: PodDisruptionBudget;
  /** Pods the budget selects. */
  readonly pods: readonly Pod[];
  /** Replicas asked of the owners of those pods, where `needsScale`. */
  readonly expectedScale: number;
  readonly now: number;
}

export interface DisruptionResult {
  readonly status: PodDisruptionBudgetStatus;
  /** Evicted pods that were not deleted in time. */
  readonly notDeleted: readonly Pod[];
  /** Ms until the next eviction is given up; undefined when none is under way. */
  readonly recheckAfterMs?: number;
}

/** Whether the budget is relative to what the owners of its pods are asked for. */
export function needsScale({ spec }: PodDisruptionBudget): boolean {
  return spec?.maxUnavailable !== undefined || typeof spec?.minAvailable === "string";
}

/** How many pods may be disrupted now. Pure. */
export function disruptionStatus(input: DisruptionInput): DisruptionResult {
  const { budget, now } = input;
  const pods = input.pods.filter((pod) => !isTerminal(pod));
  const { expected, desired } = expectedPods(budget, pods, input.expectedScale);
  const disrupted: Record<string, string> = {};
  const notDeleted: Pod[] = [];
  let recheck: number | undefined;
  for (const pod of pods) {
    const name = pod.metadata?.name ?? "";
    const since = timeOf(budget.status?.disruptedPods?.[name]);
    if (since === undefined || pod.metadata?.deletionTimestamp !== undefined) continue;
    const left = since + DELETION_TIMEOUT - now;
    if (left <= 0) notDeleted.push(pod);
    else {
      disrupted[name] = budget.status?.disruptedPods?.[name] ?? "";
      recheck = Math.min(recheck ?? left, left);
    }
  }
  const healthy = pods.filter(
    (pod) =>
      pod.metadata?.deletionTimestamp === undefined && !((pod.metadata?.name ?? "") in disrupted) && isReady(pod),
  ).length;
  const allowed = expected <= 0 ? 0 : Math.max(0, healthy - desired);
  const condition =
    allowed > 0
      ? ({ status: "True", reason: "SufficientPods", message: "" } as const)
      : ({ status: "False", reason: "InsufficientPods", message: "" } as const);
  return {
    status: {
      disruptionsAllowed: allowed,
      currentHealthy: healthy,
      desiredHealthy: desired,
      expectedPods: expected,
      observedGeneration: budget.metadata?.generation ?? 0,
      ...(Object.keys(disrupted).length > 0 ? { disruptedPods: disrupted } : {}),
      conditions: conditionsWith(budget, condition, now),
    },
    notDeleted,
    ...(recheck === undefined ? {} : { recheckAfterMs: recheck }),
  };
}

function expectedPods(
  budget: PodDisruptionBudget,
  pods: readonly Pod[],
  scale: number,
): { expected: number; desired: number } {
  const { minAvailable, maxUnavailable } = budget.spec ?? {};
  if (maxUnavailable !== undefined) {
    return { expected: scale, desired: Math.max(0, scale - scaledValue(maxUnavailable, scale, "up")) };
  }
  if (typeof minAvailable === "number") return { expected: pods.length, desired: minAvailable };
  if (minAvailable === undefined) return { expected: pods.length, desired: 0 };
  return { expected: scale, desired: scaledValue(minAvailable, scale, "up") };
}

/** The status when the counts cannot be told: nothing may be disrupted. */
export function failSafeStatus(budget: PodDisruptionBudget, message: string, now: number): PodDisruptionBudgetStatus {
  const previous = budget.status;
  return {
    currentHealthy: previous?.currentHealthy ?? 0,
    desiredHealthy: previous?.desiredHealthy ?? 0,
    expectedPods: previous?.expectedPods ?? 0,
    ...(previous?.disruptedPods === undefined ? {} : { disruptedPods: previous.disruptedPods }),
    disruptionsAllowed: 0,
    observedGeneration: budget.metadata?.generation ?? 0,
    conditions: conditionsWith(budget, { status: "False", reason: "SyncFailed", message }, now),
  };
}

function conditionsWith(
  budget: PodDisruptionBudget,
  next: { readonly status: "True" | "False"; readonly reason: string; readonly message: string },
  now: number,
): NonNullable<PodDisruptionBudgetStatus["conditions"]> {
  const all = budget.status?.conditions ?? [];
  const current = all.find((condition) => condition.type === "DisruptionAllowed");
  const lastTransitionTime = current?.status === next.status ? current.lastTransitionTime : formatTime(new Date(now));
  return [
    ...all.filter((condition) => condition.type !== "DisruptionAllowed"),
    { type: "DisruptionAllowed", ...next, lastTransitionTime, observedGeneration: budget.metadata?.generation ?? 0 },
  ];
}
