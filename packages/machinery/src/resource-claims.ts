// Which ResourceClaims belong to a pod, and who may use them: each rule once, for scheduler, controller and kubelet.
import type { KubeObject } from "./object.ts";
import { isControlledBy } from "./owner-refs.ts";

/** Keeps an allocated claim from going away while its devices may be in use. */
export const CLAIM_FINALIZER = "resource.kubernetes.io/delete-protection";
/** On a claim made from a template: the name it has within its pod. */
export const POD_CLAIM_ANNOTATION = "resource.kubernetes.io/pod-claim-name";
/** So many pods may share a claim. */
const MAX_RESERVED_FOR = 256;

interface PodResourceClaimLike {
  name: string;
  resourceClaimName?: string;
  resourceClaimTemplateName?: string;
}

interface PodLike extends KubeObject {
  spec?: { resourceClaims?: readonly PodResourceClaimLike[] };
  status?: { resourceClaimStatuses?: readonly { name: string; resourceClaimName?: string }[] };
}

interface ResourceClaimLike extends KubeObject {
  status?: { reservedFor?: readonly { uid: string }[] };
}

/** The claim of one entry of spec.resourceClaims. */
export interface PodClaimName {
  /** Undefined where it was found that the pod needs none. */
  readonly name: string | undefined;
  /** Made from a template: it must be the pod's own. */
  readonly generated: boolean;
}

/** The claim was not made from its template yet. */
export class ClaimNotCreatedError extends Error {
  override readonly name = "ClaimNotCreatedError";
}

/** Throws ClaimNotCreatedError, or an Error for an entry that says neither claim nor template; in upstream's words. */
export function podClaimName(pod: PodLike, claim: PodResourceClaimLike): PodClaimName {
  if (claim.resourceClaimName !== undefined) return { name: claim.resourceClaimName, generated: false };
  const key = `pod "${pod.metadata?.namespace ?? ""}/${pod.metadata?.name ?? ""}"`;
  if (claim.resourceClaimTemplateName === undefined) {
    throw new Error(`${key}, spec.resourceClaim ${JSON.stringify(claim.name)}: none of the supported fields are set`);
  }
  const status = pod.status?.resourceClaimStatuses?.find(({ name }) => name === claim.name);
  if (status === undefined) throw new ClaimNotCreatedError(`${key}: ResourceClaim not created yet`);
  return { name: status.resourceClaimName, generated: true };
}

/** Why a generated claim is not the pod's own; undefined: it is. */
export function claimNotOwned(pod: KubeObject, claim: KubeObject): string | undefined {
  if (isControlledBy(claim, pod)) return undefined;
  const of = ({ metadata }: KubeObject): string => `${metadata?.namespace ?? ""}/${metadata?.name ?? ""}`;
  return `ResourceClaim ${of(claim)} was not created for pod ${of(pod)} (pod is not owner)`;
}

export function isReservedForPod(pod: KubeObject, claim: ResourceClaimLike): boolean {
  return claim.status?.reservedFor?.some(({ uid }) => uid === pod.metadata?.uid) ?? false;
}

/** Whether one pod more may use the claim. */
export function canBeReserved(claim: ResourceClaimLike): boolean {
  return (claim.status?.reservedFor ?? []).length < MAX_RESERVED_FOR;
}

/** Whether the pod has ended, or will never begin: it needs its claims no more. */
export function isDoneWithClaims(
  pod: KubeObject & { spec?: { nodeName?: string }; status?: { phase?: string } },
): boolean {
  const { phase } = pod.status ?? {};
  if (phase === "Succeeded" || phase === "Failed") return true;
  return pod.metadata?.deletionTimestamp !== undefined && !pod.spec?.nodeName;
}
