// Groups of the project itself take only APIs that went through its review.
import type { CustomResourceDefinition, CustomResourceDefinitionCondition } from "@knots/api/apiextensions/v1";
import { FieldPath, invalid, required } from "@knots/machinery";
import type { FieldError } from "@knots/machinery";

const ANNOTATION = "api-approved.kubernetes.io";
const REVIEW = "https://github.com/kubernetes/enhancements/pull/1111";

type Approval =
  | { readonly state: "missing"; readonly reason: string }
  | { readonly state: "invalid"; readonly reason: string }
  | { readonly state: "approved"; readonly reason: string }
  | { readonly state: "bypassed"; readonly reason: string };

function isProtected(group: string): boolean {
  return /(?:^|\.)(?:k8s|kubernetes)\.io$/.test(group);
}

function approvalOf(crd: CustomResourceDefinition): Approval {
  const value = crd.metadata?.annotations?.[ANNOTATION] ?? "";
  if (value === "") {
    return {
      state: "missing",
      reason: `protected groups must have approval annotation "${ANNOTATION}", see ${REVIEW}`,
    };
  }
  if (value.startsWith("unapproved")) return { state: "bypassed", reason: `not approved: ${JSON.stringify(value)}` };
  if (/^\w[\w+.-]*:\/\/[^/\s]+/.test(value)) return { state: "approved", reason: `approved in ${value}` };
  return {
    state: "invalid",
    reason: `protected groups must have approval annotation "${ANNOTATION}" with either a URL or a reason starting with "unapproved", see ${REVIEW}`,
  };
}

/** A definition that lacked approval before may go on without. */
export function approvalErrors(crd: CustomResourceDefinition, old: CustomResourceDefinition | undefined): FieldError[] {
  if (!isProtected(crd.spec.group)) return [];
  const { state, reason } = approvalOf(crd);
  if (old !== undefined && approvalOf(old).state === state) return [];
  const at = FieldPath.root("metadata").child("annotations").key(ANNOTATION);
  if (state === "missing") return [required(at, reason)];
  return state === "invalid" ? [invalid(at, crd.metadata?.annotations?.[ANNOTATION] ?? "", reason)] : [];
}

/** The condition that tells of it; undefined for groups that need no approval. */
export function approvalCondition(crd: CustomResourceDefinition): CustomResourceDefinitionCondition | undefined {
  if (!isProtected(crd.spec.group)) return undefined;
  const { state, reason } = approvalOf(crd);
  const type = "KubernetesAPIApprovalPolicyConformant";
  switch (state) {
    case "approved":
      return { type, status: "True", reason: "ApprovedAnnotation", message: reason };
    case "bypassed":
      return { type, status: "False", reason: "UnapprovedAnnotation", message: reason };
    case "missing":
      return { type, status: "False", reason: "MissingAnnotation", message: reason };
    case "invalid":
      return { type, status: "False", reason: "InvalidAnnotation", message: reason };
  }
}
