import type { Pod } from "@knots/api/core/v1";
import type { PodDisruptionBudget } from "@knots/api/policy/v1";
import { describe, expect, test } from "vitest";
import { disruptionStatus, failSafeStatus } from "./status.ts";

const NOW = Date.parse("2026-11-24T12:00:00Z");

function budget(spec: PodDisruptionBudget["spec"], disruptedPods: Record<string, string> = {}): PodDisruptionBudget {
  return {
    metadata: { name: "b", namespace: "ns", uid: "b", generation: 3 },
    ...(spec === undefined ? {} : { spec }),
    status: { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0, disruptedPods },
  };
}

function pods(ready: number, unready = 0): Pod[] {
  return Array.from({ length: ready + unready }, (_, i) => ({
    metadata: { name: `p${i}` },
    status: { phase: "Running", conditions: i < ready ? [{ type: "Ready", status: "True" }] : [] },
  }));
}

const counts = (spec: PodDisruptionBudget["spec"], list: Pod[], scale = list.length) => {
  const { status } = disruptionStatus({ budget: budget(spec), pods: list, expectedScale: scale, now: NOW });
  return [status.disruptionsAllowed, status.currentHealthy, status.desiredHealthy, status.expectedPods];
};

test.each([
  [{ minAvailable: 2 }, pods(3), [1, 3, 2, 3]],
  [{ minAvailable: 3 }, pods(3), [0, 3, 3, 3]],
  [{ minAvailable: "50%" }, pods(3), [1, 3, 2, 3]],
  [{ maxUnavailable: 1 }, pods(2, 1), [0, 2, 2, 3]],
  [{ maxUnavailable: "34%" }, pods(3), [2, 3, 1, 3]],
  [{ minAvailable: 0 }, pods(0), [0, 0, 0, 0]],
])("%j", (spec, list, want) => {
  expect(counts(spec, list)).toEqual(want);
});

describe("evictions under way", () => {
  test("count as gone until they time out", () => {
    const spec = { minAvailable: 1 };
    const recent = disruptionStatus({
      budget: budget(spec, { p0: "2026-11-24T11:59:00Z" }),
      pods: pods(2),
      expectedScale: 2,
      now: NOW,
    });
    expect(recent).toMatchObject({ status: { disruptionsAllowed: 0, currentHealthy: 1 }, recheckAfterMs: 60_000 });
    const old = disruptionStatus({
      budget: budget(spec, { p0: "2026-11-24T11:57:00Z" }),
      pods: pods(2),
      expectedScale: 2,
      now: NOW,
    });
    expect(old.status.disruptionsAllowed).toBe(1);
    expect(old.notDeleted.map(({ metadata }) => metadata?.name)).toEqual(["p0"]);
  });
});

test("what cannot be told allows nothing", () => {
  const status = failSafeStatus(budget({ maxUnavailable: 1 }), "found no controllers", NOW);
  expect(status).toMatchObject({ disruptionsAllowed: 0, conditions: [{ status: "False", reason: "SyncFailed" }] });
});
