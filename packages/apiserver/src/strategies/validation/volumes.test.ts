import { describe, expect, it } from "vitest";
import { podErrors, podWith, supported, updateErrors } from "./pods.testing.ts";

const at = "spec.volumes[0]";
const of = (source: object): string[] => podErrors({ volumes: [{ name: "v", ...source }] });
const RANGE = (low: number): string => `must be between ${low} and 255, inclusive`;
const iscsi = { targetPortal: "10.0.0.1:3260", iqn: "iqn.2001-04.com.example:storage.x", lun: 0 };
const azure = { diskName: "d", diskURI: "https://x/d.vhd", kind: "Shared" };

describe("volumes made of", () => {
  it.each<[string, object, string[]]>([
    ["a disk of Google", { gcePersistentDisk: { pdName: "d", partition: 1 } }, []],
    [
      "no disk of Google",
      { gcePersistentDisk: { pdName: "", partition: 256 } },
      [`${at}.persistentDisk.pdName: `, `${at}.persistentDisk.partition: ${RANGE(1)}`],
    ],
    [
      "no disk of Amazon",
      { awsElasticBlockStore: { volumeID: "", partition: -1 } },
      [`${at}.awsElasticBlockStore.volumeID: `, `${at}.awsElasticBlockStore.partition: ${RANGE(1)}`],
    ],
    [
      "no repository",
      { gitRepo: { repository: "", directory: "/a/../b" } },
      [
        `${at}.gitRepo.repository: `,
        `${at}.gitRepo.directory: must be a relative path`,
        `${at}.gitRepo.directory: must not contain '..'`,
      ],
    ],
    ["a share", { nfs: { server: "s", path: "/p" } }, []],
    [
      "no share",
      { nfs: { server: "", path: "" } },
      [`${at}.nfs.server: `, `${at}.nfs.path: `, `${at}.nfs.path: must be an absolute path`],
    ],
    ["a unit of iSCSI", { iscsi: { ...iscsi, initiatorName: "eui.0123456789ABCDEF" } }, []],
    [
      "no unit of iSCSI",
      { iscsi: { targetPortal: "", iqn: "", lun: 256, chapAuthSession: true, initiatorName: "iqn.x" } },
      [
        `${at}.iscsi.targetPortal: `,
        `${at}.iscsi.iqn: `,
        `${at}.iscsi.lun: ${RANGE(0)}`,
        `${at}.iscsi.secretRef: `,
        `${at}.iscsi.initiatorname: must be valid format`,
      ],
    ],
    [
      "a unit of iSCSI of another name",
      { iscsi: { ...iscsi, iqn: "nobody" } },
      [`${at}.iscsi.iqn: must be valid format starting with iqn, eui, or naa`],
    ],
    [
      "a unit of iSCSI that is far away",
      { iscsi: { ...iscsi, targetPortal: "x".repeat(63), initiatorName: iscsi.iqn } },
      [
        `${at}.name: Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.`,
      ],
    ],
    [
      "no gluster",
      { glusterfs: { endpoints: "", path: "" } },
      [`${at}.glusterfs.endpoints: `, `${at}.glusterfs.path: `],
    ],
    ["a dataset", { flocker: { datasetUUID: "u" } }, []],
    ["no dataset", { flocker: {} }, [`${at}.flocker: one of datasetName and datasetUUID is required`]],
    [
      "two datasets",
      { flocker: { datasetName: "a/b", datasetUUID: "u" } },
      [
        `${at}.flocker: datasetName and datasetUUID can not be specified simultaneously`,
        `${at}.flocker.datasetName: must not contain '/'`,
      ],
    ],
    ["no claim", { persistentVolumeClaim: { claimName: "" } }, [`${at}.persistentVolumeClaim.claimName: `]],
    ["no blocks", { rbd: { monitors: [], image: "" } }, [`${at}.rbd.monitors: `, `${at}.rbd.image: `]],
    [
      "no disk of OpenStack",
      { cinder: { volumeID: "", secretRef: {} } },
      [`${at}.cinder.volumeID: `, `${at}.cinder.secretRef.name: `],
    ],
    ["no monitors", { cephfs: { monitors: [] } }, [`${at}.cephfs.monitors: `]],
    ["what is registered", { quobyte: { registry: "a:1,[::1]:2", volume: "v" } }, []],
    [
      "what is registered nowhere",
      { quobyte: { registry: "", volume: "" } },
      [
        `${at}.quobyte.registry: must be a host:port pair or multiple pairs separated by commas`,
        `${at}.quobyte.volume: `,
      ],
    ],
    [
      "what is registered at no port, twice",
      { quobyte: { registry: "a,::1:2,b:1", volume: "v" } },
      ["a", "::1:2"].map(
        () => `${at}.quobyte.registry: must be a host:port pair or multiple pairs separated by commas`,
      ),
    ],
    [
      "what has a long tenant",
      { quobyte: { registry: "a:1", volume: "v", tenant: "t".repeat(65) } },
      [`${at}.quobyte.tenant: must be a UUID and may not exceed a length of 64 characters`],
    ],
    ["wide names", { fc: { wwids: ["w"] } }, []],
    ["no wide names", { fc: {} }, [`${at}.fc.targetWWNs: must specify either targetWWNs or wwids, but not both`]],
    [
      "wide names of both kinds",
      { fc: { targetWWNs: ["t"], wwids: ["w"] } },
      [
        `${at}.fc.targetWWNs: targetWWNs and wwids can not be specified simultaneously`,
        `${at}.fc.lun: lun is required if targetWWNs is specified`,
      ],
    ],
    ["a unit too many", { fc: { targetWWNs: ["t"], lun: 256 } }, [`${at}.fc.lun: ${RANGE(0)}`]],
    [
      "what no driver drives",
      { flexVolume: { driver: "", options: { "a.k8s.io/b": "x", "Kubernetes.io": "y", "a.b/k8s.io": "z" } } },
      [
        `${at}.flexVolume.driver: `,
        `${at}.flexVolume.options[a.k8s.io/b]: kubernetes.io and k8s.io namespaces are reserved`,
        `${at}.flexVolume.options[Kubernetes.io]: kubernetes.io and k8s.io namespaces are reserved`,
      ],
    ],
    [
      "no file of Azure",
      { azureFile: { secretName: "", shareName: "" } },
      [`${at}.azureFile.secretName: `, `${at}.azureFile.shareName: `],
    ],
    ["no disk of vSphere", { vsphereVolume: { volumePath: "" } }, [`${at}.vsphereVolume.volumePath: `]],
    ["no disk of Photon", { photonPersistentDisk: { pdID: "" } }, [`${at}.photonPersistentDisk.pdID: `]],
    ["no disk of Portworx", { portworxVolume: { volumeID: "" } }, [`${at}.portworxVolume.volumeID: `]],
    ["a disk of Azure", { azureDisk: azure }, []],
    ["a managed disk", { azureDisk: { ...azure, kind: "Managed", diskURI: "/subscriptions/x" } }, []],
    [
      "no disk of Azure",
      { azureDisk: { diskName: "", diskURI: "", kind: "Other", cachingMode: "All" } },
      [
        `${at}.azureDisk.diskName: `,
        `${at}.azureDisk.diskURI: `,
        `${at}.azureDisk.cachingMode: ${supported("None", "ReadOnly", "ReadWrite")}`,
        `${at}.azureDisk.kind: ${supported("Dedicated", "Managed", "Shared")}`,
        `${at}.azureDisk.diskURI: ${supported("https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd")}`,
      ],
    ],
    [
      "a managed disk that is a blob",
      { azureDisk: { ...azure, kind: "Managed" } },
      [
        `${at}.azureDisk.diskURI: ${supported("/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}")}`,
      ],
    ],
    [
      "no storage",
      { storageos: { secretRef: {} } },
      [`${at}.storageos.volumeName: `, `${at}.storageos.secretRef.name: `],
    ],
    [
      "no scale",
      { scaleIO: { gateway: "", system: "", volumeName: "", secretRef: {} } },
      [`${at}.scaleIO.gateway: `, `${at}.scaleIO.system: `, `${at}.scaleIO.volumeName: `],
    ],
    ["a driver's", { csi: { driver: "a.example.com", nodePublishSecretRef: { name: "s" } } }, []],
    [
      "no driver's",
      { csi: { driver: "", nodePublishSecretRef: {} } },
      [`${at}.csi.driver: `, `${at}.csi.nodePublishSecretRef.name: `],
    ],
    [
      "no size",
      { emptyDir: { sizeLimit: "-1" } },
      [`${at}.emptyDir.sizeLimit: SizeLimit field must be a valid resource quantity`],
    ],
    ["no template", { ephemeral: {} }, [`${at}.ephemeral.volumeClaimTemplate: `]],
    ["an image", { image: { reference: "i" } }, []],
    [
      "no image",
      { image: { pullPolicy: "Sometimes" } },
      [`${at}.image.reference: `, `${at}.image.pullPolicy: ${supported("Always", "IfNotPresent", "Never")}`],
    ],
    [
      "more than one thing",
      { emptyDir: {}, gcePersistentDisk: { pdName: "" }, cephfs: { monitors: [] }, downwardAPI: {} },
      ["gcePersistentDisk", "cephFS", "downwarAPI"].map(
        (field) => `${at}.${field}: may not specify more than 1 volume type`,
      ),
    ],
  ])("%s", (_what, source, errors) => expect(of(source)).toEqual(errors));

  it("storage of labels", () => {
    const errors = of({ storageos: { volumeName: "A", volumeNamespace: "B" } });
    expect(errors).toHaveLength(2);
    expect(errors[0]).toMatch(/^spec\.volumes\[0\]\.storageos\.volumeName: a lowercase RFC 1123 label/);
    expect(errors[1]).toMatch(/^spec\.volumes\[0\]\.storageos\.volumeNamespace: a lowercase RFC 1123 label/);
  });

  it("an image without a reference, as long as it stands in a stored pod", () => {
    const old = podWith({ volumes: [{ name: "v", image: {} }] });
    expect(updateErrors(old, (pod) => (pod.spec.containers[0].image = "i:2"))).toEqual([]);
  });
});

