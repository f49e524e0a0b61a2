import type { Node, PersistentVolume, PersistentVolumeClaim } from "@knots/api/core/v1";
import type { StorageClass } from "@knots/api/storage/v1";
import { describe, expect, test } from "vitest";
import { BIND_COMPLETED, BOUND_BY_CONTROLLER, PROVISIONED_BY, SELECTED_NODE } from "./annotations.ts";
import { boundClaim, boundStatus, boundVolume } from "./binding.ts";
import { decideClaim } from "./claim-decision.ts";
import { defaultClass } from "./controller.ts";
import { bestMatch, mismatch } from "./matching.ts";
import { decideVolume } from "./volume-decision.ts";

type Spec = NonNullable<PersistentVolume["spec"]>;
const claim = (
  spec: PersistentVolumeClaim["spec"] = {},
  annotations: Record<string, string> = {},
): PersistentVolumeClaim => ({
  metadata: { name: "data", namespace: "ns", uid: "c", annotations },
  spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "5Gi" } }, storageClassName: "", ...spec },
});
const volume = (name: string, spec: Spec = {}, more: Partial<PersistentVolume> = {}): PersistentVolume => ({
  metadata: { name, uid: name },
  spec: { capacity: { storage: "10Gi" }, accessModes: ["ReadWriteOnce", "ReadOnlyMany"], ...spec },
  status: { phase: "Available" },
  ...more,
});
const node = (name: string): Node => ({ metadata: { name, uid: name, labels: { zone: name } } });
const onNode = (name: string): Spec => ({
  nodeAffinity: {
    required: { nodeSelectorTerms: [{ matchExpressions: [{ key: "zone", operator: "In", values: [name] }] }] },
  },
});
const ref = (uid?: string, name = "data"): Spec => ({
  claimRef: { namespace: "ns", name, ...(uid === undefined ? {} : { uid }) },
});
const storageClass = (name: string, more: Partial<StorageClass> = {}): StorageClass => ({
  metadata: { name },
  provisioner: "csi.example.com",
  ...more,
});

describe("matching", () => {
  test.each<[string, PersistentVolumeClaim, PersistentVolume[], string | undefined]>([
    ["the smallest that does", claim(), [volume("big"), volume("fit", { capacity: { storage: "6Gi" } })], "fit"],
    ["none large enough", claim(), [volume("a", { capacity: { storage: "1Gi" } })], undefined],
    ["another class", claim(), [volume("a", { storageClassName: "fast" })], undefined],
    ["another mode", claim(), [volume("a", { volumeMode: "Block" })], undefined],
    ["access modes it lacks", claim({ accessModes: ["ReadWriteMany"] }), [volume("a")], undefined],
    ["taken", claim(), [volume("a", ref("x", "other"))], undefined],
    ["not looked at yet", claim(), [volume("a", {}, { status: { phase: "Pending" } })], undefined],
    ["put aside, though larger", claim(), [volume("a", { capacity: { storage: "5Gi" } }), volume("b", ref())], "b"],
    ["put aside and too small", claim(), [volume("b", { ...ref(), capacity: { storage: "1Gi" } })], undefined],
    [
      "by its labels",
      claim({ selector: { matchLabels: { tier: "gold" } } }),
      [volume("a"), volume("b", {}, { metadata: { name: "b", labels: { tier: "gold" } } })],
      "b",
    ],
    ["going", claim(), [volume("a", {}, { metadata: { name: "a", deletionTimestamp: "x" } })], undefined],
  ])("%s", (_what, of, volumes, want) => expect(bestMatch(of, volumes)?.metadata?.name).toBe(want));

  test("from where its pod goes", () => {
    const volumes = [volume("a", onNode("n1")), volume("b", onNode("n2"))];
    expect(bestMatch(claim(), volumes, { node: node("n2") })?.metadata?.name).toBe("b");
    expect(bestMatch(claim(), volumes, { node: node("n3") })).toBeUndefined();
    expect(bestMatch(claim(), volumes, { onlyPrebound: true })).toBeUndefined();
  });

  test.each([
    [{ capacity: { storage: "1Gi" } }, "requested PV is too small"],
    [{ storageClassName: "x" }, "storageClassName does not match"],
    [{ volumeMode: "Block" }, "incompatible volumeMode"],
    [{ accessModes: ["ReadOnlyMany"] }, "incompatible accessMode"],
  ])("%o: %s", (spec, want) => expect(mismatch(volume("a", spec), claim())).toBe(want));
});

