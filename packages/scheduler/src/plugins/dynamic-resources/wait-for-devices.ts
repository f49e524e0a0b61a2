import { resourceClaims } from "@knots/api/resource/v1";
import type { AllocatedDeviceStatus, DeviceRequestAllocationResult, ResourceClaim } from "@knots/api/resource/v1";
import type { Client } from "@knots/client";
import { namespacedName } from "@knots/machinery";
import type { Clock } from "@knots/machinery";

const POLL = 250;

/** What is to be thought of the devices of an allocated claim that must be made ready for their pod. */
export type Readiness = "ready" | "waiting" | { readonly failed: string };

function statusOf(claim: ResourceClaim, device: DeviceRequestAllocationResult): AllocatedDeviceStatus | undefined {
  return claim.status?.devices?.find(
    (each) =>
      each.driver === device.driver &&
      each.pool === device.pool &&
      each.device === device.device &&
      each.shareID === device.shareID,
  );
}

/**
 * Whether all conditions that the devices' drivers named are true: those of `bindingConditions`; one of
 * `bindingFailureConditions` says that it will never be. Past `timeoutMs` after the allocation it has failed as well. Pure.
 */
export function readinessOf(claim: ResourceClaim, now: number, timeoutMs: number): Readiness {
  const { allocation } = claim.status ?? {};
  const key = namespacedName(claim);
  if (allocation === undefined) return { failed: `claim ${key} got deallocated elsewhere in the meantime` };
  let waiting = false;
  for (const device of allocation.devices?.results ?? []) {
    const conditions = statusOf(claim, device)?.conditions ?? [];
    const isTrue = (name: string) => conditions.find(({ type, status }) => type === name && status === "True");
    const failure = (device.bindingFailureConditions ?? []).map(isTrue).find((each) => each !== undefined);
    if (failure !== undefined) {
      const { reason, message } = failure;
      return { failed: `claim ${key} binding failed: reason=${reason}, message=${JSON.stringify(message)}` };
    }
    waiting ||= (device.bindingConditions ?? []).some((name) => isTrue(name) === undefined);
  }
  if (!waiting) return "ready";
  const since = allocation.allocationTimestamp === undefined ? now : Date.parse(allocation.allocationTimestamp);
  return now - since > timeoutMs ? { failed: `claim ${key} binding timeout` } : "waiting";
}

/**
 * Waits until the devices of the claims are ready for their pod. Where one never will be, the claim gives its devices back,
 * if no other pod uses them, and an Error says why: the pod is scheduled anew.
 */
export async function waitForDevices(
  { client, clock }: { readonly client: Client; readonly clock: Clock },
  claims: readonly ResourceClaim[],
  options: {
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
    current(claim: ResourceClaim): ResourceClaim | undefined;
    deallocated(claim: ResourceClaim): void;
  },
): Promise<void> {
  const begun = clock.now();
  for (const claim of claims) {
    for (;;) {
      const current = options.current(claim);
      if (current === undefined || current.metadata?.uid !== claim.metadata?.uid)
        throw new Error(`claim ${namespacedName(claim)} got deleted in the meantime`);
      let readiness = readinessOf(current, clock.now(), options.timeoutMs);
      // Nobody has said since when it is allocated.
      if (readiness === "waiting" && clock.now() - begun > options.timeoutMs)
        readiness = { failed: `claim ${namespacedName(claim)} binding timeout` };
      if (readiness === "ready") break;
      if (typeof readiness === "object") {
        const freed = await deallocate(client, current);
        if (freed !== undefined) options.deallocated(freed);
        throw new Error(readiness.failed);
      }
      await clock.sleep(POLL, options.signal);
    }
  }
}

async function deallocate(client: Client, claim: ResourceClaim): Promise<ResourceClaim | undefined> {
  const { allocation, reservedFor = [], devices: _devices, ...status } = claim.status ?? {};
  if (allocation === undefined || reservedFor.length > 1) return undefined;
  return await client.resource(resourceClaims, claim.metadata?.namespace).updateStatus({ ...claim, status });
}