describe("a claim that is made for a pod", () => {
  const spec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
  const made = (metadata: object): string[] => of({ ephemeral: { volumeClaimTemplate: { metadata, spec } } });

  it("has labels and annotations, nothing else of its own", () => {
    expect(made({ labels: { a: "b" }, annotations: { a: "b" } })).toEqual([]);
    expect(made({ name: "x", namespace: "y", uid: "z" })).toEqual(
      ["name", "namespace", "uID"].map(
        (field) => `${at}.ephemeral.volumeClaimTemplate.metadata.${field}: cannot be set`,
      ),
    );
    expect(made({ labels: { "a b": "c" } })[0]).toMatch(
      /^spec.volumes\[0\].ephemeral.volumeClaimTemplate.metadata.labels: /,
    );
  });

  it("is called after pod and volume", () => {
    const volumes = [{ name: "v", ephemeral: { volumeClaimTemplate: { spec } } }];
    expect(podErrors({ volumes }, {}, { name: "p".repeat(253) })).toEqual([
      `${at}.name: PVC name "${"p".repeat(253)}-v": must be no more than 253 bytes`,
    ]);
    const claim = { name: "w", persistentVolumeClaim: { claimName: "p-v" } };
    expect(podErrors({ volumes: [...volumes, claim] })).toEqual([
      "spec.volumes[1].persistentVolumeClaim.claimName: must not reference a PVC that gets created for an ephemeral volume",
    ]);
  });
});
