import type { Pod } from "@knots/api/core/v1";

/**
 * Devices of ResourceClaims are prepared by DRA drivers, over a gRPC interface that this kubelet does not have. A pod that
 * was promised devices must not run without them; it waits as it does elsewhere on a node whose driver is not there. The same
 * goes for extended resources for which the scheduler has claimed devices (KEP-5004). Pure.
 */
export function claimsProblem({ spec, status }: Pod): string | undefined {
  const names = (spec?.resourceClaims ?? []).map(({ name }) => name);
  const extended = status?.extendedResourceClaimStatus;
  if (names.length === 0 && extended === undefined) return undefined;
  const what = names.length === 0 ? [] : [`has resource claims [${names.join(" ")}]`];
  if (extended !== undefined) {
    const resources = new Set(extended.requestMappings.map(({ resourceName }) => resourceName));
    what.push(
      `asks for extended resources [${[...resources].join(" ")}] that are devices of resource claim ${extended.resourceClaimName}`,
    );
  }
  return `prepare dynamic resources: this kubelet does not talk to DRA drivers, and the pod ${what.join(" and ")}`;
}
