import type { Node } from "@knots/api/core/v1";

/** Region and zone of a node; "" where it says neither. */
export function zoneOf(node: Node): string {
  const labels = node.metadata?.labels ?? {};
  const region = labels["topology.kubernetes.io/region"] ?? labels["failure-domain.beta.kubernetes.io/region"] ?? "";
  const zone = labels["topology.kubernetes.io/zone"] ?? labels["failure-domain.beta.kubernetes.io/zone"] ?? "";
  return region === "" && zone === "" ? "" : `${region}:\0:${zone}`;
}

/** One node of each zone, then the next of each: whoever looks at some nodes only looks at all zones. Pure. */
export function acrossZones<T extends { readonly node: Node | undefined }>(nodes: Iterable<T>): T[] {
  const zones = new Map<string, T[]>();
  for (const info of nodes) {
    if (info.node === undefined) continue;
    const key = zoneOf(info.node);
    const zone = zones.get(key);
    if (zone === undefined) zones.set(key, [info]);
    else zone.push(info);
  }
  const lists = [...zones.values()];
  const longest = Math.max(0, ...lists.map(({ length }) => length));
  const result: T[] = [];
  for (let i = 0; i < longest; i++) {
    for (const list of lists) {
      const info = list[i];
      if (info !== undefined) result.push(info);
    }
  }
  return result;
}
