// PersistentVolumes and claims: what new ones ask for, what may change, what status may say.
import { describe, expect, it } from "vitest";
import { context, createErrors, created, infoOf, updated } from "../harness.testing.ts";
import type { Loose } from "../harness.testing.ts";
import { strategyFor } from "../index.ts";

const subdomain = /a lowercase RFC 1123 subdomain/;
const firstLines = (errors: string[]): string[] =>
  errors.map((error) => error.replace(subdomain, "SUBDOMAIN").slice(0, 110));

describe("a volume", () => {
  const info = infoOf("persistentvolumes");
  const volume = (spec: object, annotations: Record<string, string> = {}): Loose => ({
    metadata: { name: "v", annotations },
    spec: { accessModes: ["ReadWriteOnce"], capacity: { storage: "1Gi" }, ...spec },
  });
  const hostPath = { path: "/x" };
  const csi = { driver: "d.io", volumeHandle: "h" };
  const cases: [string, Loose, string[]][] = [
    ["that is one", volume({ hostPath }), []],
    [
      "of nothing",
      { metadata: { name: "v" }, spec: {} },
      [
        "spec.accessModes: ",
        "spec.capacity: ",
        'spec.capacity: supported values: "storage"',
        "spec: must specify a volume type",
      ],
    ],
    [
      "of two kinds",
      volume({ csi, hostPath, nfs: { server: "s", path: "p" } }),
      ["spec.nfs: may not specify more than 1 volume type", "spec.csi: may not specify more than 1 volume type"],
    ],
    [
      "with odd modes and sizes",
      volume({ hostPath, accessModes: ["ReadWriteOncePod", "Any", "ReadWriteOnce"], capacity: { storage: "-1" } }),
      [
        'spec.accessModes: supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"',
        "spec.accessModes: may not use ReadWriteOncePod with other access modes",
        "spec.capacity[storage]: must be a valid resource quantity",
        "spec.capacity[storage]: must be greater than zero",
      ],
    ],
    [
      "of a path on some node",
      volume({ local: { path: "/a/../b" } }),
      ["spec.local.path: must not contain '..'", "spec.nodeAffinity: Local volume requires node affinity"],
    ],
    [
      "on no node",
      volume({ hostPath, nodeAffinity: {} }),
      ["spec.nodeAffinity.required: must specify required node constraints"],
    ],
    [
      "that would recycle a node",
      volume({ hostPath: { path: "//" }, persistentVolumeReclaimPolicy: "Recycle" }),
      ["spec.persistentVolumeReclaimPolicy: may not be 'recycle' for a hostPath mount of '/'"],
    ],
    [
      "with secrets of nobody",
      volume({ csi: { ...csi, nodeExpandSecretRef: { name: "a" } } }),
      ["spec.csi.nodeExpandSecretRef.namespace: "],
    ],
    [
      "with attributes that only drivers know",
      volume({ hostPath, volumeAttributesClassName: "" }),
      [
        "spec.volumeAttributesClassName: an empty string is disallowed",
        "spec.csi: has to be specified when using volumeAttributesClassName",
      ],
    ],
    [
      "with options of old",
      volume({ hostPath }, { "volume.beta.kubernetes.io/mount-options": "ro" }),
      [
        "metadata.annotations.volume.beta.kubernetes.io/mount-options: may not specify mount options for this volume type",
      ],
    ],
  ];
  it.each(cases)("%s", (_what, body, errors) => {
    expect(createErrors(info, body)).toEqual(errors);
  });

  it("stays what it is, but for a secret that comes later", () => {
    const old = volume({
      volumeMode: "Filesystem",
      csi,
      volumeAttributesClassName: "gold",
      nodeAffinity: { required: { nodeSelectorTerms: [{}] } },
    });
    const secret = { name: "a", namespace: "b" };
    expect(updated(info, old, (obj) => void (obj.spec.csi.controllerExpandSecretRef = secret)).errors).toEqual([]);
    const { errors } = updated(info, old, (obj) => {
      obj.spec.csi.volumeHandle = "i";
      delete obj.spec.nodeAffinity;
      delete obj.spec.volumeAttributesClassName;
    });
    expect(errors).toEqual([
      "spec.persistentvolumesource: spec.persistentvolumesource is immutable after creation",
      "nodeAffinity: field is immutable, except for updating from beta label to GA",
      "spec.volumeAttributesClassName: update from non-nil value to nil is forbidden",
    ]);
  });

  it("notes when its phase changed", () => {
    const at = (seconds: number): string => `1970-01-01T00:00:0${seconds}Z`;
    expect(created(info, volume({ hostPath })).status).toEqual({ phase: "Pending", lastPhaseTransitionTime: at(0) });
    const old = { ...volume({ hostPath }), status: { phase: "Pending", lastPhaseTransitionTime: at(1) } };
    const timeAfter = (status: object): string => {
      const next = { ...structuredClone(old), status };
      const strategy = strategyFor(info).subresources?.["status"];
      strategy?.prepareForUpdate?.(next, old, context({ now: 5000 }));
      return (next.status as Loose).lastPhaseTransitionTime;
    };
    expect(timeAfter({ phase: "Pending" })).toBe(at(1));
    expect(timeAfter({ phase: "Available" })).toBe(at(5));
    expect(timeAfter({ phase: "Available", lastPhaseTransitionTime: at(1) })).toBe(at(5));
    expect(timeAfter({ phase: "Available", lastPhaseTransitionTime: at(3) })).toBe(at(3));
  });
});

