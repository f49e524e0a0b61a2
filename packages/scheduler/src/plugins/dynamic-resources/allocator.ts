// Chooses devices for claims, as far as KEP-4381 (structured parameters) and what builds on it are stable in v1.36.
import type { Node } from "@knots/api/core/v1";
import type { AllocationResult, DeviceSelector, DeviceTaint, ResourceClaim } from "@knots/api/resource/v1";
import { findMatchingUntoleratedTaint, namespacedName } from "@knots/machinery";
import type { ResourceAmounts } from "@knots/machinery";
import { allocationResult } from "./allocation-result.ts";
import type { Pick } from "./allocation-result.ts";
import { makeConstraint } from "./constraints.ts";
import type { Constraint } from "./constraints.ts";
import { consumedCapacity, fitsCapacity } from "./consumable-capacity.ts";
import { Counters } from "./counters.ts";
import { SelectorError } from "./device-selector.ts";
import type { DeviceSelectors } from "./device-selector.ts";
import type { DevicesInUse } from "./devices-in-use.ts";
import type { PoolDevice, ReachablePool } from "./pools.ts";
import { alternativesOf, at, ClaimError } from "./requests.ts";
import type { Alternative, ClassOf } from "./requests.ts";

/** A claim's result has no room for more devices. */
const MAX_DEVICES = 32;

/** Nothing can be allocated on this node for now; the message says why. */
export class NodeUnsuitable extends Error {
  override readonly name = "NodeUnsuitable";
}

/** The search took longer than it may. */
export class AllocationTimeout extends Error {
  override readonly name = "AllocationTimeout";
}

export interface AllocationInput {
  readonly node: Node;
  readonly pools: readonly ReachablePool[];
  /** To be satisfied together. */
  readonly claims: readonly ResourceClaim[];
  readonly classOf: ClassOf;
  readonly inUse: DevicesInUse;
  readonly selectors: DeviceSelectors;
  /** For what is taken of devices that may be shared. */
  newShareId(): string;
  /** Asked now and then: whether to give up. */
  isLate?(): boolean;
}

/**
 * An allocation for each of the claims, in their order; undefined where the node cannot have them all. The first that is
 * found is taken: requests in their order, devices in the order of the pools. Pure but for the identifiers of shares.
 * Throws ClaimError and SelectorError where a claim or class is wrong, NodeUnsuitable, AllocationTimeout.
 */
export function allocate(input: AllocationInput): AllocationResult[] | undefined {
  const search = new Search(input);
  if (!search.run()) return undefined;
  return input.claims.map((claim, i) => {
    const { chosen, picks } = search.found(i);
    return allocationResult(claim, chosen, picks, input.node, () => input.newShareId());
  });
}

/** A request's alternative with what is known before the search. */
interface Wanted extends Alternative {
  /** All devices that it selects, where it wants them all. */
  readonly every: readonly PoolDevice[];
  readonly devices: number;
}

interface ClaimSearch {
  readonly claim: ResourceClaim;
  readonly requests: readonly (readonly Wanted[])[];
  readonly constraints: readonly Constraint[];
  /** The alternative that is tried, by request. */
  readonly chosen: Wanted[];
  readonly picks: Pick[];
}

type Found = { readonly [P in "chosen" | "picks"]: ClaimSearch[P] };

/** Goes through the combinations of devices, depth first; what is picked is marked as taken and given back on retreat. */
class Search {
  readonly #input: AllocationInput;
  readonly #claims: readonly ClaimSearch[];
  readonly #counters: Counters;
  /** Picked now, not for administrators' access. */
  readonly #taken = new Set<string>();
  /** Shares picked now, by device. */
  readonly #shares = new Map<string, ResourceAmounts[]>();

  constructor(input: AllocationInput) {
    this.#input = input;
    this.#counters = new Counters((id) => input.inUse.has(id));
    this.#claims = input.claims.map((claim) => this.#prepare(claim));
  }

  run(): boolean {
    return this.#nextClaim(0);
  }

