import type { Service } from "@knots/api/core/v1";
import type { Endpoint } from "@knots/api/discovery/v1";

/**
 * The endpoint with the hints that spec.trafficDistribution asks for: serve the own zone (PreferClose, PreferSameZone), or the
 * own node and then the own zone (PreferSameNode). Endpoints that are not ready have none. Pure.
 */
export function withHints(endpoint: Endpoint, { spec }: Service): Endpoint {
  const { hints: _, ...plain } = endpoint;
  const distribution = spec?.trafficDistribution;
  if (distribution === undefined || plain.conditions?.ready !== true) return plain;
  const { zone, nodeName } = plain;
  const forZones = zone === undefined ? undefined : [{ name: zone }];
  if (distribution === "PreferSameNode" && nodeName !== undefined) {
    return { ...plain, hints: { forNodes: [{ name: nodeName }], ...(forZones === undefined ? {} : { forZones }) } };
  }
  const known =
    distribution === "PreferClose" || distribution === "PreferSameZone" || distribution === "PreferSameNode";
  return known && forZones !== undefined ? { ...plain, hints: { forZones } } : plain;
}
