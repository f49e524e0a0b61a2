// When pods must leave devices: https://kep.k8s.io/5055
import type { DeviceRequestAllocationResult, DeviceTaint, ResourceClaim, ResourceSlice } from "@knots/api/resource/v1";
import { tolerationToleratesTaint } from "@knots/machinery";
import { timeOf } from "../framework/objects.ts";

/** "driver/pool". */
export function poolKey(driver: string, pool: string): string {
  return `${driver}/${pool}`;
}

export function poolOf({ spec }: ResourceSlice): string {
  return poolKey(spec.driver, spec.pool.name);
}

/** Which of a pool's devices have NoExecute taints, by the slices of its newest generation. Pure. */
export function evictingTaints(slices: readonly ResourceSlice[]): ReadonlyMap<string, readonly DeviceTaint[]> {
  const newest = slices.reduce((most, { spec }) => Math.max(most, spec.pool.generation), -Infinity);
  const result = new Map<string, readonly DeviceTaint[]>();
  for (const { spec } of slices) {
    if (spec.pool.generation !== newest) continue;
    for (const { name, taints = [] } of spec.devices ?? []) {
      const evicting = taints.filter(({ effect }) => effect === "NoExecute");
      if (evicting.length > 0) result.set(name, evicting);
    }
  }
  return result;
}

/** The NoExecute taints of an allocated device. */
export type TaintsOf = (device: DeviceRequestAllocationResult) => readonly DeviceTaint[];

/**
 * When (ms since the epoch) the users of a claim must be evicted: as soon as the first taint of any of its devices is not, or
 * no longer, tolerated by what the claim had asked for. A toleration counts from the time at which the taint was added; of
 * several the shortest does, and one without tolerationSeconds is for ever. Undefined: never. Pure.
 */
export function claimEvictionTime({ status }: ResourceClaim, taintsOf: TaintsOf): number | undefined {
  let earliest: number | undefined;
  for (const device of status?.allocation?.devices?.results ?? []) {
    for (const taint of taintsOf(device)) {
      const at = evictionTime(taint, device);
      if (at !== undefined) earliest = Math.min(earliest ?? Infinity, at);
    }
  }
  return earliest;
}

function evictionTime(taint: DeviceTaint, { tolerations = [] }: DeviceRequestAllocationResult): number | undefined {
  const added = timeOf(taint.timeAdded) ?? 0;
  const matching = tolerations.filter((toleration) => tolerationToleratesTaint(toleration, taint));
  if (matching.length === 0) return added;
  if (matching.some(({ tolerationSeconds }) => tolerationSeconds === undefined)) return undefined;
  return added + Math.min(...matching.map(({ tolerationSeconds = 0 }) => Math.max(0, tolerationSeconds))) * 1000;
}
