// Routes to the pods of other nodes.
import type { Node } from "@knots/api/core/v1";

/** The protocol number our routes bear, so that they are told from everybody else's (ip-route(8)). */
export const ROUTE_PROTOCOL = 75;

/** Pod CIDR → address of the node that holds it. */
export type Routes = ReadonlyMap<string, string>;

function internalIP(node: Node): string | undefined {
  return node.status?.addresses?.find((address) => address.type === "InternalIP")?.address;
}

/** The routes that `self` needs: one for each other node with a pod CIDR and an address. */
export function wantedRoutes(nodes: readonly Node[], self: string): Routes {
  const routes = new Map<string, string>();
  for (const node of nodes) {
    const address = internalIP(node);
    if (node.metadata?.name === self || address === undefined) continue;
    for (const cidr of node.spec?.podCIDRs ?? (node.spec?.podCIDR === undefined ? [] : [node.spec.podCIDR])) {
      if (!cidr.includes(":")) routes.set(cidr, address);
    }
  }
  return routes;
}

/** Reads `ip -j route show proto 75`. */
export function parseRoutes(json: string): Routes {
  const rows = JSON.parse(json === "" ? "[]" : json) as { dst?: string; gateway?: string }[];
  return new Map(
    rows.flatMap((row) => (row.dst === undefined || row.gateway === undefined ? [] : [[row.dst, row.gateway]])),
  );
}

/** The `ip -batch` commands that turn `have` into `want`. */
export function routeCommands(have: Routes, want: Routes): string[] {
  const commands: string[] = [];
  for (const [cidr, via] of want)
    if (have.get(cidr) !== via) commands.push(`route replace ${cidr} via ${via} proto ${ROUTE_PROTOCOL}`);
  for (const cidr of have.keys()) if (!want.has(cidr)) commands.push(`route del ${cidr} proto ${ROUTE_PROTOCOL}`);
  return commands;
}
