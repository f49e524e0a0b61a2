import type { Node } from "@knots/api/core/v1";
import type { CounterSet, Device, ResourceSlice } from "@knots/api/resource/v1";
import { compileNodeSelector } from "../../framework/node-selector.ts";
import type { NodeMatcher } from "../../framework/node-selector.ts";

/** A device that a driver offers. */
export interface PoolDevice {
  /** "driver/pool/device". */
  readonly id: string;
  readonly pool: Pool;
  readonly device: Device;
  /** From where it can be reached: of the slice, or of the device itself. */
  readonly reach: Pick<Device, "nodeName" | "nodeSelector" | "allNodes">;
}

/** All that the newest generation of a pool's slices says. */
export interface Pool {
  readonly driver: string;
  readonly name: string;
  /** "driver/pool". */
  readonly id: string;
  /** Some of its slices are not there yet: the driver is at work. */
  readonly incomplete: boolean;
  /** Why nothing may be allocated from it. */
  readonly invalid: string | undefined;
  readonly devices: readonly PoolDevice[];
  readonly counterSets: ReadonlyMap<string, CounterSet>;
  /** Some of its devices must be made ready once they are allocated: others are better. */
  readonly slow: boolean;
}

/** A pool as seen from one node. */
export interface ReachablePool {
  readonly pool: Pool;
  /** Those of its devices that can be reached from the node, in the order of their slices' names. */
  readonly devices: readonly PoolDevice[];
}

export function deviceId(driver: string, pool: string, device: string): string {
  return `${driver}/${pool}/${device}`;
}

/** The pools of a set of slices, made once per change of the slices and asked once per node. */
export class PoolIndex {
  /** Pools whose devices are all of one node: a node asks for its own alone. */
  readonly #local = new Map<string, ReachablePool[]>();
  readonly #shared: { readonly pool: Pool; readonly matchers: readonly NodeMatcher[] }[] = [];

  constructor(slices: readonly ResourceSlice[]) {
    for (const pool of poolsOf(slices)) {
      const names = new Set(pool.devices.map(({ reach }) => reach.nodeName));
      const [only] = names;
      if (names.size === 1 && only !== undefined) {
        const list = this.#local.get(only) ?? [];
        list.push({ pool, devices: pool.devices });
        this.#local.set(only, list);
      } else if (pool.devices.length > 0) {
        this.#shared.push({ pool, matchers: pool.devices.map(({ reach }) => matcherOf(reach)) });
      }
    }
  }

  /** By driver and name, the node's own before those that it shares; pools with devices to be waited for come last. */
  reachableFrom(node: Node): ReachablePool[] {
    const own = this.#local.get(node.metadata?.name ?? "") ?? [];
    const result = [...own];
    for (const { pool, matchers } of this.#shared) {
      const devices = pool.devices.filter((_, i) => matchers[i]?.(node) === true);
      if (devices.length > 0) result.push({ pool, devices });
    }
    if (!result.some(({ pool }) => pool.slow)) return result;
    return result.toSorted((a, b) => Number(a.pool.slow) - Number(b.pool.slow));
  }
}

function matcherOf({ nodeName, nodeSelector, allNodes }: PoolDevice["reach"]): NodeMatcher {
  if (nodeName) return (node) => node.metadata?.name === nodeName;
  if (allNodes === true) return () => true;
  return nodeSelector === undefined ? () => false : compileNodeSelector(nodeSelector);
}

const byName = (a: ResourceSlice, b: ResourceSlice): number =>
  (a.metadata?.name ?? "") < (b.metadata?.name ?? "") ? -1 : 1;

function poolsOf(slices: readonly ResourceSlice[]): Pool[] {
  const newest = new Map<string, ResourceSlice[]>();
  for (const slice of slices) {
    const { driver, pool } = slice.spec;
    const id = `${driver}/${pool.name}`;
    const known = newest.get(id);
    const generation = known?.[0]?.spec.pool.generation ?? -1;
    if (known === undefined || pool.generation > generation) newest.set(id, [slice]);
    else if (pool.generation === generation) known.push(slice);
  }
  return [...newest].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([id, own]) => makePool(id, own.toSorted(byName)));
}

function makePool(id: string, slices: readonly ResourceSlice[]): Pool {
  const [first] = slices;
  if (first === undefined) throw new Error(`pool ${id} has no slices`);
  const { driver, pool } = first.spec;
  const devices: PoolDevice[] = [];
  const counterSets = new Map(
    slices.flatMap(({ spec }) => (spec.sharedCounters ?? []).map((set): [string, CounterSet] => [set.name, set])),
  );
  const incomplete = slices.length !== pool.resourceSliceCount;
  const result: Pool = {
    driver,
    name: pool.name,
    id,
    incomplete,
    invalid: incomplete ? undefined : whyInvalid(slices, counterSets),
    devices,
    counterSets,
    slow: slices.some(({ spec }) => spec.devices?.some(({ bindingConditions = [] }) => bindingConditions.length > 0)),
  };
  for (const { spec } of slices) {
    for (const device of spec.devices ?? []) {
      const reach = spec.perDeviceNodeSelection === true ? device : spec;
      devices.push({ id: deviceId(driver, pool.name, device.name), pool: result, device, reach });
    }
  }
  return result;
}

function whyInvalid(
  slices: readonly ResourceSlice[],
  counterSets: ReadonlyMap<string, CounterSet>,
): string | undefined {
  const names = new Set<string>();
  for (const { spec } of slices) {
    for (const { name, consumesCounters } of spec.devices ?? []) {
      if (names.has(name)) return `duplicate device name ${name}`;
      names.add(name);
      for (const { counterSet, counters } of consumesCounters ?? []) {
        const set = counterSets.get(counterSet);
        if (set === undefined) return `counterset "${counterSet}" not found`;
        const missing = Object.keys(counters).find((counter) => set.counters[counter] === undefined);
        if (missing !== undefined) return `counter "${missing}" not found in counterset "${counterSet}"`;
      }
    }
  }
  return undefined;
}