  found(claim: number): Found {
    const search = this.#claims[claim];
    if (search === undefined) throw new Error(`there is no claim #${claim}`);
    return search;
  }

  #prepare(claim: ResourceClaim): ClaimSearch {
    const requests = alternativesOf(claim, this.#input.classOf).map((alternatives) =>
      alternatives.map((alternative): Wanted => {
        const every = alternative.all ? this.#every(claim, alternative) : [];
        return { ...alternative, every, devices: alternative.all ? every.length : alternative.count };
      }),
    );
    const least = requests.reduce((sum, each) => sum + Math.min(...each.map(({ devices }) => devices)), 0);
    if (least > MAX_DEVICES) {
      throw new ClaimError(
        `claim ${namespacedName(claim)}: number of requested devices ${least} exceeds the claim limit of ${MAX_DEVICES}`,
      );
    }
    const constraints = (claim.spec.devices?.constraints ?? []).map((each, i) => {
      const constraint = makeConstraint(each);
      if (constraint === undefined)
        throw new ClaimError(
          `claim ${namespacedName(claim)}, constraint #${i}: empty constraint (unsupported constraint type?)`,
        );
      return constraint;
    });
    return { claim, requests, constraints, chosen: [], picks: [] };
  }

  #every(claim: ResourceClaim, request: Alternative): PoolDevice[] {
    const where = at(claim, request.name);
    return this.#input.pools.flatMap(({ pool, devices }) => {
      if (pool.incomplete)
        throw new NodeUnsuitable(
          `${where}: asks for all devices, but resource pool ${pool.id} is currently being updated`,
        );
      if (pool.invalid !== undefined)
        throw new NodeUnsuitable(`${where}: asks for all devices, but resource pool ${pool.id} is currently invalid`);
      return devices.filter((device) => this.#selects(claim, request, device));
    });
  }

  #nextClaim(index: number): boolean {
    const search = this.#claims[index];
    return search === undefined || this.#nextRequest(search, index, 0);
  }

  #nextRequest(search: ClaimSearch, claim: number, index: number): boolean {
    const alternatives = search.requests[index];
    if (alternatives === undefined) return this.#nextClaim(claim + 1);
    const then = (): boolean => this.#nextRequest(search, claim, index + 1);
    return alternatives.some((wanted) => {
      search.chosen[index] = wanted;
      if (wanted.all && wanted.devices === 0) return false;
      if (search.picks.length + wanted.devices > MAX_DEVICES) return false;
      return wanted.all ? this.#takeEvery(search, wanted, 0, then) : this.#takeSome(search, wanted, 0, 0, 0, then);
    });
  }

  #takeEvery(search: ClaimSearch, wanted: Wanted, index: number, then: () => boolean): boolean {
    const device = wanted.every[index];
    if (device === undefined) return then();
    const undo = this.#take(search, wanted, device, true);
    if (undo === undefined) return false;
    if (this.#takeEvery(search, wanted, index + 1, then)) return true;
    undo();
    return false;
  }

  /**
   * The devices of one request are interchangeable: after one was picked, only those from it on are looked at, or every
   * set would be tried in each of its orders.
   */
  #takeSome(
    search: ClaimSearch,
    wanted: Wanted,
    taken: number,
    firstPool: number,
    firstDevice: number,
    then: () => boolean,
  ): boolean {
    if (taken === wanted.count) return then();
    if (this.#input.isLate?.() === true) throw new AllocationTimeout("timed out trying to allocate devices");
    const { pools } = this.#input;
    for (let p = firstPool; p < pools.length; p++) {
      const { pool, devices } = pools[p] ?? { pool: undefined, devices: [] };
      if (pool?.invalid !== undefined) throw new NodeUnsuitable(`pool ${pool.id} is invalid: ${pool.invalid}`);
      for (let d = p === firstPool ? firstDevice : 0; d < devices.length; d++) {
        const device = devices[d];
        if (device === undefined || !this.#selects(search.claim, wanted, device)) continue;
        const undo = this.#take(search, wanted, device, false);
        if (undo === undefined) continue;
        if (this.#takeSome(search, wanted, taken + 1, p, d, then)) return true;
        undo();
      }
    }
    return false;
  }

  #selects(claim: ResourceClaim, request: Alternative, { pool, device }: PoolDevice): boolean {
    const matches = (selectors: readonly DeviceSelector[], of: string): boolean =>
      selectors.every(({ cel }, i) => {
        try {
          return cel !== undefined && this.#input.selectors.matches(cel.expression, pool.driver, device);
        } catch (error) {
          if (!(error instanceof SelectorError)) throw error;
          throw new ClaimError(`${of}: selector #${i}: ${error.message}`, { cause: error });
        }
      });
    return (
      matches(request.class.spec.selectors ?? [], `class ${request.class.metadata?.name ?? ""}`) &&
      matches(request.selectors, `claim ${namespacedName(claim)}`) &&
      (request.capacity === undefined || this.#holds(request, device))
    );
  }

  /** Whether the device, with nothing taken of it, has what the request wants. */
  #holds(request: Alternative, device: PoolDevice["device"]): boolean {
    const consumed = consumedCapacity(device, request.capacity);
    return consumed !== undefined && fitsCapacity(device, consumed, []);
  }

  /** Picks the device for the request; undefined where it may not have it, else what takes the pick back. */
  #take(search: ClaimSearch, request: Alternative, device: PoolDevice, must: boolean): (() => void) | undefined {
    if (isTainted(device, request)) return undefined;
    const pick = this.#available(search, request, device);
    if (pick === undefined) return undefined;
    const counted = !request.adminAccess && !this.#isCounted(device.id);
    if (counted && !this.#counters.take(device)) return undefined;
    const refused = search.constraints.findIndex((constraint) => !constraint.add(request.name, device));
    if (refused >= 0) {
      for (const constraint of search.constraints.slice(0, refused)) constraint.remove(request.name, device);
      if (counted) this.#counters.giveBack(device);
      if (!must) return undefined;
      throw new ClaimError(
        `${at(search.claim, request.name)}: cannot add device ${device.id} because a claim constraint would not be satisfied`,
      );
    }
    const { consumed } = pick;
    const shares = this.#shares.get(device.id) ?? [];
    if (consumed !== undefined) this.#shares.set(device.id, [...shares, consumed]);
    else if (!request.adminAccess) this.#taken.add(device.id);
    search.picks.push(pick);
    return () => {
      search.picks.pop();
      if (consumed !== undefined) this.#shares.set(device.id, shares);
      else if (!request.adminAccess) this.#taken.delete(device.id);
      for (const constraint of search.constraints) constraint.remove(request.name, device);
      if (counted) this.#counters.giveBack(device);
    };
  }

  /** A shared device consumes its counters once, however many share it. */
  #isCounted(id: string): boolean {
    return this.#input.inUse.has(id) || (this.#shares.get(id) ?? []).length > 0;
  }

  #available(search: ClaimSearch, request: Alternative, device: PoolDevice): Pick | undefined {
    const { inUse } = this.#input;
    if (request.adminAccess) {
      // Whoever has it keeps it; but one claim gets a device once.
      return search.picks.some((pick) => pick.device.id === device.id) ? undefined : { request, device };
    }
    if (inUse.isExclusive(device.id) || this.#taken.has(device.id)) return undefined;
    if (device.device.allowMultipleAllocations !== true) return inUse.has(device.id) ? undefined : { request, device };
    const consumed = consumedCapacity(device.device, request.capacity);
    if (consumed === undefined) return undefined;
    const taken = [inUse.consumed(device.id), ...(this.#shares.get(device.id) ?? [])];
    return fitsCapacity(device.device, consumed, taken) ? { request, device, consumed } : undefined;
  }
}

/** Taints of other effects say something to people alone. */
function isTainted({ device }: PoolDevice, { tolerations }: Alternative): boolean {
  const prevents = ({ effect }: DeviceTaint): boolean => effect === "NoSchedule" || effect === "NoExecute";
  return findMatchingUntoleratedTaint(device.taints, tolerations, prevents) !== undefined;
}
