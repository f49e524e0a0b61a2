import { describe, expect, it } from "vitest";
import type { Strategy, StrategyContext } from "../strategies/types.ts";
import { decideDeletion, isFinished } from "./deletion.ts";
import type { StoredObject } from "./metadata.ts";

const ctx = { now: Date.parse("2026-01-01T00:00:00Z") } as StrategyContext;
const graceful: Strategy = {
  gracefulDeletion: (_object, options) => ({ graceSeconds: options.gracePeriodSeconds ?? 30 }),
};

function object(metadata: StoredObject["metadata"] = {}, extra: object = {}): StoredObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "x", ...metadata }, ...extra };
}

describe("decideDeletion", () => {
  it("removes what nothing holds", () => {
    expect(decideDeletion(object(), {}, {}, ctx)).toEqual({ action: "remove" });
  });

  it("keeps what has finalizers, marked", () => {
    const decision = decideDeletion(object({ finalizers: ["a/b"], generation: 1 }), {}, {}, ctx);
    expect(decision).toMatchObject({
      action: "update",
      next: { metadata: { deletionTimestamp: "2026-01-01T00:00:00Z", deletionGracePeriodSeconds: 0, generation: 2 } },
    });
  });

  it("adds the finalizer of the propagation policy", () => {
    const finalizers = (policy: string): unknown => {
      const decision = decideDeletion(object({ finalizers: ["a/b"] }), { propagationPolicy: policy }, {}, ctx);
      return decision.action === "update" ? decision.next.metadata.finalizers : decision.action;
    };
    expect(finalizers("Foreground")).toEqual(["a/b", "foregroundDeletion"]);
    expect(finalizers("Orphan")).toEqual(["a/b", "orphan"]);
    expect(decideDeletion(object({ finalizers: ["orphan"] }), { propagationPolicy: "Background" }, {}, ctx)).toEqual({
      action: "remove",
    });
  });

  it("orphans the dependents of Jobs unless told otherwise", () => {
    const job = { ...object(), apiVersion: "batch/v1", kind: "Job" };
    expect(decideDeletion(job, {}, {}, ctx)).toMatchObject({
      action: "update",
      next: { metadata: { finalizers: ["orphan"] } },
    });
    expect(decideDeletion(job, { propagationPolicy: "Background" }, {}, ctx)).toEqual({ action: "remove" });
  });

  it("sets a grace period, which can only get shorter", () => {
    const first = decideDeletion(object(), {}, graceful, ctx);
    expect(first).toMatchObject({
      action: "update",
      next: { metadata: { deletionTimestamp: "2026-01-01T00:00:30Z", deletionGracePeriodSeconds: 30 } },
    });
    const terminating = first.action === "update" ? first.next : object();
    expect(decideDeletion(terminating, {}, graceful, ctx)).toEqual({ action: "nothing" });
    expect(decideDeletion(terminating, { gracePeriodSeconds: 60 }, graceful, ctx)).toEqual({ action: "nothing" });
    expect(decideDeletion(terminating, { gracePeriodSeconds: 10 }, graceful, ctx)).toMatchObject({
      action: "update",
      next: { metadata: { deletionTimestamp: "2026-01-01T00:00:10Z", deletionGracePeriodSeconds: 10 } },
    });
    expect(decideDeletion(terminating, { gracePeriodSeconds: 0 }, graceful, ctx)).toEqual({ action: "remove" });
  });

  it("keeps a namespace while its spec has finalizers", () => {
    const namespace = {
      ...object({}, { spec: { finalizers: ["kubernetes"] }, status: { phase: "Active" } }),
      kind: "Namespace",
    };
    const decision = decideDeletion(namespace, {}, {}, ctx);
    expect(decision).toMatchObject({ action: "update", next: { status: { phase: "Terminating" } } });
    const next = decision.action === "update" ? decision.next : object();
    expect(isFinished(next)).toBe(false);
    expect(isFinished({ ...next, spec: {} } as StoredObject)).toBe(true);
  });
});
