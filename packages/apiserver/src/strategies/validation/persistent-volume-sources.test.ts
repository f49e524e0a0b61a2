import { describe, expect, it } from "vitest";
import { createErrors, created, infoOf, updated } from "../harness.testing.ts";
import type { Loose } from "../harness.testing.ts";

const volumes = infoOf("persistentvolumes");
const spec = { accessModes: ["ReadWriteOnce"], capacity: { storage: "1Gi" } };
const volume = (source: object, name = "v"): Loose => ({ metadata: { name }, spec: { ...spec, ...source } });
const of = (source: object): string[] => createErrors(volumes, volume(source));
const iscsi = { targetPortal: "p:1", iqn: "iqn.2001-04.com.example:x", lun: 0 };
const nodeAffinity = {
  required: { nodeSelectorTerms: [{ matchExpressions: [{ key: "a", operator: "In", values: ["b"] }] }] },
};

describe("PersistentVolumes made of", () => {
  it.each<[string, object, string[]]>([
    ["nothing", {}, ["spec: must specify a volume type"]],
    ["no disk of Google", { gcePersistentDisk: { pdName: "" } }, ["spec.persistentDisk.pdName: "]],
    ["gluster", { glusterfs: { endpoints: "e", path: "p", endpointsNamespace: "n" } }, []],
    [
      "no gluster",
      { glusterfs: { endpoints: "", path: "", endpointsNamespace: "" } },
      [
        "spec.glusterfs.endpoints: ",
        "spec.glusterfs.path: ",
        "spec.glusterfs.endpointsNamespace: if the endpointnamespace is set, it must be a valid namespace name",
      ],
    ],
    [
      "a unit of iSCSI of another name",
      { iscsi: { ...iscsi, iqn: "nobody", secretRef: {} } },
      ["spec.iscsi.iqn: must be valid format", "spec.iscsi.secretRef.name: "],
    ],
    [
      "a unit of iSCSI that is far away",
      { iscsi: { ...iscsi, targetPortal: "x".repeat(63), initiatorName: iscsi.iqn } },
      [
        "spec.iscsi.targetportal: Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.",
      ],
    ],
    [
      "a disk of OpenStack with half a secret",
      { cinder: { volumeID: "i", secretRef: { name: "s" } } },
      ["spec.cinder.secretRef.namespace: "],
    ],
    [
      "a file of Azure of no namespace",
      { azureFile: { secretName: "s", shareName: "h", secretNamespace: "" } },
      ["spec.azureFile.secretNamespace: "],
    ],
    [
      "storage with half a secret",
      { storageos: { volumeName: "v", secretRef: { name: "s" } } },
      ["spec.storageos.secretRef.namespace: "],
    ],
    ["a directory", { local: { path: "/d" }, nodeAffinity }, []],
    [
      "a directory somewhere",
      { local: { path: "/../d" } },
      ["spec.local.path: must not contain '..'", "spec.nodeAffinity: Local volume requires node affinity"],
    ],
    [
      "a driver's",
      { csi: { driver: "a.example.com", volumeHandle: "h", nodeStageSecretRef: { name: "s", namespace: "n" } } },
      [],
    ],
    [
      "no driver's",
      { csi: { driver: "", volumeHandle: "", controllerExpandSecretRef: { name: "s" }, nodeExpandSecretRef: {} } },
      [
        "spec.csi.driver: ",
        "spec.csi.volumeHandle: ",
        "spec.csi.controllerExpandSecretRef.namespace: ",
        "spec.csi.nodeExpandSecretRef.name: ",
        "spec.csi.nodeExpandSecretRef.namespace: ",
      ],
    ],
    [
      "more than one thing",
      { hostPath: { path: "/x" }, nfs: { server: "s", path: "/p" }, cephfs: { monitors: [] } },
      ["spec.nfs: may not specify more than 1 volume type", "spec.cephFS: may not specify more than 1 volume type"],
    ],
    ["a thing and what a driver adds", { hostPath: { path: "/x" }, flexVolume: { driver: "d" } }, []],
  ])("%s", (_what, source, errors) => expect(of(source)).toEqual(errors));

  it("secrets that can exist", () => {
    const secret = { name: "A", namespace: "B" };
    const errors = of({ csi: { driver: "d", volumeHandle: "h", nodePublishSecretRef: secret } });
    expect(errors).toHaveLength(2);
    expect(errors[0]).toMatch(/^spec\.csi\.nodePublishSecretRef\.name: a lowercase RFC 1123 subdomain/);
    expect(errors[1]).toMatch(/^spec\.csi\.nodePublishSecretRef\.namespace: a lowercase RFC 1123 label/);
  });
});

describe("where a PersistentVolume is", () => {
  const zoned = (key: string): Loose => ({
    required: { nodeSelectorTerms: [{ matchExpressions: [{ key, operator: "In", values: ["z"] }] }] },
  });
  const old = created(
    volumes,
    volume({ local: { path: "/d" }, nodeAffinity: zoned("failure-domain.beta.kubernetes.io/zone") }),
  );
  const change = (affinity: object): string[] =>
    updated(volumes, old, (next) => (next.spec.nodeAffinity = affinity)).errors;

  it("stays, under the new name of its label", () => {
    expect(change(zoned("topology.kubernetes.io/zone"))).toEqual([]);
    expect(change(zoned("topology.kubernetes.io/region"))).toEqual([
      "nodeAffinity: field is immutable, except for updating from beta label to GA",
    ]);
  });

  it("is told of by values of labels, but for those that are stored", () => {
    const impossible = structuredClone(nodeAffinity);
    impossible.required.nodeSelectorTerms[0]!.matchExpressions[0]!.values = ["-"];
    const [error = ""] = of({ local: { path: "/d" }, nodeAffinity: impossible });
    expect(error).toMatch(
      /^spec\.nodeAffinity\.required\.nodeSelectorTerms\[0\]\.matchExpressions\[0\]\.values\[0\]: /,
    );
    const stored = created(volumes, volume({ local: { path: "/d" }, nodeAffinity: impossible }));
    expect(updated(volumes, stored, (next) => (next.metadata.labels = { a: "b" })).errors).toEqual([]);
  });
});
