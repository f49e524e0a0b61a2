import type { PersistentVolumeClaim } from "@knots/api/core/v1";
import type { CertificateSigningRequest } from "@knots/api/certificates/v1";
import type { ResourceSlice } from "@knots/api/resource/v1";
import type { Authorizer } from "../../../auth/types.ts";
import { deepEqual } from "../../../registry/metadata.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../../types.ts";
import { checkNode } from "./nodes.ts";
import { checkPod } from "./pods.ts";
import { quoted, refuse } from "./refuse.ts";
import { checkToken } from "./tokens.ts";

const NODE_PREFIX = "system:node:";
const LEASE_NAMESPACE = "kube-node-lease";
const KUBELET_SIGNERS = ["kubernetes.io/kubelet-serving", "kubernetes.io/kube-apiserver-client-kubelet"];

type Check = (attributes: AdmissionAttributes, node: string, authorizer: Authorizer) => void | Promise<void>;

/** By "resource.group". What is not here, a node's rights alone decide about. */
const CHECKS: Readonly<Record<string, Check>> = {
  "pods.": checkPod,
  "nodes.": checkNode,
  "persistentvolumeclaims.": checkClaimStatus,
  "serviceaccounts.": (attributes, node, authorizer) => checkToken(authorizer, attributes, node),
  "leases.coordination.k8s.io": checkLease,
  "csinodes.storage.k8s.io": (attributes, node) => checkOwnName(attributes, node, "CSINode"),
  "resourceslices.resource.k8s.io": checkSlice,
  "certificatesigningrequests.certificates.k8s.io": checkCertificateRequest,
};

/**
 * A kubelet changes its own node, its own pods, its own lease, and nothing else
 * (https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction).
 */
export function nodeRestriction(authorizer: () => Authorizer): AdmissionPlugin {
  return {
    name: "NodeRestriction",
    handles: ({ user }) => user.groups.includes("system:nodes") && user.name.startsWith(NODE_PREFIX),
    // As upstream among the mutating ones: what is refused here, nobody is asked about, and it need not be valid.
    mutate(attributes) {
      const check = CHECKS[`${attributes.resource}.${attributes.group}`];
      if (check === undefined) return undefined;
      const node = attributes.user.name.slice(NODE_PREFIX.length);
      if (node === "") refuse(attributes, `could not determine node from user ${quoted(attributes.user.name)}`);
      return check(attributes, node, authorizer());
    },
  };
}

/** What the kubelet's volume manager tells of a claim that grows, and nothing else. */
function checkClaimStatus(attributes: AdmissionAttributes, node: string): void {
  if (attributes.subresource !== "status") refuse(attributes, "may only update PVC status");
  if (attributes.operation !== "UPDATE") refuse(attributes, `unexpected operation ${quoted(attributes.operation)}`);
  const rest = (object: unknown): unknown => {
    const { metadata, spec, status } = object as PersistentVolumeClaim;
    const { managedFields: _fields, resourceVersion: _version, ...keptMetadata } = metadata ?? {};
    const { phase, accessModes } = status ?? {};
    return { metadata: keptMetadata, spec, phase, accessModes };
  };
  if (deepEqual(rest(attributes.object), rest(attributes.oldObject))) return;
  refuse(
    attributes,
    `node ${quoted(node)} is not allowed to update fields other than status.quantity and status.conditions`,
  );
}

function checkLease(attributes: AdmissionAttributes, node: string): void {
  if (attributes.namespace !== LEASE_NAMESPACE)
    refuse(attributes, `can only access leases in the ${quoted(LEASE_NAMESPACE)} system namespace`);
  checkOwnName(attributes, node, "node lease");
}

function checkOwnName(attributes: AdmissionAttributes, node: string, what: string): void {
  const { operation, object } = attributes;
  const name = operation === "CREATE" ? (object?.metadata?.name ?? "") : attributes.name;
  if (name !== node) refuse(attributes, `can only access ${what} with the same name as the requesting node`);
}

function checkSlice(attributes: AdmissionAttributes, node: string): void {
  const { operation, object, oldObject } = attributes;
  if (operation !== "CREATE" && operation !== "DELETE") return;
  const { spec } = (operation === "CREATE" ? object : oldObject) as ResourceSlice;
  if (spec.nodeName === node) return;
  refuse(attributes, `can only ${operation.toLowerCase()} ResourceSlice with the same NodeName as the requesting node`);
}

async function checkCertificateRequest(attributes: AdmissionAttributes, node: string): Promise<void> {
  if (attributes.operation !== "CREATE" || attributes.subresource !== "") return;
  const { spec } = attributes.object as CertificateSigningRequest;
  if (!KUBELET_SIGNERS.includes(spec.signerName)) return;
  const { parseCertificateRequest } = await import("@knots/machinery/pki/request");
  let name: string;
  try {
    name = parseCertificateRequest(Buffer.from(spec.request, "base64").toString()).commonName;
  } catch (error) {
    refuse(attributes, `unable to parse csr: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (name !== NODE_PREFIX + node) refuse(attributes, `can only create a node CSR with CN=${NODE_PREFIX}${node}`);
}
