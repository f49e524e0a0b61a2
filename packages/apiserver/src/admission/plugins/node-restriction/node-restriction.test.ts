import { newCertificateRequest } from "@knots/machinery/pki/request";
import type { KubeObject } from "@knots/machinery";
import { describe, expect, it } from "vitest";
import type { Attributes } from "../../../auth/types.ts";
import type { AdmissionAttributes } from "../../types.ts";
import { attributesOf, objectsOf, refusal } from "../attributes.testing.ts";
import { nodeRestriction } from "./index.ts";

const NODE = { name: "system:node:n1", groups: ["system:nodes", "system:authenticated"] };
const object = (kind: string, name: string, more: object = {}, metadata: object = {}): KubeObject => ({
  kind,
  metadata: { name, ...metadata },
  ...more,
});

const volumes = [
  { name: "t", projected: { sources: [{ serviceAccountToken: { path: "t", audience: "vault" } }] } },
  { name: "c", csi: { driver: "csi.example.com" } },
  { name: "p", persistentVolumeClaim: { claimName: "claim" } },
];
const inDefault = { namespace: "default" };
const objects = objectsOf(
  object("Node", "n1", {}, { uid: "uid-n1" }),
  object("Pod", "mine", { spec: { nodeName: "n1", volumes } }, { ...inDefault, uid: "uid-mine" }),
  object("Pod", "theirs", { spec: { nodeName: "n2" } }, { ...inDefault, uid: "uid-theirs" }),
  object("CSIDriver", "csi.example.com", { spec: { tokenRequests: [{ audience: "inline" }] } }),
  object("CSIDriver", "pv.example.com", { spec: { tokenRequests: [{ audience: "volume" }] } }),
  object("PersistentVolumeClaim", "claim", { spec: { volumeName: "pv" } }, inDefault),
  object("PersistentVolume", "pv", { spec: { csi: { driver: "pv.example.com" } } }),
);

const asked: Attributes[] = [];
const plugin = nodeRestriction(() => ({
  authorize(attributes) {
    asked.push(attributes);
    return { allowed: attributes.resource === "granted" ? "allow" : "no-opinion", reason: "" };
  },
}));

async function check(of: Partial<AdmissionAttributes>): Promise<string> {
  const attributes = attributesOf({ user: NODE, objects, ...of });
  if (!plugin.handles(attributes)) return "";
  const message = await refusal(() => plugin.mutate?.(attributes));
  return message.replace(/^.* is forbidden: /, "").replace(/^.* forbidden: /, "");
}

const owner = { apiVersion: "v1", kind: "Node", name: "n1", uid: "uid-n1", controller: true };
const mirror = (spec: object = {}, metadata: object = {}): KubeObject =>
  object(
    "Pod",
    "static",
    { spec: { nodeName: "n1", containers: [{ name: "c" }], ...spec } },
    { annotations: { "kubernetes.io/config.mirror": "x" }, ownerReferences: [owner], ...metadata },
  );

