import type { Pod } from "@knots/api/core/v1";

/**
 * Devices of ResourceClaims are prepared by DRA drivers, over a gRPC interface that this kubelet does not have. A pod that
 * was promised devices must not run without them; it waits as it does elsewhere on a node whose driver is not there. Pure.
 */
export function claimsProblem({ spec }: Pod): string | undefined {
  const names = (spec?.resourceClaims ?? []).map(({ name }) => name);
  if (names.length === 0) return undefined;
  return `prepare dynamic resources: this kubelet does not talk to DRA drivers, and the pod has resource claims [${names.join(" ")}]`;
}
