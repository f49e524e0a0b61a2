import type { ContainerExtendedResourceRequest } from "@knots/api/core/v1";
import type { AllocationResult, ResourceClaim } from "@knots/api/resource/v1";
import type { StateData } from "../../framework/cycle-state.ts";
import type { NodeInfo } from "../../framework/node-info.ts";
import { compileNodeSelector } from "../../framework/node-selector.ts";
import type { NodeMatcher } from "../../framework/node-selector.ts";
import type { PodInfo } from "../../framework/pod-info.ts";
import type { DynamicResources } from "./manager.ts";
import { extendedClaim, requestsAndMappings } from "./extended-claim.ts";
import type { PoolIndex } from "./pools.ts";

export interface PodClaim {
  readonly claim: ResourceClaim;
  /** Where its allocation can be used; undefined: everywhere, or it has none. */
  readonly reaches: NodeMatcher | undefined;
}

export function podClaim(claim: ResourceClaim): PodClaim {
  const selector = claim.status?.allocation?.nodeSelector;
  return { claim, reaches: selector === undefined ? undefined : compileNodeSelector(selector) };
}

/** The claim for a pod's extended resources, as some nodes need it. */
export interface ExtendedVariant {
  readonly claim: ResourceClaim;
  readonly mappings: readonly ContainerExtendedResourceRequest[];
}

/** What was found for one node: an allocation for each claim that needs one, that for extended resources last. */
export interface NodeAllocation {
  readonly results: readonly AllocationResult[];
  readonly extended: ExtendedVariant | undefined;
}

/** What one cycle finds out for one pod. Others' pods change nothing of it: copies may share it. */
export class ClaimState implements StateData {
  /** Those that the pod names. */
  readonly claims: readonly PodClaim[];
  readonly toAllocate: readonly ResourceClaim[];
  readonly extended: ExtendedResources | undefined;
  readonly pools: PoolIndex;
  readonly allocations = new Map<string, NodeAllocation>();
  /** Claims whose allocation kept some node from being used. */
  readonly unavailable = new Set<ResourceClaim>();
  /** Chosen in Reserve. */
  readonly chosen = new Map<ResourceClaim, AllocationResult>();
  /** Chosen in Reserve, for the pod's extended resources. */
  chosenExtended: (ExtendedVariant & { readonly allocation: AllocationResult }) | undefined;
  /** What was made of it. */
  madeExtended: ResourceClaim | undefined;

  constructor(claims: readonly PodClaim[], extended: ExtendedResources | undefined, pools: PoolIndex) {
    this.claims = claims;
    this.toAllocate = claims.flatMap(({ claim }) => (claim.status?.allocation === undefined ? [claim] : []));
    this.extended = extended;
    this.pools = pools;
  }

  clone(): ClaimState {
    return this;
  }
}

/** A pod's extended resources of which some are devices. */
export class ExtendedResources {
  /** Made in an earlier attempt that failed: it must go before the pod can be scheduled. */
  readonly stale: ResourceClaim | undefined;
  readonly #info: PodInfo;
  readonly #known: DynamicResources;
  readonly #variants = new Map<string, ExtendedVariant>();

  /** Undefined: devices have no part in what the pod asks for. */
  static of(info: PodInfo, known: DynamicResources): ExtendedResources | undefined {
    return asksForDevices(info, known) ? new ExtendedResources(info, known) : undefined;
  }

  private constructor(info: PodInfo, known: DynamicResources) {
    this.#info = info;
    this.#known = known;
    this.stale = known.claims.ofPod(info.uid);
  }

  /** What must be claimed on a node: all that it does not offer by a device plug-in. Undefined: nothing. */
  on({ allocatable }: NodeInfo): ExtendedVariant | undefined {
    const { pod, requests } = this.#info;
    const resources: string[] = [];
    for (const [name, amount] of requests.scalar) {
      const offered = (allocatable.scalar.get(name) ?? 0) > 0;
      if (amount > 0 && !offered && this.#known.classOfResource(name) !== undefined) resources.push(name);
    }
    if (resources.length === 0) return undefined;
    // Most nodes are alike: they share a claim.
    const key = resources.join();
    let variant = this.#variants.get(key);
    if (variant === undefined) {
      const found = requestsAndMappings(pod, resources, (name) => this.#known.classOfResource(name));
      variant = { claim: extendedClaim(pod, found.requests), mappings: found.mappings };
      this.#variants.set(key, variant);
    }
    return variant;
  }
}

/** Whether a pod asks for an extended resource of which a DeviceClass says that it is devices. */
export function asksForDevices({ requests }: PodInfo, { classOfResource }: DynamicResources): boolean {
  for (const [name, amount] of requests.scalar) if (amount > 0 && classOfResource(name) !== undefined) return true;
  return false;
}