describe("a claim", () => {
  const decide = (
    of: PersistentVolumeClaim,
    volumes: PersistentVolume[] = [],
    classes: StorageClass[] = [],
    waitingPod?: string,
  ) => {
    const decision = decideClaim(of, {
      volumes,
      volume: (name) => volumes.find(({ metadata }) => metadata?.name === name),
      storageClass: (name) => classes.find(({ metadata }) => metadata?.name === name),
      defaultClass: defaultClass(classes),
      node,
      waitingPod,
    });
    const event = "event" in decision ? [decision.event?.reason, decision.event?.message] : undefined;
    return [decision.do, "volume" in decision ? decision.volume.metadata?.name : event];
  };
  const waiting = [storageClass("late", { volumeBindingMode: "WaitForFirstConsumer" })];
  const completed = { [BIND_COMPLETED]: "yes" };

  test.each<[string, unknown[], unknown]>([
    ["finds one", decide(claim(), [volume("a")]), ["bind", "a"]],
    [
      "finds none",
      decide(claim()),
      ["wait", ["FailedBinding", "no persistent volumes available for this claim and no storage class is set"]],
    ],
    [
      "waits for its consumer",
      decide(claim({ storageClassName: "late" }), [volume("a", { storageClassName: "late" })], waiting),
      ["wait", ["WaitForFirstConsumer", "waiting for first consumer to be created before binding"]],
    ],
    [
      "waits for its consumer's node",
      decide(claim({ storageClassName: "late" }), [], waiting, "p"),
      ["wait", ["WaitForPodScheduled", "waiting for pod p to be scheduled"]],
    ],
    [
      "whose consumer has a node",
      decide(
        claim({ storageClassName: "late" }, { [SELECTED_NODE]: "n2" }),
        [
          volume("a", { storageClassName: "late", ...onNode("n1") }),
          volume("b", { storageClassName: "late", ...onNode("n2") }),
        ],
        waiting,
      ),
      ["bind", "b"],
    ],
    [
      "of no class that there is",
      decide(claim({ storageClassName: "gone" })),
      ["wait", ["ProvisioningFailed", 'storageclass.storage.k8s.io "gone" not found']],
    ],
    ["names a volume that is not there", decide(claim({ volumeName: "a" })), ["wait", undefined]],
    ["names one", decide(claim({ volumeName: "a" }), [volume("a")]), ["bind", "a"]],
    [
      "names one that will not do",
      decide(claim({ volumeName: "a" }), [volume("a", { volumeMode: "Block" })]),
      ["wait", ["VolumeMismatch", 'Cannot bind to requested volume "a": incompatible volumeMode']],
    ],
    [
      "names another's",
      decide(claim({ volumeName: "a" }), [volume("a", ref("x", "other"))]),
      ["wait", ["FailedBinding", 'claim ns/data: volume "a" already bound to a different claim.']],
    ],
    ["is bound", decide(claim({ volumeName: "a" }, completed), [volume("a", ref("c"))]), ["bind", "a"]],
    [
      "lost its volume",
      decide(claim({ volumeName: "a" }, completed)),
      ["lose", ["ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!"]],
    ],
    [
      "is bound to what is another's",
      decide(claim({ volumeName: "a" }, completed), [volume("a", ref("x"))]),
      ["lose", ["ClaimMisbound", "Two claims are bound to the same volume, this one is bound incorrectly"]],
    ],
  ])("%s", (_what, decision, want) => expect(decision).toEqual(want));

  test("a volume is asked for from who makes them", () => {
    const classes = [storageClass("fast")];
    const decision = decideClaim(claim({ storageClassName: "fast" }), {
      volumes: [],
      volume: () => undefined,
      storageClass: () => classes[0],
      defaultClass: undefined,
      node,
    });
    expect(decision).toMatchObject({ provisioner: "csi.example.com", event: { reason: "ExternalProvisioning" } });
  });

  test("without a class takes the default one", () => {
    const { storageClassName: _, ...spec } = claim().spec ?? {};
    const annotations = { "storageclass.kubernetes.io/is-default-class": "true" };
    const old = { name: "old", annotations, creationTimestamp: "2025-01-01T00:00:00Z" };
    const fresh = { name: "new", annotations, creationTimestamp: "2026-01-01T00:00:00Z" };
    const classes = [storageClass("old", { metadata: old }), storageClass("new", { metadata: fresh })];
    expect(defaultClass(classes)).toBe("new");
    const decision = decideClaim(
      { ...claim(), spec },
      {
        volumes: [],
        volume: () => undefined,
        storageClass: () => undefined,
        defaultClass: defaultClass(classes),
        node,
      },
    );
    expect(decision).toEqual({ do: "assignClass", className: "new" });
  });
});

