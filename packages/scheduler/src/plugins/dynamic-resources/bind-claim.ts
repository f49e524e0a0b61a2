import { resourceClaims } from "@knots/api/resource/v1";
import type { AllocationResult, ResourceClaim } from "@knots/api/resource/v1";
import type { Client } from "@knots/client";
import { CLAIM_FINALIZER, canBeReserved, isConflict, isReservedForPod, namespacedName } from "@knots/machinery";
import type { PodInfo } from "../../framework/pod-info.ts";

/** How often a claim is read anew that somebody else wrote meanwhile. */
const TRIES = 5;

/**
 * Writes that the pod uses the claim, and the allocation where one was chosen; the finalizer comes before it, so that no
 * allocated claim can vanish. Resolves to the claim as written. Throws where somebody else was faster with another
 * allocation, the claim is being deleted, or the API server refuses.
 */
export async function bindClaim(
  client: Client,
  claim: ResourceClaim,
  allocation: AllocationResult | undefined,
  { namespace, name, uid }: PodInfo,
): Promise<ResourceClaim> {
  const claims = client.resource(resourceClaims, namespace);
  const key = namespacedName(claim);
  let current = claim;
  for (let tries = 1; ; tries++) {
    if (current.metadata?.uid !== claim.metadata?.uid || current.metadata?.deletionTimestamp !== undefined)
      throw new Error(`claim ${key} got deleted in the meantime`);
    if (allocation !== undefined && current.status?.allocation !== undefined)
      throw new Error(`claim ${key} got allocated elsewhere in the meantime`);
    if (allocation === undefined && current.status?.allocation === undefined)
      throw new Error(`claim ${key} got deallocated elsewhere in the meantime`);
    if (isReservedForPod({ metadata: { uid } }, current)) return current;
    if (!canBeReserved(current)) throw new Error(`claim ${key} is in use by as many pods as it may be`);
    try {
      const { finalizers = [] } = current.metadata ?? {};
      if (allocation !== undefined && !finalizers.includes(CLAIM_FINALIZER)) {
        const metadata = { ...current.metadata, finalizers: [...finalizers, CLAIM_FINALIZER] };
        current = await claims.update({ ...current, metadata });
      }
      const reservedFor = [...(current.status?.reservedFor ?? []), { resource: "pods", name, uid }];
      const status = { ...current.status, ...(allocation === undefined ? {} : { allocation }), reservedFor };
      return await claims.updateStatus({ ...current, status });
    } catch (error) {
      if (!isConflict(error) || tries === TRIES)
        throw new Error(`${what(allocation)} to claim ${key}: ${messageOf(error)}`, { cause: error });
      current = await claims.get(claim.metadata?.name ?? "");
    }
  }
}

function what(allocation: AllocationResult | undefined): string {
  return allocation === undefined ? "add reservation" : "add allocation and reservation";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
