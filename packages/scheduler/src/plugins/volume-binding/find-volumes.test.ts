import type { PersistentVolume, PersistentVolumeClaim } from "@knots/api/core/v1";
import type { CSIStorageCapacity, StorageClass } from "@knots/api/storage/v1";
import { describe, expect, it } from "vitest";
import { NodeInfo } from "../../framework/node-info.ts";
import { findVolumes, wanting } from "./find-volumes.ts";
import type { Around } from "./find-volumes.ts";
import { Promises } from "./promises.ts";

function node(name: string): NodeInfo {
  const info = new NodeInfo(name);
  info.setNode({ metadata: { name, labels: { host: name } } });
  return info;
}
const claim = (name: string, storage: string, more: object = {}): PersistentVolumeClaim => ({
  metadata: { name, namespace: "ns", uid: name, ...more },
  spec: { storageClassName: "late", accessModes: ["ReadWriteOnce"], resources: { requests: { storage } } },
});
const volume = (name: string, storage: string, host: string, more: object = {}): PersistentVolume => ({
  metadata: { name },
  status: { phase: "Available" },
  spec: {
    storageClassName: "late",
    accessModes: ["ReadWriteOnce"],
    capacity: { storage },
    nodeAffinity: {
      required: { nodeSelectorTerms: [{ matchExpressions: [{ key: "host", operator: "In", values: [host] }] }] },
    },
    ...more,
  },
});
const capacity = (name: string, host: string, more: object): CSIStorageCapacity => ({
  metadata: { name },
  storageClassName: "late",
  nodeTopology: { matchLabels: { host } },
  ...more,
});

interface Given {
  readonly claims: PersistentVolumeClaim[];
  readonly volumes?: PersistentVolume[];
  readonly provisioner?: string;
  readonly more?: Partial<StorageClass>;
  readonly tracked?: boolean;
  readonly capacities?: CSIStorageCapacity[];
  readonly promises?: Promises;
}

function found(given: Given, on = "a"): unknown {
  const { claims, volumes = [], provisioner = "kubernetes.io/no-provisioner", promises = new Promises() } = given;
  const around: Around = {
    storageClass: (name) => (name === "late" ? { metadata: { name }, provisioner, ...given.more } : undefined),
    csiDriver: () => (given.tracked === undefined ? undefined : { spec: { storageCapacity: given.tracked } }),
    storageCapacities: () => given.capacities ?? [],
    isPromised: promises.isPromised.bind(promises),
    promisedNode: promises.promisedNode.bind(promises),
  };
  const result = findVolumes(wanting(claims, volumes), node(on), around);
  if (typeof result === "string") return result;
  return {
    ...Object.fromEntries(result.bindings.map((each) => [each.claim.metadata?.name, each.volume.metadata?.name])),
    ...Object.fromEntries(result.provisions.map((each) => [each.metadata?.name, "new"])),
  };
}

