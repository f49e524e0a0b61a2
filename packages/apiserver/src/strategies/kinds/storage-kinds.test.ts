// Storage classes and what drivers tell of themselves, in upstream's words.
import { describe, expect, it } from "vitest";
import { createErrors, created, createMessages, infoOf, updated } from "../harness.testing.ts";
import type { Loose } from "../harness.testing.ts";

const named = (resource: string, body: object, name = "n"): string[] =>
  createMessages(infoOf(resource), { metadata: { name, namespace: "default" }, ...body });
const change = (resource: string, body: object, edit: (obj: Loose) => void, subresource = "") => {
  const info = infoOf(resource);
  const namespace = info.namespaced ? { namespace: "default" } : {};
  return updated(info, created(info, { metadata: { name: "n", ...namespace }, ...body }), edit, subresource);
};

describe("StorageClass", () => {
  const provisioner = "a.io";
  const term = (...values: string[]): object => ({ matchLabelExpressions: [{ key: "k", values }] });

  it("names each repeated term of its topologies once", () => {
    const at = "allowedTopologies";
    const duplicate = (index: number): string => `${at}[${index}].matchLabelExpressions: Duplicate value: ""`;
    const of = (...allowedTopologies: object[]): string[] =>
      createMessages(infoOf("storageclasses"), { metadata: { name: "n" }, provisioner, allowedTopologies });
    expect(of(term("a"), term("b"), term("a", "b"))).toEqual([]);
    expect(of(term("a", "b"), term("b", "a"), term("a", "b"))).toEqual([duplicate(1), duplicate(2)]);
    expect(of({})).toEqual([duplicate(0)]);
  });

  it("compares no term with all others, of which there may be many", () => {
    const allowedTopologies = Array.from({ length: 60_000 }, (_, index) => term(`v${index}`));
    const metadata = { name: "n" };
    expect(createErrors(infoOf("storageclasses"), { metadata, provisioner, allowedTopologies })).toEqual([]);
  });

  it("stays as it was made", () => {
    const { messages } = change("storageclasses", { provisioner, parameters: { a: "b" } }, (each) => {
      each.parameters = { a: "c" };
      each.provisioner = "b.io";
      each.reclaimPolicy = "Retain";
      each.volumeBindingMode = "WaitForFirstConsumer";
      each.allowVolumeExpansion = true;
    });
    expect(messages).toEqual([
      'parameters: Invalid value: {"a":"c"}: field is immutable',
      'provisioner: Invalid value: "b.io": field is immutable',
      'reclaimPolicy: Invalid value: "Retain": field is immutable',
      'volumeBindingMode: Invalid value: "WaitForFirstConsumer": field is immutable',
    ]);
  });
});

describe("CSIDriver", () => {
  it("may have capital letters in its name", () => {
    const of = (name: string, spec: object = {}): string[] =>
      createMessages(infoOf("csidrivers"), { metadata: { name }, spec });
    expect(of("Disk.Example.com")).toEqual([]);
    expect(of(`${"a".repeat(60)}.io/`).map((text) => text.slice(0, 52))).toEqual(
      [
        'metadata.name: Invalid value: "aaaaaaaaaaaaaaaaaaaaa',
        "name: Too long: may not be more than 63 bytes",
        'name: Invalid value: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
      ].map((text) => text.slice(0, 52)),
    );
    expect(of("d", { serviceAccountTokenInSecrets: true })).toEqual([
      "spec.serviceAccountTokenInSecrets: Invalid value: true: serviceAccountTokenInSecrets is set but no tokenRequests are specified",
    ]);
    expect(of("d", { serviceAccountTokenInSecrets: true, tokenRequests: [{ audience: "a" }] })).toEqual([]);
  });

  it("counts its changes", () => {
    const { next } = change("csidrivers", { spec: {} }, (each) => (each.spec.requiresRepublish = true));
    expect(next.metadata.generation).toBe(2);
  });
});

