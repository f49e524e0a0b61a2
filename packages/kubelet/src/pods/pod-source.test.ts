import type { Pod } from "@knots/api/core/v1";
import { nullLogger } from "@knots/machinery";
import { expect, it } from "vitest";
import { podChanges } from "./pod-source.ts";
import type { PodChangesOptions } from "./pod-source.ts";

/** What is done with a change: "update" asks the pod's worker to look again, "note" only shows it the object. */
function whatIsDone(old: Pod, pod: Pod): string[] {
  const done: string[] = [];
  const options: PodChangesOptions = {
    workers: { update: () => done.push("update"), note: () => done.push("note") } as never,
    statuses: { observe: () => done.push("observe") } as never,
    mirrors: {} as never,
    objects: { invalidate: () => undefined } as never,
    logger: nullLogger,
    staticPodsKnown: () => true,
  };
  podChanges(options).update(old, pod);
  return done;
}

const gated = (status: string | undefined, ours = "True"): Pod => ({
  metadata: { name: "p", namespace: "n", uid: "u" },
  spec: { containers: [{ name: "c", image: "i" }], readinessGates: [{ conditionType: "example.com/gate" }] },
  status: {
    conditions: [
      { type: "ContainersReady", status: ours },
      ...(status === undefined ? [] : [{ type: "example.com/gate", status }]),
    ],
  },
});

it("looks again at a pod when others say that it may be ready, or no more", () => {
  expect(whatIsDone(gated(undefined), gated("True"))).toEqual(["observe", "update"]);
  expect(whatIsDone(gated("True"), gated("False"))).toEqual(["observe", "update"]);
});

it("does nothing for what it has written itself", () => {
  expect(whatIsDone(gated("True", "False"), gated("True", "True"))).toEqual(["observe", "note"]);
});

it("looks again at a pod whose labels, annotations or specification changed", () => {
  const pod = gated("True");
  for (const metadata of [{ labels: { a: "b" } }, { annotations: { a: "b" } }])
    expect(whatIsDone(pod, { ...pod, metadata: { ...pod.metadata, ...metadata } })).toEqual(["observe", "update"]);
  expect(whatIsDone(pod, { ...pod, spec: { containers: [{ name: "c", image: "other" }] } })).toEqual([
    "observe",
    "update",
  ]);
});
