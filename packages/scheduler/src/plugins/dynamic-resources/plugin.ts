import { randomUUID } from "node:crypto";
import { resourceClaims } from "@knots/api/resource/v1";
import type { ResourceClaim } from "@knots/api/resource/v1";
import { canBeReserved, formatTime, isReservedForPod, namespacedName } from "@knots/machinery";
import type { StateData } from "../../framework/cycle-state.ts";
import type { Handle } from "../../framework/handle.ts";
import type {
  FilterPlugin,
  PostFilterPlugin,
  PreBindPlugin,
  PreEnqueuePlugin,
  PreFilterPlugin,
  ReservePlugin,
} from "../../framework/plugin.ts";
import type { PodInfo } from "../../framework/pod-info.ts";
import { errorStatus, SKIP, unresolvable, unschedulable } from "../../framework/status.ts";
import type { Status } from "../../framework/status.ts";
import { NAMES } from "../names.ts";
import { allocate, AllocationTimeout, NodeUnsuitable } from "./allocator.ts";
import { bindClaim } from "./bind-claim.ts";
import { createExtendedClaim, deleteClaim, tellPod, waitForInformer } from "./bind-extended.ts";
import { asksForDevices, ClaimState, ExtendedResources, podClaim } from "./claim-state.ts";
import type { NodeAllocation } from "./claim-state.ts";
import { claimHint } from "./hints.ts";
import { podClaims, usesClaims } from "./pod-claims.ts";
import { waitForDevices } from "./wait-for-devices.ts";

/** DynamicResourcesArgs. */
export interface DynamicResourcesArgs {
  /** How long looking for devices on one node may take; 0: as long as it takes. */
  readonly filterTimeoutMs?: number;
  /** How long devices may take to be made ready for their pod. */
  readonly bindingTimeoutMs?: number;
}

const DEFAULT_FILTER_TIMEOUT = 10_000;
const DEFAULT_BINDING_TIMEOUT = 600_000;
const IN_USE = unresolvable("resourceclaim in use");
const NOT_ALL = unresolvable("cannot allocate all claims");
const STALE = unresolvable("cannot schedule extended resource claim");
const UNAVAILABLE = unresolvable("resourceclaim not available on the node");