describe("NodeRestriction on pods", () => {
  it.each<[string, KubeObject, string]>([
    ["a mirror pod", mirror(), ""],
    [
      "a pod of its own making",
      mirror({}, { annotations: {} }),
      'pod does not have "kubernetes.io/config.mirror" annotation, node "n1" can only create mirror pods',
    ],
    ["elsewhere", mirror({ nodeName: "n2" }), 'node "n1" can only create pods with spec.nodeName set to itself'],
    [
      "two owners",
      mirror({}, { ownerReferences: [owner, owner] }),
      'node "n1" can only create pods with a single owner reference set to itself',
    ],
    [
      "no owner",
      mirror({}, { ownerReferences: [] }),
      'node "n1" can only create pods with an owner reference set to itself',
    ],
    [
      "no controller",
      mirror({}, { ownerReferences: [{ ...owner, controller: false }] }),
      'node "n1" can only create pods with a controller owner reference set to itself',
    ],
    [
      "a blocking owner",
      mirror({}, { ownerReferences: [{ ...owner, blockOwnerDeletion: true }] }),
      'node "n1" must not set blockOwnerDeletion on an owner reference',
    ],
    [
      "a former node",
      mirror({}, { ownerReferences: [{ ...owner, uid: "old" }] }),
      "node n1 UID mismatch: expected old got uid-n1",
    ],
    [
      "an account",
      mirror({ serviceAccountName: "x" }),
      'node "n1" can not create pods that reference a service account',
    ],
    [
      "a Secret in the environment",
      mirror({
        containers: [{ name: "c", env: [{ name: "A", valueFrom: { secretKeyRef: { name: "s", key: "k" } } }] }],
      }),
      'node "n1" can not create pods that reference secrets',
    ],
    [
      "a Secret of a volume's driver",
      mirror({ volumes: [{ name: "v", azureFile: { secretName: "s", shareName: "x" } }] }),
      'node "n1" can not create pods that reference secrets',
    ],
    [
      "a projected ConfigMap",
      mirror({ volumes: [{ name: "v", projected: { sources: [{ configMap: { name: "m" } }] } }] }),
      'node "n1" can not create pods that reference configmaps',
    ],
    [
      "a trust bundle",
      mirror({ volumes: [{ name: "v", projected: { sources: [{ clusterTrustBundle: { path: "x" } }] } }] }),
      'node "n1" can not create pods that reference clustertrustbundles',
    ],
    [
      "a claim",
      mirror({ volumes: [{ name: "v", persistentVolumeClaim: { claimName: "c" } }] }),
      'node "n1" can not create pods that reference persistentvolumeclaims',
    ],
    [
      "a resource claim",
      mirror({ resourceClaims: [{ name: "c", resourceClaimName: "r" }] }),
      'node "n1" can not create pods that reference resourceclaims',
    ],
  ])("creates %s: %#", async (_title, pod, expected) => {
    expect(await check({ object: pod })).toBe(expected);
  });

  it("ends, evicts and tells of its own alone", async () => {
    const [mine, theirs] = [{ nodeName: "n1" }, { nodeName: "n2" }].map((spec) => object("Pod", "p", { spec }));
    expect(await check({ operation: "DELETE", oldObject: mine })).toBe("");
    expect(await check({ operation: "DELETE", oldObject: theirs })).toBe(
      'node "n1" can only delete pods with spec.nodeName set to itself',
    );
    expect(await check({ operation: "UPDATE", object: mine, oldObject: mine })).toBe(
      'unexpected operation "UPDATE", node "n1" can only create and delete mirror pods',
    );
    const status = { operation: "UPDATE", subresource: "status" } as const;
    expect(await check({ ...status, object: mine, oldObject: mine })).toBe("");
    expect(await check({ ...status, object: theirs, oldObject: theirs })).toBe(
      'node "n1" can only update pod status for pods with spec.nodeName set to itself',
    );
    const labelled = { ...mine, metadata: { name: "p", labels: { a: "b" } } };
    expect(await check({ ...status, object: labelled, oldObject: mine })).toBe(
      'node "n1" cannot update labels through pod status',
    );
    const claims = { ...mine, status: { resourceClaimStatuses: [{ name: "c" }] } };
    expect(await check({ ...status, object: claims, oldObject: mine })).toBe(
      'node "n1" cannot update resource claim statuses',
    );
    const eviction = { subresource: "eviction", object: object("Eviction", "") };
    expect(await check({ ...eviction, name: "mine" })).toBe("");
    expect(await check({ ...eviction, name: "theirs" })).toBe(
      "node n1 can only evict pods with spec.nodeName set to itself",
    );
    expect(await check({ ...eviction, name: "none" })).toBe('pods "none" not found');
    expect(await check({ subresource: "exec", operation: "CONNECT", name: "mine" })).toBe(
      `unexpected pod subresource "exec", only 'status' and 'eviction' are allowed`,
    );
  });
});

