import { FakeClock } from "@knots/machinery";
import { expect, it } from "vitest";
import { podInfo } from "./pod-info.ts";
import { WaitingPods } from "./waiting-pods.ts";

const pod = podInfo({ metadata: { name: "p", namespace: "ns", uid: "u" }, spec: { containers: [] } });
const both = [
  { plugin: "A", timeoutMs: 1000 },
  { plugin: "B", timeoutMs: 5000 },
];

it("a pod goes on once all that hold it allow it", async () => {
  const all = new WaitingPods(new FakeClock());
  const waiting = all.add(pod, "n", both);
  waiting.allow("A");
  expect([waiting.pendingPlugins, all.size]).toEqual([["B"], 1]);
  all.get("u")?.allow("B");
  expect(await waiting.settled).toBeUndefined();
  expect(all.size).toBe(0);
});

it("one rejection is enough, and the first word counts", async () => {
  const all = new WaitingPods(new FakeClock());
  const waiting = all.add(pod, "n", both);
  expect(all.reject("u", "B", "no")).toBe(true);
  waiting.allow("A");
  expect(await waiting.settled).toEqual({
    code: "Unschedulable",
    reasons: ['pod "p" rejected while waiting on permit: no'],
    plugin: "B",
  });
  expect(all.reject("u", "B", "no")).toBe(false);
});

it("the shortest patience ends the wait", async () => {
  const clock = new FakeClock();
  const waiting = new WaitingPods(clock).add(pod, "n", both);
  await clock.advance(1000);
  expect((await waiting.settled)?.reasons).toEqual([
    'pod "p" rejected while waiting on permit: rejected due to timeout after waiting 1s at plugin A',
  ]);
});
