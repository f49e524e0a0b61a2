import type { Node, Pod } from "@knots/api/core/v1";
import { pods } from "@knots/api/core/v1";
import { newForbidden } from "@knots/machinery";
import { deepEqual } from "../../registry/metadata.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../types.ts";

const NODE_PREFIX = "system:node:";
const MIRROR_ANNOTATION = "kubernetes.io/config.mirror";
/** Labels under kubernetes.io and k8s.io that a kubelet may set on its own node. */
const ALLOWED_LABELS = new Set([
  "kubernetes.io/hostname",
  "kubernetes.io/arch",
  "kubernetes.io/os",
  "beta.kubernetes.io/instance-type",
  "node.kubernetes.io/instance-type",
  "failure-domain.beta.kubernetes.io/region",
  "failure-domain.beta.kubernetes.io/zone",
  "topology.kubernetes.io/region",
  "topology.kubernetes.io/zone",
  "beta.kubernetes.io/os",
  "beta.kubernetes.io/arch",
]);
const ALLOWED_LABEL_DOMAINS = ["kubelet.kubernetes.io", "node.kubernetes.io"];

/** A kubelet changes its own node, its own pods, its own lease, and nothing else. */
export const nodeRestriction: AdmissionPlugin = {
  name: "NodeRestriction",
  handles: ({ user }) => user.name.startsWith(NODE_PREFIX) && user.groups.includes("system:nodes"),
  validate(attributes) {
    const node = attributes.user.name.slice(NODE_PREFIX.length);
    const { group, resource } = attributes;
    if (group === "" && resource === "pods") checkPod(attributes, node);
    else if (group === "" && resource === "nodes") checkNode(attributes, node);
    else if (group === "" && resource === "serviceaccounts") checkToken(attributes, node);
    else if (group === "coordination.k8s.io" && resource === "leases") checkLease(attributes, node);
    else if (group === "storage.k8s.io" && resource === "csinodes") checkOwnName(attributes, node, "CSINode");
  },
};

function refuse(attributes: AdmissionAttributes, message: string): never {
  const { group, resource, name } = attributes;
  throw newForbidden({ group, resource }, name, message);
}

function checkPod(attributes: AdmissionAttributes, node: string): void {
  const { operation, subresource } = attributes;
  if (subresource === "" && operation === "CREATE") {
    const pod = attributes.object as Pod;
    if (pod.metadata?.annotations?.[MIRROR_ANNOTATION] === undefined) {
      refuse(
        attributes,
        `pod does not have ${JSON.stringify(MIRROR_ANNOTATION)} annotation, node ${JSON.stringify(node)} can only create mirror pods`,
      );
    }
    if (pod.spec?.nodeName !== node)
      refuse(attributes, `node ${JSON.stringify(node)} can only create pods with spec.nodeName set to itself`);
    const owners = pod.metadata?.ownerReferences ?? [];
    const owner = owners[0];
    if (owners.length > 1 || owner === undefined || owner.kind !== "Node" || owner.name !== node) {
      refuse(
        attributes,
        `node ${JSON.stringify(node)} can only create pods with a single owner reference set to itself`,
      );
    }
    checkReferences(attributes, pod, node);
    return;
  }
  if (subresource === "" && operation === "DELETE") {
    if ((attributes.oldObject as Pod).spec?.nodeName !== node) {
      refuse(attributes, `node ${JSON.stringify(node)} can only delete pods with spec.nodeName set to itself`);
    }
    return;
  }
  if (subresource === "status" && operation === "UPDATE") {
    const old = attributes.oldObject as Pod;
    if (old.spec?.nodeName !== node)
      refuse(
        attributes,
        `node ${JSON.stringify(node)} can only update pod status for pods with spec.nodeName set to itself`,
      );
    if (!deepEqual((attributes.object as Pod).metadata?.labels ?? {}, old.metadata?.labels ?? {})) {
      refuse(attributes, `node ${JSON.stringify(node)} cannot update labels through pod status`);
    }
    return;
  }
  if (subresource === "eviction" && operation === "CREATE") {
    const pod = attributes.objects.get(pods, attributes.namespace, attributes.name);
    if (pod !== undefined && pod.spec?.nodeName !== node) {
      refuse(attributes, `node ${JSON.stringify(node)} can only evict pods with spec.nodeName set to itself`);
    }
    return;
  }
  refuse(
    attributes,
    `unexpected operation ${operation}${subresource === "" ? "" : ` on subresource ${subresource}`}, node ${JSON.stringify(node)} can only create and delete mirror pods`,
  );
}

