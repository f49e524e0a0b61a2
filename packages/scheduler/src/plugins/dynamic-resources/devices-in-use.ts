import type { AllocationResult } from "@knots/api/resource/v1";
import { addResources, parseResources } from "@knots/machinery";
import type { ResourceAmounts } from "@knots/machinery";
import { deviceId } from "./pools.ts";

/** Which devices are allocated, kept up to date claim by claim. */
export class DevicesInUse {
  /** How many claims have the device for themselves; more than one only while two schedulers disagree. */
  readonly #exclusive = new Map<string, number>();
  /** What the shares of a device take of it, by share. */
  readonly #shares = new Map<string, Map<string, ResourceAmounts>>();

  add(allocation: AllocationResult): void {
    for (const { id, shareID, consumedCapacity } of resultsOf(allocation)) {
      if (shareID === undefined) this.#exclusive.set(id, (this.#exclusive.get(id) ?? 0) + 1);
      else {
        const shares = this.#shares.get(id) ?? new Map<string, ResourceAmounts>();
        shares.set(shareID, parseResources(consumedCapacity));
        this.#shares.set(id, shares);
      }
    }
  }

  remove(allocation: AllocationResult): void {
    for (const { id, shareID } of resultsOf(allocation)) {
      if (shareID === undefined) {
        const left = (this.#exclusive.get(id) ?? 0) - 1;
        if (left > 0) this.#exclusive.set(id, left);
        else this.#exclusive.delete(id);
      } else {
        const shares = this.#shares.get(id);
        shares?.delete(shareID);
        if (shares?.size === 0) this.#shares.delete(id);
      }
    }
  }

  /** Whether a claim has it for itself alone. */
  isExclusive(id: string): boolean {
    return this.#exclusive.has(id);
  }

  has(id: string): boolean {
    return this.#exclusive.has(id) || this.#shares.has(id);
  }

  /** What all shares of the device take together. */
  consumed(id: string): ResourceAmounts {
    const sum: ResourceAmounts = {};
    for (const share of this.#shares.get(id)?.values() ?? []) addResources(sum, share);
    return sum;
  }
}

/** Administrators' access takes nothing from others. */
function resultsOf({ devices }: AllocationResult) {
  return (devices?.results ?? [])
    .filter(({ adminAccess }) => adminAccess !== true)
    .map((result) => ({ ...result, id: deviceId(result.driver, result.pool, result.device) }));
}
