import type { Pod } from "@knots/api/core/v1";
import { pods } from "@knots/api/core/v1";
import { resourceClaims } from "@knots/api/resource/v1";
import type { ResourceClaim, ResourceClaimConsumerReference } from "@knots/api/resource/v1";
import type { Client, Lister } from "@knots/client";
import { CLAIM_FINALIZER, getControllerOf, isDoneWithClaims, isNotFound } from "@knots/machinery";
import { isBeingDeleted, metaOf } from "../framework/objects.ts";
import { withUsers } from "./claims.ts";

export interface ReleaseParts {
  readonly client: Client;
  readonly pods: Lister<Pod>;
  /** Uids of pods that are known to be gone. */
  readonly gone: { has(uid: string): boolean };
}

/** Takes from a claim what its users need no more: reservations, the allocation, the finalizer, at last the claim itself. */
export async function releaseClaim(parts: ReleaseParts, claim: ResourceClaim): Promise<void> {
  const claims = parts.client.resource(resourceClaims, metaOf(claim).namespace);
  const before = claim.status?.reservedFor ?? [];
  const users: ResourceClaimConsumerReference[] = [];
  for (const user of before) if (await isUsing(parts, claim, user)) users.push(user);
  let current = claim;
  // Updates, not patches: they must fail where a scheduler gave the claim a user meanwhile.
  const deletedUnused = isBeingDeleted(claim) && users.length === 0;
  if (users.length < before.length || (deletedUnused && claim.status?.allocation !== undefined)) {
    current = await claims.updateStatus(withUsers(current, users));
  }
  const finalizers = current.metadata?.finalizers ?? [];
  const unneeded = users.length < before.length || deletedUnused;
  if (unneeded && current.status?.allocation === undefined && finalizers.includes(CLAIM_FINALIZER)) {
    const metadata = { ...current.metadata, finalizers: finalizers.filter((each) => each !== CLAIM_FINALIZER) };
    current = await claims.update({ ...current, metadata });
  }
  if (users.length === 0 && !isBeingDeleted(claim) && isLeftOver(parts, claim)) {
    const { name, uid } = metaOf(claim);
    try {
      await claims.delete(name, { preconditions: { uid } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

async function isUsing(
  { client, pods: known, gone }: ReleaseParts,
  claim: ResourceClaim,
  user: ResourceClaimConsumerReference,
): Promise<boolean> {
  if ((user.apiGroup ?? "") !== "" || user.resource !== "pods")
    throw new Error(`unsupported ReservedFor entry: ${JSON.stringify(user)}`);
  if (gone.has(user.uid)) return false;
  const { namespace } = metaOf(claim);
  const pod = known.get(`${namespace}/${user.name}`);
  if (pod !== undefined) return pod.metadata?.uid === user.uid && !isDoneWithClaims(pod);
  try {
    // The informer may not have it yet: a reservation that a scheduler has just made must stay.
    return (await client.resource(pods, namespace).get(user.name)).metadata?.uid === user.uid;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

/** Made for a pod that is done, while the pod itself may stay for long. Where the pod is gone the garbage collector comes. */
function isLeftOver({ pods: known }: ReleaseParts, claim: ResourceClaim): boolean {
  const owner = getControllerOf(claim);
  if (owner === undefined || owner.kind !== "Pod" || owner.apiVersion !== "v1") return false;
  const pod = known.get(`${metaOf(claim).namespace}/${owner.name}`);
  return pod !== undefined && (pod.metadata?.uid !== owner.uid || isDoneWithClaims(pod));
}