describe("NodeRestriction on nodes", () => {
  const node = (more: object = {}, labels: Record<string, string> = {}, metadata: object = {}): KubeObject =>
    object("Node", "n1", more, { labels, ...metadata });
  const update = (next: KubeObject, old: KubeObject, subresource = ""): Promise<string> =>
    check({ resource: "nodes", namespace: "", operation: "UPDATE", subresource, object: next, oldObject: old });

  it.each([
    ["kubernetes.io/hostname", true],
    ["topology.kubernetes.io/zone", true],
    ["node.kubernetes.io/anything", true],
    ["deep.kubelet.kubernetes.io/anything", true],
    ["example.com/role", true],
    ["plain", true],
    ["node-role.kubernetes.io/control-plane", false],
    ["node-restriction.kubernetes.io/pci", false],
    ["x.node-restriction.kubernetes.io/pci", false],
    ["foo.k8s.io/x", false],
  ])("labels itself with %s: %s", async (label, allowed) => {
    const labelled = node({}, { [label]: "x" });
    const created = await check({ resource: "nodes", namespace: "", object: labelled });
    expect(created).toBe(allowed ? "" : `is not allowed to set the following labels: ${label}`);
    for (const subresource of ["", "status"]) {
      const changed = await update(labelled, node(), subresource);
      expect(changed).toBe(allowed ? "" : `is not allowed to modify labels: ${label}`);
      expect(await update(node(), labelled, subresource)).toBe(changed);
    }
  });

  it("touches no other node, no taint, no owner and no source of configuration", async () => {
    const other = object("Node", "n2");
    expect(
      await check({ resource: "nodes", namespace: "", operation: "UPDATE", object: other, oldObject: other }),
    ).toBe('node "n1" is not allowed to modify node "n2"');
    const tainted = node({ spec: { taints: [{ key: "a", effect: "NoSchedule" }] } });
    expect(await update(node(), tainted)).toBe('node "n1" is not allowed to modify taints');
    expect(await update(node({}, {}, { ownerReferences: [owner] }), node())).toBe(
      'node "n1" is not allowed to modify ownerReferences',
    );
    const configured = node({ spec: { configSource: { configMap: {} } } });
    expect(await update(configured, node())).toBe(
      'node "n1" is not allowed to update configSource to a new non-nil configSource',
    );
    expect(await update(node(), configured)).toBe("");
    expect(await check({ resource: "nodes", namespace: "", object: configured })).toBe(
      'node "n1" is not allowed to create pods with a non-nil configSource',
    );
  });
});

describe("NodeRestriction on tokens", () => {
  const token = (boundObjectRef: object | undefined, ...audiences: string[]): Promise<string> =>
    check({
      resource: "serviceaccounts",
      subresource: "token",
      name: "robot",
      object: object("TokenRequest", "", { spec: { audiences, boundObjectRef } }),
    });
  const mine = { apiVersion: "v1", kind: "Pod", name: "mine", uid: "uid-mine" };

  it("come with a pod that runs there", async () => {
    expect(await token(undefined)).toBe("node requested token not bound to a pod");
    expect(await token({ ...mine, kind: "Secret" })).toBe("node requested token not bound to a pod");
    expect(await token({ ...mine, uid: "" })).toBe("node requested token with a pod binding without a uid");
    expect(await token({ ...mine, name: "none" })).toBe('pods "none" not found');
    expect(await token({ ...mine, uid: "other" })).toBe(
      "the UID in the bound object reference (other) does not match the UID in record. The object might have been deleted and then recreated",
    );
    expect(await token({ ...mine, name: "theirs", uid: "uid-theirs" })).toBe(
      "node requested token bound to a pod scheduled on a different node",
    );
  });

  it.each(["vault", "inline", "volume", "granted"])("are for an audience that the pod names: %s", async (audience) => {
    expect(await token(mine, audience)).toBe("");
  });

  it("are for no other audience, nor for several", async () => {
    asked.length = 0;
    expect(await token(mine, "elsewhere")).toBe(
      'audience "elsewhere" not found in pod spec volume, system:node:n1 is not authorized to request tokens for this audience',
    );
    expect(asked).toMatchObject([
      { verb: "request-serviceaccounts-token-audience", resource: "elsewhere", name: "robot", namespace: "default" },
    ]);
    expect(await token(mine, "vault", "inline")).toBe("node may only request 0 or 1 audiences");
  });
});

