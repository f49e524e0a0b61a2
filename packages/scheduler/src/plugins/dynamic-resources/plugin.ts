import { randomUUID } from "node:crypto";
import { resourceClaims } from "@knots/api/resource/v1";
import type { AllocationResult, ResourceClaim } from "@knots/api/resource/v1";
import { canBeReserved, formatTime, isReservedForPod, namespacedName } from "@knots/machinery";
import type { StateData } from "../../framework/cycle-state.ts";
import type { Handle } from "../../framework/handle.ts";
import { compileNodeSelector } from "../../framework/node-selector.ts";
import type { NodeMatcher } from "../../framework/node-selector.ts";
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
import { claimHint } from "./hints.ts";
import { podClaims, usesClaims } from "./pod-claims.ts";
import type { PoolIndex } from "./pools.ts";
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
const UNAVAILABLE = unresolvable("resourceclaim not available on the node");

interface PodClaim {
  readonly claim: ResourceClaim;
  /** Where its allocation can be used; undefined: everywhere, or it has none. */
  readonly reaches: NodeMatcher | undefined;
}

/** What one cycle finds out for one pod. Others' pods change nothing of it: copies may share it. */
class ClaimState implements StateData {
  readonly claims: readonly PodClaim[];
  readonly toAllocate: readonly ResourceClaim[];
  readonly pools: PoolIndex;
  /** By node, for `toAllocate` in its order. */
  readonly allocations = new Map<string, readonly AllocationResult[]>();
  /** Claims whose allocation kept some node from being used. */
  readonly unavailable = new Set<ResourceClaim>();
  /** Chosen in Reserve. */
  readonly chosen = new Map<ResourceClaim, AllocationResult>();

  constructor(claims: readonly PodClaim[], pools: PoolIndex) {
    this.claims = claims;
    this.toAllocate = claims.flatMap(({ claim }) => (claim.status?.allocation === undefined ? [claim] : []));
    this.pools = pools;
  }

  clone(): ClaimState {
    return this;
  }
}

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
      "PodUpdate",
    ],
    hint: claimHint,

    preEnqueue({ pod }) {
      if (!usesClaims(pod)) return undefined;
      const claims = podClaims(pod, claimOf);
      return typeof claims === "string" ? unresolvable(claims) : undefined;
    },

    preFilter(state, { pod }) {
      if (!usesClaims(pod)) return { status: SKIP };
      const claims = podClaims(pod, claimOf);
      if (typeof claims === "string") return { status: unresolvable(claims) };
      if (claims.length === 0) return { status: SKIP };
      for (const claim of claims) {
        const status = whyNot(claim, pod);
        if (status !== undefined) return { status };
      }
      const withReach = claims.map((claim): PodClaim => {
        const selector = claim.status?.allocation?.nodeSelector;
        return { claim, reaches: selector === undefined ? undefined : compileNodeSelector(selector) };
      });
      state.write(NAMES.dynamicResources, new ClaimState(withReach, known.pools()));
      return undefined;
    },

    filter(state, _pod, { name, node }) {
      const data = stateOf(state);
      if (data === undefined || node === undefined) return undefined;
      let available = true;
      for (const { claim, reaches } of data.claims) {
        if (reaches === undefined || reaches(node)) continue;
        data.unavailable.add(claim);
        available = false;
      }
      if (!available) return UNAVAILABLE;
      if (data.toAllocate.length === 0) return undefined;
      const deadline = filterTimeoutMs === 0 ? Infinity : clock.monotonic() + filterTimeoutMs;
      try {
        const allocations = allocate({
          node,
          pools: data.pools.reachableFrom(node),
          claims: data.toAllocate,
          classOf: (className) => known.deviceClass(className),
          inUse: known.claims.inUse,
          selectors: known.selectors,
          newShareId: randomUUID,
          isLate: () => clock.monotonic() > deadline,
        });
        if (allocations === undefined) return NOT_ALL;
        data.allocations.set(name, allocations);
        return undefined;
      } catch (error) {
        if (error instanceof AllocationTimeout) return unschedulable(error.message);
        return error instanceof NodeUnsuitable ? unresolvable(error.message) : errorStatus(error);
      }
    },

    async postFilter(state, { pod }) {
      const data = usesClaims(pod) ? stateOf(state) : undefined;
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
      return { status: unschedulable("still not schedulable") };
    },

    reserve(state, _pod, nodeName) {
      const data = stateOf(state);
      if (data === undefined || data.toAllocate.length === 0) return undefined;
      const allocations = data.allocations.get(nodeName);
      if (allocations === undefined) return errorStatus(new Error("claim allocation not found for node"));
      for (const [i, claim] of data.toAllocate.entries()) {
        const allocation = allocations[i];
        if (allocation === undefined) return errorStatus(new Error(`no allocation for claim ${namespacedName(claim)}`));
        data.chosen.set(claim, allocation);
        known.claims.reserve({ ...claim, status: { ...claim.status, allocation } });
      }
      return undefined;
    },

    unreserve(state, info) {
      const data = stateOf(state);
      for (const { claim } of data?.claims ?? []) {
        if (data?.chosen.has(claim) === true) known.claims.release(claim);
        const now = claimOf(info.namespace, claim.metadata?.name ?? "");
        if (now?.metadata?.uid === claim.metadata?.uid && now !== undefined && isReservedForPod(info.pod, now))
          void dropReservation(now, info);
      }
    },

    async preBind(state, info, _nodeName, signal) {
      const data = stateOf(state);
      try {
        const bound: ResourceClaim[] = [];
        for (const { claim } of data?.claims ?? []) {
          if (isReservedForPod(info.pod, claim)) bound.push(claim);
          else {
            const chosen = data?.chosen.get(claim);
            const allocation = chosen && { ...chosen, allocationTimestamp: formatTime(new Date(clock.now())) };
            const written = await bindClaim(client, claim, allocation, info);
            known.claims.confirm(written);
            bound.push(written);
          }
        }
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
