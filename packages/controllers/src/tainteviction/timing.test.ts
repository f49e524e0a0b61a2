import type { Taint, Toleration } from "@knots/api/core/v1";
import { expect, test } from "vitest";
import { evictionOf } from "./timing.ts";
import type { Eviction } from "./timing.ts";

const a: Taint = { key: "a", effect: "NoExecute" };
const b: Taint = { key: "b", effect: "NoExecute", value: "x" };
const away: Taint = { key: "away", effect: "NoSchedule" };
const tolerate = (key: string, tolerationSeconds?: number): Toleration => ({
  key,
  operator: "Exists",
  effect: "NoExecute",
  ...(tolerationSeconds === undefined ? {} : { tolerationSeconds }),
});

test.each<[string, Taint[], Toleration[], Eviction]>([
  ["no taint", [], [], { kind: "never" }],
  ["a NoSchedule taint", [away], [], { kind: "never" }],
  ["no toleration", [a], [tolerate("b")], { kind: "now" }],
  ["one of two tolerated", [a, b], [tolerate("a", 300)], { kind: "now" }],
  ["tolerated for ever", [a], [tolerate("a")], { kind: "never" }],
  ["tolerated for a while", [a], [tolerate("a", 300)], { kind: "after", ms: 300_000 }],
  ["the shortest counts", [a, b], [tolerate("a", 300), tolerate("b", 5)], { kind: "after", ms: 5000 }],
  ["one for ever, one for a while", [a, b], [tolerate("a"), tolerate("b", 5)], { kind: "after", ms: 5000 }],
  ["for no time", [a], [tolerate("a", 0)], { kind: "after", ms: 0 }],
  ["a negative time", [a], [tolerate("a", -5)], { kind: "after", ms: 0 }],
  ["everything tolerated", [a, b], [{ operator: "Exists" }], { kind: "never" }],
  ["another value", [b], [{ key: "b", operator: "Equal", value: "y" }], { kind: "now" }],
])("%s", (_what, taints, tolerations, want) => {
  expect(evictionOf(taints, tolerations)).toEqual(want);
});