describe("a claim", () => {
  const info = infoOf("persistentvolumeclaims");
  const claim = (spec: object, more: object = {}): Loose => ({
    metadata: { name: "c", namespace: "default" },
    spec: {
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage: "2Gi" } },
      volumeMode: "Filesystem",
      ...spec,
    },
    ...more,
  });
  const snapshot = { apiGroup: "snapshot.storage.k8s.io", kind: "VolumeSnapshot", name: "s" };
  const populator = { apiGroup: "example.com", kind: "Book", name: "b" };

  it.each<[object, string[]]>([
    [{}, []],
    [{ resources: { requests: { storage: "0" } } }, ["spec.resources[storage]: must be greater than zero"]],
    [{ dataSource: snapshot, dataSourceRef: populator }, ["spec: must match dataSourceRef"]],
    [
      { dataSourceRef: { ...populator, apiGroup: "A" } },
      ["spec.dataSource.apiGroup: SUBDOMAIN", "spec.dataSourceRef.apiGroup: SUBDOMAIN"],
    ],
    [{ volumeAttributesClassName: "A" }, ["spec.volumeAttributesClassName: SUBDOMAIN"]],
  ])("for %j", (spec, errors) => {
    expect(firstLines(createErrors(info, claim(spec))).map((each) => each.replace(/ must consist.*/, ""))).toEqual(
      errors,
    );
  });

  it("names one source twice, and of old only claims and snapshots", () => {
    expect(created(info, claim({ dataSourceRef: populator })).spec).toMatchObject({ dataSource: populator });
    expect(created(info, claim({ dataSource: populator })).spec.dataSource).toBeUndefined();
    const elsewhere = created(info, claim({ dataSourceRef: { ...snapshot, namespace: "other" } }));
    expect(elsewhere.spec.dataSourceRef).toBeUndefined();
  });

  const bound = { status: { phase: "Bound", capacity: { storage: "1Gi" } } };
  const immutableSpec =
    "spec: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
  const annotation = "volume.beta.kubernetes.io/storage-class";
  const updates: [string, Loose, (obj: Loose) => void, string[]][] = [
    ["bound once", claim({}), (obj) => (obj.spec.volumeName = "v"), []],
    ["given the default class", claim({}), (obj) => (obj.spec.storageClassName = "fast"), []],
    [
      "given another class",
      claim({ storageClassName: "slow" }),
      (obj) => (obj.spec.storageClassName = "fast"),
      [immutableSpec],
    ],
    ["grown when bound", claim({}, bound), (obj) => (obj.spec.resources.requests.storage = "3Gi"), []],
    [
      "shrunk to less than it has",
      claim({}, bound),
      (obj) => (obj.spec.resources.requests.storage = "1Gi"),
      ["spec.resources.requests.storage: field can not be less than status.capacity"],
    ],
    ["shrunk above that", claim({}, bound), (obj) => (obj.spec.resources.requests.storage = "1500Mi"), []],
    ["shrunk before it is bound", claim({}), (obj) => (obj.spec.resources.requests.storage = "1Gi"), [immutableSpec]],
    [
      "used otherwise",
      claim({}),
      (obj) => (obj.spec.volumeMode = "Block"),
      [immutableSpec, "volumeMode: field is immutable"],
    ],
    [
      "without attributes",
      claim({ volumeAttributesClassName: "gold" }),
      (obj) => delete obj.spec.volumeAttributesClassName,
      ["spec.volumeAttributesClassName: update from non-nil value to nil is forbidden"],
    ],
    [
      "with a class in an annotation",
      claim({}),
      (obj) => (obj.metadata.annotations = { [annotation]: "fast" }),
      [`metadata.annotations.${annotation}: field is immutable`],
    ],
  ];
  it.each(updates)("%s", (_what, old, change, errors) => {
    expect(updated(info, old, change).errors).toEqual(errors);
  });

  it("may move its class from the annotation into spec", () => {
    const old = claim({});
    old.metadata.annotations = { [annotation]: "fast" };
    expect(updated(info, old, (obj) => (obj.spec.storageClassName = "fast")).errors).toEqual([]);
    expect(updated(info, old, (obj) => (obj.spec.storageClassName = "slow")).errors).toEqual([immutableSpec]);
  });

  it("reports amounts and resizes that there are", () => {
    const change = (obj: Loose): void =>
      void (obj.status = {
        capacity: { storage: "-1" },
        allocatedResourceStatuses: { cpu: "NodeResizePending", storage: "Odd" },
        allocatedResources: { memory: "1" },
      });
    expect(updated(info, claim({}), change, "status").errors).toEqual([
      "status.capacity[storage]: must be a valid resource quantity",
      'status.allocatedResourceStatus: supported values: "storage"',
      'status.allocatedResourceStatus: supported values: "ControllerResizeFailed", "ControllerResizeInProgress", "NodeResizeFailed", "NodeResizeInProgress", "NodeResizePending"',
      'status.allocatedResources: supported values: "storage"',
    ]);
  });
});