function checkReferences(attributes: AdmissionAttributes, pod: Pod, node: string): void {
  const { spec } = pod;
  const who = `node ${JSON.stringify(node)} can not create pods that reference`;
  if (spec?.serviceAccountName !== undefined && spec.serviceAccountName !== "")
    refuse(attributes, `${who} a service account`);
  for (const volume of spec?.volumes ?? []) {
    if (volume.secret !== undefined) refuse(attributes, `${who} secrets`);
    if (volume.configMap !== undefined) refuse(attributes, `${who} configmaps`);
    if (volume.persistentVolumeClaim !== undefined) refuse(attributes, `${who} persistentvolumeclaims`);
  }
}

function checkNode(attributes: AdmissionAttributes, node: string): void {
  const { operation, name, subresource } = attributes;
  const wanted = name !== "" ? name : (attributes.object?.metadata?.name ?? "");
  if (wanted !== node)
    refuse(attributes, `node ${JSON.stringify(node)} is not allowed to modify node ${JSON.stringify(wanted)}`);
  if (operation === "DELETE") refuse(attributes, `node ${JSON.stringify(node)} is not allowed to delete itself`);
  const next = attributes.object as Node;
  const old = attributes.oldObject as Node | undefined;
  if (next.spec?.configSource !== undefined && !deepEqual(next.spec.configSource, old?.spec?.configSource)) {
    refuse(attributes, `node ${JSON.stringify(node)} is not allowed to set spec.configSource`);
  }
  if (subresource !== "") return;
  if (operation === "UPDATE" && !deepEqual(next.spec?.taints ?? [], old?.spec?.taints ?? [])) {
    refuse(attributes, `node ${JSON.stringify(node)} is not allowed to modify taints`);
  }
  const forbidden = changedLabels(next, old).filter((label) => !mayLabel(label));
  if (forbidden.length > 0) {
    refuse(attributes, `is not allowed to modify labels: ${forbidden.sort().join(", ")}`);
  }
}

function changedLabels(next: Node, old: Node | undefined): string[] {
  const before = old?.metadata?.labels ?? {};
  const after = next.metadata?.labels ?? {};
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((key) => before[key] !== after[key]);
}

function mayLabel(label: string): boolean {
  if (!label.includes("/")) return true;
  const domain = label.split("/")[0] ?? "";
  const within = (parent: string): boolean => domain === parent || domain.endsWith(`.${parent}`);
  if (within("node-restriction.kubernetes.io")) return false;
  if (!within("kubernetes.io") && !within("k8s.io")) return true;
  return ALLOWED_LABELS.has(label) || ALLOWED_LABEL_DOMAINS.some(within);
}

/** Tokens only for pods that run on the node. */
function checkToken(attributes: AdmissionAttributes, node: string): void {
  if (attributes.subresource !== "token" || attributes.operation !== "CREATE") return;
  const { spec } = attributes.object as { spec?: { boundObjectRef?: { kind?: string; name?: string; uid?: string } } };
  const bound = spec?.boundObjectRef;
  if (bound === undefined || bound.kind !== "Pod" || bound.name === undefined) {
    refuse(attributes, "node requested token not bound to a pod");
    return;
  }
  if (bound.uid === undefined || bound.uid === "")
    refuse(attributes, "node requested token with a pod binding without a uid");
  const pod = attributes.objects.get(pods, attributes.namespace, bound.name);
  if (pod === undefined) refuse(attributes, `pod not found: ${bound.name}`);
  else if (pod.metadata?.uid !== bound.uid)
    refuse(attributes, "the UID in the bound object reference does not match the UID in record");
  else if (pod.spec?.nodeName !== node)
    refuse(attributes, "node requested token bound to a pod scheduled on a different node");
}

function checkLease(attributes: AdmissionAttributes, node: string): void {
  if (attributes.namespace !== "kube-node-lease") {
    refuse(attributes, 'can only access leases in the "kube-node-lease" system namespace');
  }
  checkOwnName(attributes, node, "lease");
}

function checkOwnName(attributes: AdmissionAttributes, node: string, what: string): void {
  const { operation, name } = attributes;
  const wanted = operation === "CREATE" ? (attributes.object?.metadata?.name ?? "") : name;
  if (wanted !== node) refuse(attributes, `can only access ${what} with the same name as the requesting node`);
}