describe("NodeRestriction on other things", () => {
  it("keeps to the node's own lease, CSINode and slices", async () => {
    const lease = { group: "coordination.k8s.io", resource: "leases", namespace: "kube-node-lease" };
    expect(await check({ ...lease, object: object("Lease", "n1") })).toBe("");
    expect(await check({ ...lease, operation: "UPDATE", name: "n2" })).toBe(
      "can only access node lease with the same name as the requesting node",
    );
    expect(await check({ ...lease, namespace: "default", object: object("Lease", "n1") })).toBe(
      'can only access leases in the "kube-node-lease" system namespace',
    );
    const csi = { group: "storage.k8s.io", resource: "csinodes", namespace: "" };
    expect(await check({ ...csi, object: object("CSINode", "n2") })).toBe(
      "can only access CSINode with the same name as the requesting node",
    );
    const slices = { group: "resource.k8s.io", resource: "resourceslices", namespace: "" };
    const [own, foreign] = ["n1", "n2"].map((nodeName) => object("ResourceSlice", "s", { spec: { nodeName } }));
    expect(await check({ ...slices, object: own })).toBe("");
    expect(await check({ ...slices, object: foreign })).toBe(
      "can only create ResourceSlice with the same NodeName as the requesting node",
    );
    expect(await check({ ...slices, operation: "DELETE", oldObject: foreign })).toBe(
      "can only delete ResourceSlice with the same NodeName as the requesting node",
    );
  });

  it("lets the status of claims tell of their size alone", async () => {
    const claims = { resource: "persistentvolumeclaims", operation: "UPDATE" } as const;
    const old = object("PersistentVolumeClaim", "c", { spec: { volumeName: "v" }, status: { phase: "Bound" } });
    const grown = { ...old, status: { phase: "Bound", capacity: { storage: "2Gi" }, conditions: [] } };
    expect(await check({ ...claims, subresource: "status", object: grown, oldObject: old })).toBe("");
    const lost = { ...old, status: { phase: "Lost" } };
    expect(await check({ ...claims, subresource: "status", object: lost, oldObject: old })).toBe(
      'node "n1" is not allowed to update fields other than status.quantity and status.conditions',
    );
    expect(await check({ ...claims, object: old, oldObject: old })).toBe("may only update PVC status");
  });

  it("asks for certificates in the node's own name", async () => {
    const request = async (commonName: string, signerName: string): Promise<string> =>
      check({
        group: "certificates.k8s.io",
        resource: "certificatesigningrequests",
        namespace: "",
        object: object("CertificateSigningRequest", "r", {
          spec: {
            signerName,
            request: Buffer.from((await newCertificateRequest({ commonName })).request).toString("base64"),
          },
        }),
      });
    expect(await request("system:node:n1", "kubernetes.io/kubelet-serving")).toBe("");
    expect(await request("system:node:n2", "kubernetes.io/kubelet-serving")).toBe(
      "can only create a node CSR with CN=system:node:n1",
    );
    expect(await request("anybody", "kubernetes.io/kube-apiserver-client-kubelet")).toBe(
      "can only create a node CSR with CN=system:node:n1",
    );
    expect(await request("anybody", "example.com/signer")).toBe("");
  });

  it("concerns nodes alone, and those that say which they are", async () => {
    expect(await check({ user: { name: "somebody", groups: [] }, object: mirror({ nodeName: "n2" }) })).toBe("");
    expect(await check({ user: { name: "system:node:", groups: ["system:nodes"] }, object: mirror() })).toBe(
      'could not determine node from user "system:node:"',
    );
  });
});
