// What the allocator's tests are made of.
import type { Node } from "@knots/api/core/v1";
import type {
  AllocationResult,
  Device,
  DeviceClass,
  DeviceRequest,
  ExactDeviceRequest,
  ResourceClaim,
  ResourceSlice,
  ResourceSliceSpec,
} from "@knots/api/resource/v1";
import { allocate } from "./allocator.ts";
import { DeviceSelectors } from "./device-selector.ts";
import { DevicesInUse } from "./devices-in-use.ts";
import { PoolIndex } from "./pools.ts";

export const DRIVER = "gpu.test";

export function node(name: string, labels: Record<string, string> = {}): Node {
  return { metadata: { name, labels } };
}

/** One slice that is its pool, on node "n" if it says nothing else. */
export function slice(devices: Device[], spec: Partial<ResourceSliceSpec> = {}, name = "slice"): ResourceSlice {
  const reach = spec.allNodes || spec.nodeSelector || spec.perDeviceNodeSelection ? {} : { nodeName: "n" };
  const pool = { name: "pool", generation: 1, resourceSliceCount: 1 };
  return { metadata: { name }, spec: { driver: DRIVER, pool, devices, ...reach, ...spec } };
}

export function request(name: string, more: Partial<ExactDeviceRequest> = {}): DeviceRequest {
  return { name, exactly: { deviceClassName: "gpu", ...more } };
}

export function claim(requests: DeviceRequest[], more: Omit<ResourceClaim["spec"]["devices"] & {}, "requests"> = {}) {
  return { metadata: { name: "claim", namespace: "ns", uid: "claim" }, spec: { devices: { requests, ...more } } };
}

export const cel = (expression: string) => ({ cel: { expression } });

export interface Situation {
  readonly slices: readonly ResourceSlice[];
  readonly claims: readonly ResourceClaim[];
  readonly on?: Node;
  readonly classes?: Readonly<Record<string, DeviceClass["spec"]>>;
  /** Allocations there are already. */
  readonly taken?: readonly AllocationResult[];
}

export function run({ slices, claims, on = node("n"), classes = { gpu: {} }, taken = [] }: Situation) {
  const inUse = new DevicesInUse();
  for (const each of taken) inUse.add(each);
  let shares = 0;
  return allocate({
    node: on,
    pools: new PoolIndex(slices).reachableFrom(on),
    claims,
    classOf: (name) => (classes[name] === undefined ? undefined : { metadata: { name }, spec: classes[name] }),
    inUse,
    selectors: new DeviceSelectors(),
    newShareId: () => `share-${++shares}`,
  });
}

/** "request=device" of each result, claim by claim; "none" where nothing was found, "error: …" where it was refused. */
export function show(situation: Situation): string {
  try {
    const found = run(situation);
    if (found === undefined) return "none";
    return found
      .map(({ devices }) => (devices?.results ?? []).map((each) => `${each.request}=${each.device}`).join(" "))
      .join(" | ");
  } catch (error) {
    return `error: ${error instanceof Error ? error.message : String(error)}`;
  }
}

export function allocated(device: string, more: { adminAccess?: boolean } = {}): AllocationResult {
  return { devices: { results: [{ request: "r", driver: DRIVER, pool: "pool", device, ...more }] } };
}
