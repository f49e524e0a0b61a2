import type { Pod } from "@knots/api/core/v1";
import type { ResourceClaim } from "@knots/api/resource/v1";
import { claimNotOwned, podClaimName } from "@knots/machinery";

export function usesClaims({ spec }: Pod): boolean {
  return spec?.resourceClaims !== undefined && spec.resourceClaims.length > 0;
}

/** The claims of a pod. A string is why the pod must wait for one of them, in upstream's words. Pure. */
export function podClaims(
  pod: Pod,
  claimOf: (namespace: string, name: string) => ResourceClaim | undefined,
): ResourceClaim[] | string {
  const claims: ResourceClaim[] = [];
  for (const entry of pod.spec?.resourceClaims ?? []) {
    let found;
    try {
      found = podClaimName(pod, entry);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
    const { name, generated } = found;
    if (name === undefined) continue;
    const claim = claimOf(pod.metadata?.namespace ?? "", name);
    if (claim === undefined) return `resourceclaim.resource.k8s.io ${JSON.stringify(name)} not found`;
    if (claim.metadata?.deletionTimestamp !== undefined)
      return `resourceclaim ${JSON.stringify(name)} is being deleted`;
    const foreign = generated ? claimNotOwned(pod, claim) : undefined;
    if (foreign !== undefined) return foreign;
    // Two entries may name one claim.
    if (!claims.includes(claim)) claims.push(claim);
  }
  return claims;
}

/** Whether the pod names the claim. */
export function namesClaim(pod: Pod, claim: ResourceClaim): boolean {
  if (pod.metadata?.namespace !== claim.metadata?.namespace) return false;
  const generated = pod.status?.resourceClaimStatuses ?? [];
  return (pod.spec?.resourceClaims ?? []).some(
    ({ name, resourceClaimName }) =>
      (resourceClaimName ?? generated.find((each) => each.name === name)?.resourceClaimName) === claim.metadata?.name,
  );
}
