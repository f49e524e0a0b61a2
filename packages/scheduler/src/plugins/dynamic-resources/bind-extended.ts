import { pods } from "@knots/api/core/v1";
import type { ContainerExtendedResourceRequest } from "@knots/api/core/v1";
import { resourceClaims } from "@knots/api/resource/v1";
import type { ResourceClaim } from "@knots/api/resource/v1";
import type { Client } from "@knots/client";
import { CLAIM_FINALIZER, isConflict, isNotFound, namespacedName } from "@knots/machinery";
import type { Clock } from "@knots/machinery";
import type { PodInfo } from "../../framework/pod-info.ts";

/** How often a claim is read anew that somebody else wrote meanwhile. */
const TRIES = 5;
/** Ms between two looks whether the informer has a claim. */
const POLL = 20;
/** Ms for which it is waited for. */
const MAX_WAIT = 120_000;

/** Makes the claim for a pod's extended resources, under a name that the API server finds. */
export async function createExtendedClaim(client: Client, claim: ResourceClaim): Promise<ResourceClaim> {
  const { name: _unmade, ...metadata } = claim.metadata ?? {};
  try {
    return await client
      .resource(resourceClaims, metadata.namespace)
      // With the finalizer at once: no allocated claim may vanish.
      .create({ ...claim, metadata: { ...metadata, finalizers: [CLAIM_FINALIZER] } });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`create claim for extended resources ${namespacedName(claim)}: ${message}`, { cause: error });
  }
}

/** Tells the pod which claim it has, and which of its containers gets what of it: the kubelet reads it there. */
export async function tellPod(
  client: Client,
  { namespace, name, uid }: PodInfo,
  claim: ResourceClaim,
  requestMappings: readonly ContainerExtendedResourceRequest[],
): Promise<void> {
  const extendedResourceClaimStatus = { resourceClaimName: claim.metadata?.name ?? "", requestMappings };
  try {
    await client
      .resource(pods, namespace)
      .patch(
        name,
        { metadata: { uid }, status: { extendedResourceClaimStatus } },
        { type: "strategic", subresource: "status" },
      );
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`update pod ${namespace}/${name} ExtendedResourceClaimStatus: ${message}`, { cause: error });
  }
}

/** Deletes a claim that nobody uses, and what would keep it. */
export async function deleteClaim(client: Client, claim: ResourceClaim): Promise<void> {
  const { name = "", namespace, uid = "" } = claim.metadata ?? {};
  const claims = client.resource(resourceClaims, namespace);
  let current = claim;
  for (let tries = 1; ; tries++) {
    try {
      const { finalizers = [] } = current.metadata ?? {};
      if (finalizers.includes(CLAIM_FINALIZER)) {
        const metadata = { ...current.metadata, finalizers: finalizers.filter((each) => each !== CLAIM_FINALIZER) };
        await claims.update({ ...current, metadata });
      }
      await claims.delete(name, { preconditions: { uid } });
      return;
    } catch (error) {
      if (isNotFound(error)) return;
      if (!isConflict(error) || tries === TRIES) throw error;
    }
    try {
      current = await claims.get(name);
    } catch (error) {
      if (isNotFound(error)) return;
      throw error;
    }
    // Another of its name is another's.
    if (current.metadata?.uid !== uid) return;
  }
}

/** Resolves once `isThere`, or when it has taken so long that something else must be wrong. */
export async function waitForInformer(clock: Clock, signal: AbortSignal, isThere: () => boolean): Promise<void> {
  const deadline = clock.monotonic() + MAX_WAIT;
  while (!isThere() && clock.monotonic() < deadline) await clock.sleep(POLL, signal);
}
