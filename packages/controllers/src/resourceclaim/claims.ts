import type { Pod, PodResourceClaim } from "@knots/api/core/v1";
import type { ResourceClaim, ResourceClaimConsumerReference, ResourceClaimTemplate } from "@knots/api/resource/v1";
import { ClaimNotCreatedError, newControllerRef, podClaimName, POD_CLAIM_ANNOTATION } from "@knots/machinery";
import { metaOf } from "../framework/objects.ts";

/** Room for the five characters that the server adds, in a name of 63. */
const MAX_BASE = 57;

/** "pod-claim-", each part cut in proportion where both together are too long. Pure. */
export function claimBaseName(pod: string, claim: string): string {
  const whole = `${pod}-${claim}-`;
  if (whole.length <= MAX_BASE) return whole;
  const cut = (text: string): string => text.slice(0, Math.floor((text.length * MAX_BASE) / whole.length));
  return `${cut(pod)}-${cut(claim)}`;
}

/** The claim that a template describes, for one entry of a pod's spec.resourceClaims. Pure. */
export function claimFromTemplate(pod: Pod, entry: PodResourceClaim, template: ResourceClaimTemplate): ResourceClaim {
  const { name, namespace } = metaOf(pod);
  const { labels, annotations } = template.spec.metadata ?? {};
  return {
    apiVersion: "resource.k8s.io/v1",
    kind: "ResourceClaim",
    metadata: {
      generateName: claimBaseName(name, entry.name),
      namespace,
      ...(labels === undefined ? {} : { labels: { ...labels } }),
      annotations: { ...annotations, [POD_CLAIM_ANNOTATION]: entry.name },
      ownerReferences: [newControllerRef(pod, { group: "", version: "v1", kind: "Pod" })],
    },
    spec: structuredClone(template.spec.spec),
  };
}

/** Whether the pod has, or will have, claims: its own or the one for its extended resources. Pure. */
export function hasClaims({ spec, status }: Pod): boolean {
  return spec?.resourceClaims !== undefined || status?.extendedResourceClaimStatus !== undefined;
}

/** The names of the pod's claims, as far as they are known. Pure. */
export function knownClaimNames(pod: Pod): string[] {
  const extended = pod.status?.extendedResourceClaimStatus?.resourceClaimName;
  const own = (pod.spec?.resourceClaims ?? []).flatMap((entry) => {
    try {
      const { name } = podClaimName(pod, entry);
      return name === undefined ? [] : [name];
    } catch (error) {
      if (error instanceof ClaimNotCreatedError) return [];
      // An entry of a kind that is not known here names no claim that is.
      return [];
    }
  });
  return extended === undefined ? own : [...own, extended];
}

/** A claim without the users that need it no more; what was allocated for the last of them is given back. Pure. */
export function withUsers(claim: ResourceClaim, users: readonly ResourceClaimConsumerReference[]): ResourceClaim {
  const { reservedFor: _reservedFor, ...rest } = claim.status ?? {};
  if (users.length > 0) return { ...claim, status: { ...rest, reservedFor: [...users] } };
  const { allocation: _allocation, devices: _devices, ...status } = rest;
  return { ...claim, status };
}
