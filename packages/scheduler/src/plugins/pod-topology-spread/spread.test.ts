import type { Pod, TopologySpreadConstraint } from "@knots/api/core/v1";
import { describe, expect, it } from "vitest";
import { Cache } from "../../cache/cache.ts";
import { CycleState } from "../../framework/cycle-state.ts";
import type { Handle } from "../../framework/handle.ts";
import { podInfo } from "../../framework/pod-info.ts";
import type { PodInfo } from "../../framework/pod-info.ts";
import { constraintsOf } from "./constraint.ts";
import { podTopologySpread } from "./plugin.ts";

const ZONE = "topology.kubernetes.io/zone";
const HOST = "kubernetes.io/hostname";

/** Nodes a1, a2 in zone a and b1 in zone b, with so many pods of the app on each. */
function cluster(pods: Readonly<Record<string, number>>, taintedB = false): Cache {
  const cache = new Cache();
  for (const name of ["a1", "a2", "b1"]) {
    const taints = taintedB && name === "b1" ? [{ key: "k", effect: "NoSchedule" as const }] : [];
    cache.setNode({ metadata: { name, labels: { [ZONE]: name[0] ?? "", [HOST]: name } }, spec: { taints } });
    for (let i = 0; i < (pods[name] ?? 0); i++) cache.assume(pod(`${name}-${i}`), name);
  }
  return cache;
}

function pod(name: string, constraint?: Partial<TopologySpreadConstraint>, spec: Partial<Pod["spec"]> = {}): PodInfo {
  const labels = { app: "web" };
  const constraints =
    constraint === undefined
      ? []
      : [
          {
            maxSkew: 1,
            topologyKey: ZONE,
            whenUnsatisfiable: "DoNotSchedule" as const,
            labelSelector: { matchLabels: labels },
            ...constraint,
          },
        ];
  return podInfo({
    metadata: { name, namespace: "default", uid: name, labels },
    spec: { containers: [], ...spec, topologySpreadConstraints: constraints },
  });
}

function allowed(cache: Cache, of: PodInfo): string[] {
  const handle = { snapshot: () => cache.snapshot() } as unknown as Handle;
  const plugin = podTopologySpread(handle);
  const { nodes } = cache.snapshot();
  const state = new CycleState();
  plugin.preFilter(state, of, nodes);
  return nodes.filter((node) => plugin.filter(state, of, node) === undefined).map(({ name }) => name);
}

function scores(cache: Cache, of: PodInfo): Record<string, number> {
  const handle = { snapshot: () => cache.snapshot() } as unknown as Handle;
  const plugin = podTopologySpread(handle);
  const { nodes } = cache.snapshot();
  const state = new CycleState();
  plugin.preScore(state, of, nodes);
  const values = nodes.map((node) => plugin.score(state, of, node));
  plugin.normalize?.(state, of, values, nodes);
  return Object.fromEntries(nodes.map(({ name }, i) => [name, values[i] ?? 0]));
}

describe("DoNotSchedule", () => {
  it.each<[string, Record<string, number>, Partial<TopologySpreadConstraint>, string[]]>([
    ["anywhere while all are empty", {}, {}, ["a1", "b1", "a2"]],
    ["only the zone that has fewer", { a1: 1 }, {}, ["b1"]],
    ["both zones within the skew", { a1: 1 }, { maxSkew: 2 }, ["a1", "b1", "a2"]],
    ["nodes, when they are the domains", { a1: 1 }, { topologyKey: HOST }, ["b1", "a2"]],
    ["nothing beyond the zones that are missing", { a1: 1, b1: 1 }, { minDomains: 3 }, []],
    ["no node without the label", {}, { topologyKey: "rack" }, []],
  ])("allows %s", (_name, pods, constraint, expected) => {
    expect(allowed(cluster(pods), pod("new", constraint))).toEqual(expected);
  });

  it("does not count nodes that the pod cannot be on", () => {
    const onlyA = { nodeSelector: { [ZONE]: "a" } };
    expect(allowed(cluster({ a1: 3 }), pod("new", {}, onlyA))).toContain("a1");
    expect(allowed(cluster({ a1: 3 }), pod("new", { nodeAffinityPolicy: "Ignore" }, onlyA))).not.toContain("a1");
  });

  it("leaves out tainted nodes where it is to honor taints", () => {
    expect(allowed(cluster({ a1: 3 }, true), pod("new", { nodeTaintsPolicy: "Honor" }))).toContain("a1");
    expect(allowed(cluster({ a1: 3 }, true), pod("new"))).toContain("a1");
    expect(allowed(cluster({ a1: 3 }, true), pod("new", {}))).not.toContain("a1");
  });

  it("takes the pod's own values of matchLabelKeys once, merged into the selector or not", () => {
    const byKey = { labelSelector: {}, matchLabelKeys: ["app", "absent"] };
    const merged = {
      ...byKey,
      labelSelector: { matchExpressions: [{ key: "app", operator: "In" as const, values: ["web"] }] },
    };
    const [own] = constraintsOf(pod("new", byKey).pod, "DoNotSchedule");
    const [given] = constraintsOf(pod("new", merged).pod, "DoNotSchedule");
    expect(String(own?.selector)).toBe("app in (web)");
    expect(String(given?.selector)).toBe("app in (web)");
    expect(allowed(cluster({ a1: 1 }), pod("new", merged))).toEqual(["b1"]);
  });

  it("does not count pods that are on their way out", () => {
    const cache = cluster({});
    const gone = pod("gone");
    const deletionTimestamp = "2026-01-01T00:00:00Z";
    cache.assume(podInfo({ ...gone.pod, metadata: { ...gone.pod.metadata, deletionTimestamp } }), "a1");
    expect(allowed(cache, pod("new", {}))).toContain("a1");
  });
});

describe("ScheduleAnyway", () => {
  const soft = { whenUnsatisfiable: "ScheduleAnyway" as const };

  it("prefers the zone with fewer", () => {
    const { a1 = 0, a2, b1 } = scores(cluster({ a1: 2, a2: 1, b1: 1 }), pod("new", soft));
    expect(a1).toBe(a2);
    expect(b1).toBeGreaterThan(a1);
  });

  it("counts the same where some nodes do not count", () => {
    const cache = cluster({ a1: 2, a2: 1, b1: 1 });
    const everywhere = { nodeSelector: {} };
    const honoring = scores(cache, pod("x", { ...soft, nodeTaintsPolicy: "Honor" }, everywhere));
    expect(honoring).toEqual(scores(cache, pod("y", soft)));
  });

  it("compares nodes by their own pods when they are the domains", () => {
    const { a1, a2 = 0, b1 = 0 } = scores(cluster({ a1: 2, a2: 1 }), pod("new", { ...soft, topologyKey: HOST }));
    expect(b1).toBeGreaterThan(a2);
    expect(a2).toBeGreaterThan(a1 ?? 0);
  });

  it("gives nothing to a node without the label", () => {
    const cache = cluster({ a1: 1 });
    cache.setNode({ metadata: { name: "bare", labels: {} } });
    expect(scores(cache, pod("new", soft))["bare"]).toBe(0);
  });
});
