import type { Node } from "@knots/api/core/v1";
import { SelectorError } from "./device-selector.ts";
import type { DynamicResources } from "./manager.ts";

/** Devices of a node's that would satisfy requests for an extended resource, and how many of them are allocated. */
export interface DeviceTotals {
  readonly total: number;
  readonly allocated: number;
}

export type DeviceTotalsOf = (resource: string, node: Node) => DeviceTotals | undefined;

/** Undefined where the resource is no devices, or its class cannot be evaluated: then it counts neither way. */
export function deviceTotals(
  known: Pick<DynamicResources, "classOfResource" | "pools" | "selectors"> & {
    readonly claims: { readonly inUse: { has(id: string): boolean } };
  },
  resource: string,
  node: Node,
): DeviceTotals | undefined {
  const deviceClass = known.classOfResource(resource);
  if (deviceClass === undefined) return undefined;
  const { selectors = [] } = deviceClass.spec;
  let total = 0;
  let allocated = 0;
  try {
    for (const { pool, devices } of known.pools().reachableFrom(node)) {
      for (const { id, device } of devices) {
        const matches = selectors.every(
          ({ cel }) => cel === undefined || known.selectors.matches(cel.expression, pool.driver, device),
        );
        if (!matches) continue;
        total++;
        if (known.claims.inUse.has(id)) allocated++;
      }
    }
  } catch (error) {
    if (error instanceof SelectorError) return undefined;
    throw error;
  }
  return { total, allocated };
}
