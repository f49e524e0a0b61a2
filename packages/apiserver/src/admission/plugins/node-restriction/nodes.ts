// A node changes its own Node, and nothing there that steers workloads.
import type { Node } from "@knots/api/core/v1";
import { deepEqual } from "../../../registry/metadata.ts";
import type { AdmissionAttributes } from "../../types.ts";
import { quoted, refuse } from "./refuse.ts";

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

export function checkNode(attributes: AdmissionAttributes, node: string): void {
  const { operation } = attributes;
  const who = `node ${quoted(node)}`;
  const next = attributes.object as Node | undefined;
  const name = attributes.name === "" ? (next?.metadata?.name ?? "") : attributes.name;
  if (operation === "CREATE") {
    if (next?.spec?.configSource !== undefined)
      refuse(attributes, `${who} is not allowed to create pods with a non-nil configSource`);
    const labels = forbiddenLabels(next, undefined);
    if (labels.length > 0) refuse(attributes, `is not allowed to set the following labels: ${labels.join(", ")}`);
  }
  if (name !== node) refuse(attributes, `${who} is not allowed to modify node ${quoted(name)}`);
  if (operation !== "UPDATE") return;
  const old = attributes.oldObject as Node;
  // An old kubelet may leave the field out.
  if (next?.spec?.configSource !== undefined && !deepEqual(next.spec.configSource, old.spec?.configSource))
    refuse(attributes, `${who} is not allowed to update configSource to a new non-nil configSource`);
  if (!deepEqual(next?.spec?.taints ?? [], old.spec?.taints ?? []))
    refuse(attributes, `${who} is not allowed to modify taints`);
  const labels = forbiddenLabels(next, old);
  if (labels.length > 0) refuse(attributes, `is not allowed to modify labels: ${labels.join(", ")}`);
  // The garbage collector would delete the Node for it (CVE-2025-5187).
  if (!deepEqual(next?.metadata?.ownerReferences ?? [], old.metadata?.ownerReferences ?? []))
    refuse(attributes, `${who} is not allowed to modify ownerReferences`);
}

function forbiddenLabels(next: Node | undefined, old: Node | undefined): string[] {
  const before = old?.metadata?.labels ?? {};
  const after = next?.metadata?.labels ?? {};
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((key) => before[key] !== after[key] && !mayLabel(key))
    .toSorted();
}

function mayLabel(label: string): boolean {
  if (!label.includes("/")) return true;
  const domain = label.split("/")[0] ?? "";
  const within = (parent: string): boolean => domain === parent || domain.endsWith(`.${parent}`);
  if (within("node-restriction.kubernetes.io")) return false;
  if (!within("kubernetes.io") && !within("k8s.io")) return true;
  return ALLOWED_LABELS.has(label) || ALLOWED_LABEL_DOMAINS.some(within);
}
