// Which endpoints a Service port is balanced over, by the rules of KEP-1669 (terminating endpoints), KEP-2433 and KEP-3015 (hints).
import type { Endpoint, EndpointSlice } from "@knots/api/discovery/v1";

export interface ProxyEndpoint {
  readonly ip: string;
  readonly port: number;
  readonly local: boolean;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly zones: readonly string[] | undefined;
  readonly nodes: readonly string[] | undefined;
}

export interface NodePlace {
  readonly nodeName: string;
  readonly zone: string | undefined;
}

/** The endpoints of one port in a Service's IPv4 slices, each address once, in a fixed order. Pure. */
export function endpointsOf(
  slices: readonly EndpointSlice[],
  portName: string,
  protocol: string,
  nodeName: string,
): ProxyEndpoint[] {
  const found = new Map<string, ProxyEndpoint>();
  for (const slice of slices) {
    if (slice.addressType !== "IPv4") continue;
    for (const port of slice.ports ?? []) {
      if ((port.name ?? "") !== portName || (port.protocol ?? "TCP") !== protocol || port.port === undefined) continue;
      for (const endpoint of slice.endpoints ?? []) {
        const entry = toEndpoint(endpoint, port.port, nodeName);
        if (entry === undefined) continue;
        const key = `${entry.ip}:${entry.port}`;
        const known = found.get(key);
        // While an endpoint moves between slices both show it; the better state counts.
        if (known === undefined || (!known.ready && entry.ready)) found.set(key, entry);
      }
    }
  }
  return [...found.entries()].toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, entry]) => entry);
}

function toEndpoint(endpoint: Endpoint, port: number, nodeName: string): ProxyEndpoint | undefined {
  const ip = endpoint.addresses[0];
  if (ip === undefined) return undefined;
  const ready = endpoint.conditions?.ready ?? true;
  return {
    ip,
    port,
    local: endpoint.nodeName === nodeName,
    ready,
    serving: endpoint.conditions?.serving ?? ready,
    terminating: endpoint.conditions?.terminating ?? false,
    zones: endpoint.hints?.forZones?.map(({ name }) => name),
    nodes: endpoint.hints?.forNodes?.map(({ name }) => name),
  };
}

/** Ready endpoints; when there is none, those that terminate and still serve. Pure. */
function usable(endpoints: readonly ProxyEndpoint[]): ProxyEndpoint[] {
  const ready = endpoints.filter((each) => each.ready);
  return ready.length > 0 ? ready : endpoints.filter((each) => each.serving && each.terminating);
}

/** Endpoints that hints give to this place: its node's, else its zone's; all of them unless every one has a hint. Pure. */
function hinted(endpoints: readonly ProxyEndpoint[], place: NodePlace): readonly ProxyEndpoint[] {
  if (endpoints.length > 0 && endpoints.every((each) => (each.nodes ?? []).length > 0)) {
    const own = endpoints.filter((each) => each.nodes?.includes(place.nodeName));
    if (own.length > 0) return own;
  }
  const { zone } = place;
  if (zone === undefined || !endpoints.every((each) => (each.zones ?? []).length > 0)) return endpoints;
  const own = endpoints.filter((each) => each.zones?.includes(zone));
  return own.length > 0 ? own : endpoints;
}

/** What the `Cluster` policies balance over. Pure. */
export function clusterEndpoints(all: readonly ProxyEndpoint[], place: NodePlace): readonly ProxyEndpoint[] {
  return hinted(usable(all), place);
}

/** What the `Local` policies balance over. Pure. */
export function localEndpoints(all: readonly ProxyEndpoint[]): readonly ProxyEndpoint[] {
  return usable(all.filter((each) => each.local));
}