it("a CSINode's drivers are looked at one by one", () => {
  const node = (...drivers: object[]): string[] =>
    createMessages(infoOf("csinodes"), { metadata: { name: "n" }, spec: { drivers } });
  expect(
    node({ name: "d", nodeID: "a", topologyKeys: ["/"] }, { name: "d", nodeID: "b" }).map((each) => each.slice(0, 41)),
  ).toEqual(
    [
      'spec.drivers[0]: Invalid value: "/": pref',
      'spec.drivers[0]: Invalid value: "/": name',
      'spec.drivers[0]: Invalid value: "/": name',
      'spec.drivers[1].name: Duplicate value: "d"',
    ].map((each) => each.slice(0, 41)),
  );
  expect(node({ name: "", nodeID: "a" })).toEqual(["spec.drivers[0].name: Required value"]);
  const spec = { drivers: [{ name: "d", nodeID: "a", allocatable: { count: 1 } }] };
  expect(change("csinodes", { spec }, (each) => (each.spec.drivers[0].allocatable.count = 2)).messages).toEqual([]);
  expect(change("csinodes", { spec }, (each) => (each.spec.drivers[0].nodeID = "b")).errors).toEqual([
    "spec.drivers: field is immutable",
  ]);
});

describe("VolumeAttachment", () => {
  const attachment = (spec: object) => ({ spec: { attacher: "a.io", nodeName: "n", ...spec } });
  const source = { persistentVolumeName: "p" };

  it("wants what it attaches to be whole", () => {
    const of = (spec: object): string[] =>
      createMessages(infoOf("volumeattachments"), { metadata: { name: "n" }, ...attachment(spec) });
    expect(of({ source })).toEqual([]);
    expect(of({ source, attacher: "" })).toEqual(["spec.attacher: Required value"]);
    expect(
      of({
        source: {
          inlineVolumeSpec: {
            capacity: { storage: "1Gi" },
            claimRef: { name: "c" },
            accessModes: ["ReadWriteOnce"],
            persistentVolumeReclaimPolicy: "Delete",
            storageClassName: "s",
            volumeMode: "Block",
            nodeAffinity: {},
            nfs: { server: "s", path: "/p" },
          },
        },
      }),
    ).toEqual([
      "spec.source.inlineVolumeSpec.claimRef: Forbidden: may not be specified in the context of inline volumes",
      "spec.source.inlineVolumeSpec.capacity: Forbidden: may not be specified in the context of inline volumes",
      "spec.source.inlineVolumeSpec.csi: Required value: has to be specified in the context of inline volumes",
      "spec.source.inlineVolumeSpec.persistentVolumeReclaimPolicy: Forbidden: may only be Retain in the context of inline volumes",
      "spec.source.inlineVolumeSpec.nodeAffinity: Forbidden: may not be specified in the context of inline volumes",
      "spec.source.inlineVolumeSpec.storageClassName: Forbidden: may not be specified in the context of inline volumes",
      "spec.source.inlineVolumeSpec.volumeMode: Forbidden: may not specify volumeMode other than Filesystem in the context of inline volumes",
    ]);
    const csi = { driver: "d", volumeHandle: "v" };
    expect(of({ source: { inlineVolumeSpec: { accessModes: ["ReadWriteOnce"], csi } } })).toEqual([]);
  });

  it("keeps its metadata when its status changes", () => {
    const { next } = change(
      "volumeattachments",
      attachment({ source }),
      (each) => {
        each.metadata.finalizers = ["a/b"];
        each.status = { attached: true };
      },
      "status",
    );
    expect(next.metadata.finalizers).toBeUndefined();
    expect(next.status).toEqual({ attached: true });
  });
});

it("a CSIStorageCapacity is checked when it changes, too", () => {
  const bad = { matchExpressions: [{ key: "k", operator: "In", values: ["-"] }] };
  const body = { storageClassName: "s", capacity: "1" };
  expect(change("csistoragecapacities", body, (each) => (each.capacity = "-1")).errors).toEqual([
    "capacity: must be greater than or equal to 0",
  ]);
  expect(named("csistoragecapacities", { ...body, nodeTopology: bad })).toHaveLength(1);
  expect(
    change("csistoragecapacities", { ...body, nodeTopology: bad }, (each) => (each.capacity = "2")).errors,
  ).toEqual([]);
});
