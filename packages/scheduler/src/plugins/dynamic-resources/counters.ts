// Devices that are cut out of the same hardware share counters (KEP-4815).
import type { Device } from "@knots/api/resource/v1";
import { Quantity } from "@knots/machinery";
import type { Pool, PoolDevice } from "./pools.ts";

/** What is left of the shared counters of pools while an allocation is being put together. */
export class Counters {
  readonly #inUse: (id: string) => boolean;
  /** By pool: "set/counter" → what is left. */
  readonly #left = new Map<Pool, Map<string, Quantity>>();

  /** `inUse`: whether a device was allocated before; the parts of it are gone from the counters. */
  constructor(inUse: (id: string) => boolean) {
    this.#inUse = inUse;
  }

  /** Takes what the device consumes; false, and nothing is taken, where something is short. */
  take({ pool, device }: PoolDevice): boolean {
    if (device.consumesCounters === undefined) return true;
    const left = this.#of(pool);
    const amounts = amountsOf(device);
    if (amounts.some(([key, amount]) => (left.get(key) ?? Quantity.parse("0")).cmp(amount) < 0)) return false;
    subtract(left, amounts);
    return true;
  }

  giveBack({ pool, device }: PoolDevice): void {
    if (device.consumesCounters === undefined) return;
    subtract(
      this.#of(pool),
      amountsOf(device).map(([key, amount]) => [key, amount.neg()]),
    );
  }

  #of(pool: Pool): Map<string, Quantity> {
    let left = this.#left.get(pool);
    if (left !== undefined) return left;
    left = new Map();
    for (const [name, { counters }] of pool.counterSets) {
      for (const [counter, { value }] of Object.entries(counters))
        left.set(`${name}/${counter}`, Quantity.parse(value));
    }
    for (const { id, device } of pool.devices) if (this.#inUse(id)) subtract(left, amountsOf(device));
    this.#left.set(pool, left);
    return left;
  }
}

function amountsOf({ consumesCounters = [] }: Device): [string, Quantity][] {
  return consumesCounters.flatMap(({ counterSet, counters }) =>
    Object.entries(counters).map(([counter, { value }]): [string, Quantity] => [
      `${counterSet}/${counter}`,
      Quantity.parse(value),
    ]),
  );
}

function subtract(left: Map<string, Quantity>, amounts: readonly (readonly [string, Quantity])[]): void {
  for (const [key, amount] of amounts) {
    const before = left.get(key);
    if (before !== undefined) left.set(key, before.sub(amount));
  }
}