/** Gives pods the devices that their ResourceClaims ask for. */
export function dynamicResources(
  handle: Handle,
  { filterTimeoutMs = DEFAULT_FILTER_TIMEOUT, bindingTimeoutMs = DEFAULT_BINDING_TIMEOUT }: DynamicResourcesArgs = {},
): PreEnqueuePlugin & PreFilterPlugin & FilterPlugin & PostFilterPlugin & ReservePlugin & PreBindPlugin {
  const { clock, client } = handle;
  const { dynamicResources: known } = handle.listers;
  const claimOf = (namespace: string, name: string): ResourceClaim | undefined => known.claims.get(namespace, name);
  const stateOf = (state: { read<T extends StateData>(key: string): T | undefined }): ClaimState | undefined =>
    state.read<ClaimState>(NAMES.dynamicResources);

  return {
    name: NAMES.dynamicResources,
    events: [
      "ResourceClaimChange",
      "ResourceSliceChange",
      "DeviceClassChange",
      "AssignedPodDelete",
      "NodeAdd",
      "NodeLabelChange",
      // What a device plug-in offers (no more) need not (but must) be claimed.
      "NodeAllocatableChange",
      "PodUpdate",
    ],
    hint: (info, event, old, current) => claimHint(info, event, old, current, (other) => asksForDevices(other, known)),

    preEnqueue({ pod }) {
      if (!usesClaims(pod)) return undefined;
      const claims = podClaims(pod, claimOf);
      return typeof claims === "string" ? unresolvable(claims) : undefined;
    },

    preFilter(state, info) {
      const { pod } = info;
      const extended = ExtendedResources.of(info, known);
      if (!usesClaims(pod) && extended === undefined) return { status: SKIP };
      const claims = podClaims(pod, claimOf);
      if (typeof claims === "string") return { status: unresolvable(claims) };
      if (claims.length === 0 && extended === undefined) return { status: SKIP };
      for (const claim of claims) {
        const status = whyNot(claim, pod);
        if (status !== undefined) return { status };
      }
      state.write(NAMES.dynamicResources, new ClaimState(claims.map(podClaim), extended, known.pools()));
      return undefined;
    },

    filter(state, _pod, nodeInfo) {
      const { name, node } = nodeInfo;
      const data = stateOf(state);
      if (data === undefined || node === undefined) return undefined;
      if (data.extended?.stale !== undefined) return STALE;
      const extended = data.extended?.on(nodeInfo);
      let available = true;
      for (const { claim, reaches } of data.claims) {
        if (reaches === undefined || reaches(node)) continue;
        data.unavailable.add(claim);
        available = false;
      }
      if (!available) return UNAVAILABLE;
      const wanted = extended === undefined ? data.toAllocate : [...data.toAllocate, extended.claim];
      if (wanted.length === 0) return undefined;
      const deadline = filterTimeoutMs === 0 ? Infinity : clock.monotonic() + filterTimeoutMs;
      try {
        const results = allocate({
          node,
          pools: data.pools.reachableFrom(node),
          claims: wanted,
          classOf: (className) => known.deviceClass(className),
          inUse: known.claims.inUse,
          selectors: known.selectors,
          newShareId: randomUUID,
          isLate: () => clock.monotonic() > deadline,
        });
        if (results === undefined) return NOT_ALL;
        data.allocations.set(name, { results, extended });
        return undefined;
      } catch (error) {
        if (error instanceof AllocationTimeout) return unschedulable(error.message);
        return error instanceof NodeUnsuitable ? unresolvable(error.message) : errorStatus(error);
      }
    },

    async postFilter(state, { pod }) {
      const data = stateOf(state);
      // Said of pods without claims, too: so upstream's message reads.
      if (data === undefined) return { status: unschedulable("no new claims to deallocate") };
      for (const claim of data.unavailable) {
        const users = claim.status?.reservedFor ?? [];
        if (users.length > 1 || (users.length === 1 && !isReservedForPod(pod, claim))) continue;
        const { allocation: _allocation, reservedFor: _reservedFor, devices: _devices, ...status } = claim.status ?? {};
        try {
          await client.resource(resourceClaims, pod.metadata?.namespace).updateStatus({ ...claim, status });
        } catch (error) {
          return { status: errorStatus(error) };
        }
        return { status: unschedulable("deallocation of ResourceClaim completed") };
      }
      const stale = data.extended?.stale;
      if (stale === undefined) return { status: unschedulable("still not schedulable") };
      try {
        await deleteClaim(client, stale);
      } catch (error) {
        return { status: errorStatus(error) };
      }
      return { status: unschedulable("deletion of ResourceClaim completed") };
    },

    reserve(state, { uid }, nodeName) {
      const data = stateOf(state);
      if (data === undefined) return undefined;
      const found = data.allocations.get(nodeName);
      // The node may offer by a device plug-in all that could be claimed.
      if (found === undefined && data.toAllocate.length === 0) return undefined;
      if (found === undefined) return errorStatus(new Error("claim allocation not found for node"));
      return take(data, uid, found);
    },

    unreserve(state, info) {
      const data = stateOf(state);
      for (const { claim } of data?.claims ?? []) {
        if (data?.chosen.has(claim) === true) known.claims.release(claim);
        const now = claimOf(info.namespace, claim.metadata?.name ?? "");
        if (now?.metadata?.uid === claim.metadata?.uid && now !== undefined && isReservedForPod(info.pod, now))
          void dropReservation(now, info);
      }
      if (data?.chosenExtended === undefined) return;
      known.claims.breakPromise(info.uid);
      if (data.madeExtended !== undefined) void dropExtended(data.madeExtended, info);
    },

    async preBind(state, info, _nodeName, signal) {
      const data = stateOf(state);
      if (data === undefined) return undefined;
      try {
        const bound: ResourceClaim[] = [];
        for (const { claim } of data.claims) {
          if (isReservedForPod(info.pod, claim)) bound.push(claim);
          else {
            const chosen = data.chosen.get(claim);
            const written = await bindClaim(client, claim, chosen && { ...chosen, ...allocatedNow() }, info);
            known.claims.confirm(written);
            bound.push(written);
          }
        }
        if (data.chosenExtended !== undefined) bound.push(await bindExtended(data, data.chosenExtended, info, signal));
        await waitForDevices(handle, bound, {
          timeoutMs: bindingTimeoutMs,
          signal,
          current: (claim) => claimOf(info.namespace, claim.metadata?.name ?? ""),
          deallocated: (claim) => known.claims.confirm(claim),
        });
        return undefined;
      } catch (error) {
        return errorStatus(error);
      }
    },
  };

  function allocatedNow(): { readonly allocationTimestamp: string } {
    return { allocationTimestamp: formatTime(new Date(clock.now())) };
  }

  /** From now on the devices are the pod's. */
  function take(data: ClaimState, uid: string, { results, extended }: NodeAllocation): Status | undefined {
    for (const [i, claim] of data.toAllocate.entries()) {
      const allocation = results[i];
      if (allocation === undefined) return errorStatus(new Error(`no allocation for claim ${namespacedName(claim)}`));
      data.chosen.set(claim, allocation);
      known.claims.reserve({ ...claim, status: { ...claim.status, allocation } });
    }
    const allocation = results[data.toAllocate.length];
    if (extended === undefined) return undefined;
    if (allocation === undefined)
      return errorStatus(new Error(`no allocation for claim ${namespacedName(extended.claim)}`));
    data.chosenExtended = { ...extended, allocation };
    known.claims.promise(uid, { ...extended.claim, status: { allocation } });
    return undefined;
  }

  async function bindExtended(
    data: ClaimState,
    { claim, mappings, allocation }: NonNullable<ClaimState["chosenExtended"]>,
    info: PodInfo,
    signal: AbortSignal,
  ): Promise<ResourceClaim> {
    const made = await createExtendedClaim(client, claim);
    // Known from here on: what fails now must take it back.
    data.madeExtended = made;
    const written = await bindClaim(client, made, { ...allocation, ...allocatedNow() }, info);
    data.madeExtended = written;
    known.claims.confirm(written);
    const name = written.metadata?.name ?? "";
    await waitForInformer(clock, signal, () => claimOf(info.namespace, name) !== undefined);
    known.claims.confirm(written);
    known.claims.breakPromise(info.uid);
    await tellPod(client, info, written, mappings);
    return written;
  }

  async function dropExtended(claim: ResourceClaim, info: PodInfo): Promise<void> {
    try {
      await deleteClaim(client, claim);
    } catch (error) {
      // The next attempt finds and deletes it; where there is none, the garbage collector does once the pod is gone.
      handle.logger.warn(
        { pod: info.key, claim: claim.metadata?.name, err: error },
        "the claim for a pod's extended resources was not deleted",
      );
    }
  }

  function whyNot(claim: ResourceClaim, pod: PodInfo["pod"]): Status | undefined {
    if (claim.status?.allocation !== undefined && !known.claims.isPending(claim))
      return canBeReserved(claim) || isReservedForPod(pod, claim) ? undefined : IN_USE;
    if (known.claims.isPending(claim))
      return unresolvable(`resource claim ${namespacedName(claim)} is in the process of being allocated`);
    for (const { name, exactly, firstAvailable = [] } of claim.spec.devices?.requests ?? []) {
      const wanted = exactly === undefined ? firstAvailable : [{ ...exactly, name: "" }];
      for (const each of wanted) {
        if (known.deviceClass(each.deviceClassName) !== undefined) continue;
        const request = each.name === "" ? name : `${name}/${each.name}`;
        return unresolvable(`request ${request}: device class ${each.deviceClassName} does not exist`);
      }
    }
    return undefined;
  }

  async function dropReservation({ metadata }: ResourceClaim, info: PodInfo): Promise<void> {
    const patch = {
      metadata: { uid: metadata?.uid },
      status: { reservedFor: [{ $patch: "delete", uid: info.uid }] },
    };
    try {
      await client
        .resource(resourceClaims, info.namespace)
        .patch(metadata?.name ?? "", patch, { type: "strategic", subresource: "status" });
    } catch (error) {
      // The resource claim controller drops it once the pod is gone; another try of the pod finds it reserved.
      handle.logger.warn(
        { pod: info.key, claim: metadata?.name, err: error },
        "a claim's reservation was not taken back",
      );
    }
  }
}