describe("a volume", () => {
  const provisioned = { metadata: { name: "a", annotations: { [PROVISIONED_BY]: "csi.example.com" } } };
  test.each<[string, PersistentVolume, PersistentVolumeClaim | undefined, object]>([
    ["free", volume("a"), undefined, { phase: "Available" }],
    ["put aside", volume("a", ref()), claim(), { phase: "Available", wakeClaim: true }],
    ["bound", volume("a", ref("c")), claim({ volumeName: "a" }), { phase: "Bound" }],
    ["half bound", volume("a", ref("c")), claim(), { wakeClaim: true }],
    ["of a claim that took another", volume("a", ref("c")), claim({ volumeName: "b" }), { unbind: "uid" }],
    [
      "the same, and the controller's doing",
      volume("a", ref("c"), { metadata: { name: "a", annotations: { [BOUND_BY_CONTROLLER]: "yes" } } }),
      claim({ volumeName: "b" }),
      { unbind: "all", phase: "Available" },
    ],
    ["kept", volume("a", { ...ref("c"), persistentVolumeReclaimPolicy: "Retain" }), undefined, { phase: "Released" }],
    ["of a claim made anew", volume("a", ref("old")), claim({ volumeName: "a" }), { phase: "Released" }],
    [
      "to be deleted by who made it",
      volume("a", { ...ref("c"), persistentVolumeReclaimPolicy: "Delete" }, provisioned),
      undefined,
      { phase: "Released" },
    ],
    [
      "to be deleted, nobody knows how",
      volume("a", { ...ref("c"), persistentVolumeReclaimPolicy: "Delete" }),
      undefined,
      { phase: "Failed", event: { reason: "VolumeFailedDelete" } },
    ],
  ])("%s", (_what, of, its, want) => expect(decideVolume(of, its)).toMatchObject(want));
});

test("binding writes what each has to know of the other, and only once", () => {
  const bound = boundVolume(volume("a"), claim());
  expect(bound?.spec?.claimRef).toEqual({
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    namespace: "ns",
    name: "data",
    uid: "c",
  });
  expect(bound?.metadata?.annotations).toEqual({ [BOUND_BY_CONTROLLER]: "yes" });
  expect(boundVolume(volume("a", ref()), claim())?.metadata?.annotations).toEqual({});
  expect(boundVolume(volume("a", ref("c")), claim())).toBeUndefined();
  const of = boundClaim(claim(), volume("a"));
  expect(of?.spec?.volumeName).toBe("a");
  expect(of?.metadata?.annotations).toEqual({ [BIND_COMPLETED]: "yes", [BOUND_BY_CONTROLLER]: "yes" });
  expect(boundClaim(of as PersistentVolumeClaim, volume("a"))).toBeUndefined();
  expect(boundClaim(claim({ volumeName: "a" }), volume("a"))?.metadata?.annotations).toEqual({
    [BIND_COMPLETED]: "yes",
  });
  expect(boundStatus(claim(), volume("a"))).toEqual({
    phase: "Bound",
    accessModes: ["ReadWriteOnce", "ReadOnlyMany"],
    capacity: { storage: "10Gi" },
  });
});