describe("volumes for claims that wait for their first consumer", () => {
  it.each<[string, Given, unknown]>([
    ["none", { claims: [claim("c", "1Gi")] }, "volumes"],
    ["one on the node", { claims: [claim("c", "1Gi")], volumes: [volume("v", "1Gi", "a")] }, { c: "v" }],
    ["one on another node", { claims: [claim("c", "1Gi")], volumes: [volume("v", "1Gi", "b")] }, "volumes"],
    ["one that is too small", { claims: [claim("c", "2Gi")], volumes: [volume("v", "1Gi", "a")] }, "volumes"],
    [
      "the smallest that will do",
      {
        claims: [claim("c", "2Gi")],
        volumes: [volume("l", "9Gi", "a"), volume("m", "3Gi", "a"), volume("s", "1Gi", "a")],
      },
      { c: "m" },
    ],
    [
      "one for each, the smaller claim the smaller volume",
      {
        claims: [claim("big", "5Gi"), claim("small", "1Gi")],
        volumes: [volume("l", "9Gi", "a"), volume("s", "2Gi", "a")],
      },
      { big: "l", small: "s" },
    ],
    ["one for two", { claims: [claim("c", "1Gi"), claim("d", "1Gi")], volumes: [volume("v", "1Gi", "a")] }, "volumes"],
    [
      "one that was put aside before any other",
      {
        claims: [claim("c", "1Gi")],
        volumes: [volume("s", "1Gi", "a"), volume("mine", "5Gi", "a", { claimRef: { namespace: "ns", name: "c" } })],
      },
      { c: "mine" },
    ],
    [
      "one that was put aside for another",
      { claims: [claim("c", "1Gi")], volumes: [volume("v", "1Gi", "a", { claimRef: { namespace: "ns", name: "d" } })] },
      "volumes",
    ],
    ["a provisioner", { claims: [claim("c", "1Gi")], provisioner: "csi.test" }, { c: "new" }],
    [
      "a volume rather than a provisioner",
      { claims: [claim("c", "1Gi")], provisioner: "csi.test", volumes: [volume("v", "1Gi", "a")] },
      { c: "v" },
    ],
    [
      "a provisioner of other places",
      {
        claims: [claim("c", "1Gi")],
        provisioner: "csi.test",
        more: { allowedTopologies: [{ matchLabelExpressions: [{ key: "host", values: ["b", "d"] }] }] },
      },
      "volumes",
    ],
    [
      "a claim that was given to another node already",
      {
        claims: [claim("c", "1Gi", { annotations: { "volume.kubernetes.io/selected-node": "b" } })],
        provisioner: "csi.test",
      },
      "volumes",
    ],
  ])("%s", (_name, given, expected) => {
    expect(found(given)).toEqual(expected);
  });

  const tracked = { claims: [claim("c", "2Gi")], provisioner: "csi.test", tracked: true };
  it.each<[string, Given, unknown]>([
    ["is not asked about where the driver does not publish it", { ...tracked, tracked: false }, { c: "new" }],
    ["is nowhere where nothing is published", tracked, "space"],
    ["is enough", { ...tracked, capacities: [capacity("x", "a", { capacity: "2Gi" })] }, { c: "new" }],
    ["is not enough", { ...tracked, capacities: [capacity("x", "a", { capacity: "1Gi" })] }, "space"],
    ["is elsewhere", { ...tracked, capacities: [capacity("x", "b", { capacity: "9Gi" })] }, "space"],
    [
      "is not in one piece",
      { ...tracked, capacities: [capacity("x", "a", { capacity: "9Gi", maximumVolumeSize: "1Gi" })] },
      "space",
    ],
    ["is unknown", { ...tracked, capacities: [capacity("x", "a", {})] }, "space"],
    [
      "is that of another class",
      { ...tracked, capacities: [{ ...capacity("x", "a", { capacity: "9Gi" }), storageClassName: "other" }] },
      "space",
    ],
    [
      "can be reached from everywhere",
      { ...tracked, capacities: [{ ...capacity("x", "a", { capacity: "9Gi" }), nodeTopology: {} }] },
      { c: "new" },
    ],
  ])("storage %s", (_name, given, expected) => {
    expect(found(given)).toEqual(expected);
  });

  it("that were promised to the claims of a pod on its way are not for others", () => {
    const promises = new Promises();
    const mine = claim("mine", "1Gi");
    const volumes = [volume("v", "1Gi", "a"), volume("w", "2Gi", "a")];
    const promise = { bindings: [{ claim: mine, volume: volumes[0] ?? {} }], provisions: [] };
    promises.make(promise, "a");
    expect(found({ claims: [claim("c", "1Gi")], volumes, promises })).toEqual({ c: "w" });
    // Another pod with the same claim goes to the same node.
    expect(found({ claims: [mine], volumes, promises })).toEqual({ mine: "v" });
    expect(found({ claims: [mine], provisioner: "csi.test", promises }, "b")).toBe("volumes");
    promises.takeBack(promise);
    expect(found({ claims: [claim("c", "1Gi")], volumes, promises })).toEqual({ c: "v" });
  });
});
