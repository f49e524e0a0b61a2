import type { PersistentVolume, PersistentVolumeClaim } from "@knots/api/core/v1";
import { describe, expect, it } from "vitest";
import { CycleState } from "../framework/cycle-state.ts";
import type { Handle, Listers } from "../framework/handle.ts";
import { NodeInfo } from "../framework/node-info.ts";
import type { FilterPlugin, PreFilterPlugin } from "../framework/plugin.ts";
import { podInfo } from "../framework/pod-info.ts";
import type { PodInfo } from "../framework/pod-info.ts";
import { nodeVolumeLimits } from "./node-volume-limits.ts";
import { volumeZone } from "./volume-zone.ts";

const ZONE = "topology.kubernetes.io/zone";

function pod(name: string, ...claims: string[]): PodInfo {
  const volumes = claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } }));
  return podInfo({ metadata: { name, namespace: "default", uid: name }, spec: { containers: [], volumes } });
}

function node(labels: Record<string, string>, ...pods: PodInfo[]): NodeInfo {
  const info = new NodeInfo("node");
  info.setNode({ metadata: { name: "node", labels } });
  for (const each of pods) info.addPod(each);
  return info;
}

/** Claim "x" is bound to volume "pv-x"; claims that begin with "new" are bound to none. */
function handle(volumes: Record<string, PersistentVolume>, limit?: number): Handle {
  const listers: Partial<Listers> = {
    claim: (namespace, name): PersistentVolumeClaim => ({
      metadata: { name, namespace },
      spec: name.startsWith("new") ? { storageClassName: "fast" } : { volumeName: `pv-${name}` },
    }),
    volume: (name) => volumes[name],
    storageClass: (name) => (name === "fast" ? { provisioner: "csi.test" } : undefined),
    csiNode: () =>
      limit === undefined
        ? undefined
        : { spec: { drivers: [{ name: "csi.test", nodeID: "n", allocatable: { count: limit } }] } },
  };
  return { listers } as Handle;
}

function check(plugin: PreFilterPlugin & FilterPlugin, of: PodInfo, on: NodeInfo): string {
  const state = new CycleState();
  const result = plugin.preFilter(state, of, [on]);
  if (result?.status !== undefined) return result.status.code;
  return plugin.filter(state, of, on)?.reasons.join() ?? "fits";
}

const zoned = (value: string): PersistentVolume => ({ metadata: { name: "pv-a", labels: { [ZONE]: value } } });
const csi = (handleName: string): PersistentVolume => ({
  spec: { csi: { driver: "csi.test", volumeHandle: handleName } },
});

describe("VolumeZone", () => {
  it.each([
    ["the volume's zone", zoned("a"), { [ZONE]: "a" }, "fits"],
    ["another zone", zoned("a"), { [ZONE]: "b" }, "node(s) had no available volume zone"],
    ["one of several zones", zoned("a__b"), { [ZONE]: "b" }, "fits"],
    ["a node without zones", zoned("a"), {}, "fits"],
    [
      "a node that only says its region",
      zoned("a"),
      { "topology.kubernetes.io/region": "r" },
      "node(s) had no available volume zone",
    ],
    ["a volume without zones", {}, { [ZONE]: "b" }, "Skip"],
    [
      "the old label on the volume",
      { metadata: { labels: { "failure-domain.beta.kubernetes.io/zone": "a" } } },
      { [ZONE]: "a" },
      "fits",
    ],
  ])("%s", (_name, volume, labels, expected) => {
    expect(check(volumeZone(handle({ "pv-a": volume })), pod("p", "a"), node(labels))).toBe(expected);
  });

  it("has nothing to say about a pod without claims", () => {
    expect(check(volumeZone(handle({})), pod("p"), node({ [ZONE]: "b" }))).toBe("Skip");
  });
});

describe("NodeVolumeLimits", () => {
  const volumes = { "pv-a": csi("1"), "pv-b": csi("2"), "pv-same": csi("2"), "pv-local": {} };
  const EXCEEDED = "node(s) exceed max volume count";
  it.each([
    ["below the limit", 2, pod("p", "a"), [pod("o", "b")], "fits"],
    ["beyond it", 1, pod("p", "a"), [pod("o", "b")], EXCEEDED],
    ["two of its own beyond it", 1, pod("p", "a", "b"), [], EXCEEDED],
    ["a volume that is attached already", 1, pod("p", "same"), [pod("o", "b")], "fits"],
    ["one still to be provisioned", 1, pod("p", "new"), [pod("o", "b")], EXCEEDED],
    ["a node that names no limit", undefined, pod("p", "a"), [pod("o", "b")], "fits"],
    ["volumes of no driver", 0, pod("p", "local"), [], "Skip"],
  ])("%s", (_name, limit, of, others, expected) => {
    expect(check(nodeVolumeLimits(handle(volumes, limit)), of, node({}, ...others))).toBe(expected);
  });
});
