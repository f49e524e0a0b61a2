import type { ResourceQuota, ResourceQuotaStatus } from "@knots/api/core/v1";
import { inQuotaScopes, Quantity, quotaedResources, quotaUsage } from "@knots/machinery";
import type { DeviceContext, KubeObject } from "@knots/machinery";
import { semanticEqual } from "../framework/equality.ts";

/** What is known of devices: which extended resources are some, and what else counting claims needs. */
export interface KnownDevices extends DeviceContext {
  readonly isDevices: (resource: string) => boolean;
}

/** The resources whose objects a quota counts: "pods", "deployments.apps", …. Pure. */
export function countedResources(quota: ResourceQuota, { isDevices }: Pick<KnownDevices, "isDevices">): string[] {
  return [...new Set(Object.keys(quota.spec?.hard ?? {}).flatMap((name) => quotaedResources(name, isDevices)))];
}

/**
 * What the quota's namespace uses of each resource that the quota limits and `objectsOf` knows; a resource it does not know
 * (undefined: not served) has no entry. Pure.
 */
export function calculateUsage(
  quota: ResourceQuota,
  objectsOf: (groupResource: string) => readonly KubeObject[] | undefined,
  now: number,
  devices: KnownDevices,
): Map<string, Quantity> {
  const { spec } = quota;
  const used = new Map<string, Quantity>();
  const names = Object.keys(spec?.hard ?? {});
  for (const resource of countedResources(quota, devices)) {
    const objects = objectsOf(resource);
    if (objects === undefined) continue;
    const own = names.filter((name) => quotaedResources(name, devices.isDevices).includes(resource));
    for (const name of own) if (!used.has(name)) used.set(name, Quantity.parse("0"));
    for (const object of objects) {
      if (!inQuotaScopes(spec, resource, object)) continue;
      const usage = quotaUsage(resource, object, now, devices);
      for (const name of own) {
        const amount = usage.get(name);
        if (amount !== undefined) used.set(name, used.get(name)?.add(amount) ?? amount);
      }
    }
  }
  return used;
}

/** The status the quota should have; undefined where it has it. What could not be counted keeps its last figure. Pure. */
export function nextStatus(
  quota: ResourceQuota,
  counted: ReadonlyMap<string, Quantity>,
): ResourceQuotaStatus | undefined {
  const hard = { ...quota.spec?.hard };
  const used: Record<string, string> = {};
  for (const name of Object.keys(hard)) {
    const amount = counted.get(name)?.toString() ?? quota.status?.used?.[name];
    if (amount !== undefined) used[name] = amount;
  }
  const { status } = quota;
  const known = status?.hard !== undefined && status.used !== undefined;
  return known && semanticEqual(status.hard, hard) && sameAmounts(status.used, used) ? undefined : { hard, used };
}

/** "1000m" and "1" are the same amount. */
function sameAmounts(a: Readonly<Record<string, string>> = {}, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => {
      const [left, right] = [a[name], b[name]];
      return left !== undefined && right !== undefined && Quantity.parse(left).cmp(Quantity.parse(right)) === 0;
    })
  );
}
