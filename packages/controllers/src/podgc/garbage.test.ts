import type { Node, Pod } from "@knots/api/core/v1";
import { describe, expect, test } from "vitest";
import { withDisruptionTarget } from "./disruption-target.ts";
import { MissingNodes, onNodesOutOfService, overThreshold, QUARANTINE, unscheduledTerminating } from "./garbage.ts";

const pod = (name: string, more: { phase?: string; born?: string; going?: boolean; node?: string } = {}): Pod => ({
  metadata: {
    name,
    namespace: "ns",
    uid: name,
    creationTimestamp: more.born ?? "2026-11-24T10:00:00Z",
    ...(more.going ? { deletionTimestamp: "2026-11-24T10:00:00Z" } : {}),
  },
  spec: { containers: [], ...(more.node === undefined ? {} : { nodeName: more.node }) },
  status: { phase: (more.phase ?? "Running") as never },
});
const names = (list: readonly Pod[]): (string | undefined)[] => list.map(({ metadata }) => metadata?.name);

describe("terminated pods", () => {
  const all = [
    pod("young", { phase: "Succeeded", born: "2026-11-24T10:00:02Z" }),
    pod("runs"),
    pod("old", { phase: "Failed", born: "2026-11-24T10:00:01Z" }),
    pod("oldest", { phase: "Succeeded", born: "2026-11-24T10:00:00Z" }),
  ];
  test.each([
    [0, []],
    [1, ["oldest", "old"]],
    [2, ["oldest"]],
    [3, []],
  ])("threshold %d deletes %j", (threshold, want) => expect(names(overThreshold(all, threshold))).toEqual(want));
});

test("pods under deletion without a node", () => {
  const all = [pod("a", { going: true }), pod("b", { going: true, node: "n" }), pod("c")];
  expect(names(unscheduledTerminating(all))).toEqual(["a"]);
});

test("pods on nodes out of service", () => {
  const node = (ready: string, tainted: boolean): Node => ({
    spec: tainted ? { taints: [{ key: "node.kubernetes.io/out-of-service", effect: "NoExecute" }] } : {},
    status: { conditions: [{ type: "Ready", status: ready }] },
  });
  const nodes = new Map([
    ["out", node("Unknown", true)],
    ["back", node("True", true)],
    ["lost", node("Unknown", false)],
  ]);
  const all = [...nodes.keys(), "gone"].map((name) => pod(`on-${name}`, { going: true, node: name }));
  expect(names(onNodesOutOfService([...all, pod("stays", { node: "out" })], (name) => nodes.get(name)))).toEqual([
    "on-out",
  ]);
});

test("a node must be missing through the whole quarantine", () => {
  const missing = new MissingNodes();
  const look = (now: number, ...existing: string[]) =>
    missing.observe(["a", "b"], (name) => existing.includes(name), now);
  expect(look(0, "b")).toEqual([]);
  expect(look(QUARANTINE - 1, "b")).toEqual([]);
  expect(look(QUARANTINE)).toEqual(["a"]);
  expect(look(QUARANTINE + 1, "a")).toEqual([]);
  expect(look(2 * QUARANTINE)).toEqual(["b"]);
});

test("DisruptionTarget: written once, and failing only what has not ended", () => {
  const why = { reason: "DeletionByPodGC", message: "PodGC: node no longer exists", fail: true };
  const marked = withDisruptionTarget(pod("a"), why, 0);
  expect(marked?.status).toMatchObject({
    phase: "Failed",
    conditions: [{ type: "DisruptionTarget", status: "True", reason: "DeletionByPodGC" }],
  });
  expect(withDisruptionTarget(marked ?? {}, why, 1)).toBeUndefined();
  expect(withDisruptionTarget(pod("b", { phase: "Succeeded" }), why, 0)?.status?.phase).toBe("Succeeded");
});
