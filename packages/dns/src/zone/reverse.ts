// From addresses to names: the zones in-addr.arpa and ip6.arpa, and which of our names stands for the zone's name server.
import type { EndpointSlice } from "@knots/api/discovery/v1";
import { shownEndpoints } from "./endpoints.ts";
import type { NameServer, ZoneView } from "./names.ts";
import { canonicalIP, serviceIPs, serviceOf } from "./source.ts";

/** The address that a name such as 4.3.2.1.in-addr.arpa stands for; undefined for other names and for parts of an address. */
export function addressOfReverse(labels: readonly string[]): string | undefined {
  const [family, top] = labels.slice(-2);
  if (top !== "arpa") return undefined;
  const parts = labels.slice(0, -2).toReversed();
  if (family === "in-addr" && parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part)))
    return canonicalIP(parts.join("."));
  if (family !== "ip6" || parts.length !== 32 || !parts.every((part) => /^[0-9a-f]$/.test(part))) return undefined;
  return canonicalIP(parts.join("").replaceAll(/(.{4})(?!$)/g, "$1:"));
}

/** The names of an address: of the Service whose cluster IP it is, else of every endpoint that has it. */
export function namesOf({ source, domain }: ZoneView, ip: string): string[] {
  const services = source
    .servicesByIP(ip)
    .map(({ metadata }) => `${metadata?.name}.${metadata?.namespace}.svc.${domain}`);
  if (services.length > 0) return services.slice(0, 1);
  const names = new Set<string>();
  for (const slice of source.slicesByIP(ip)) {
    const { namespace, service, endpoints } = sliceEndpoints(source, slice);
    if (service === "") continue;
    for (const endpoint of endpoints)
      if (endpoint.ip === ip) names.add(`${endpoint.hostname}.${service}.${namespace}.svc.${domain}`);
  }
  return [...names];
}

function sliceEndpoints(source: ZoneView["source"], slice: EndpointSlice) {
  const namespace = slice.metadata?.namespace ?? "";
  const service = serviceOf(slice);
  return { namespace, service, endpoints: shownEndpoints(source.service(namespace, service), [slice]) };
}

/**
 * Who serves the zone: the Services that lead to one of our addresses and our port, as CoreDNS finds itself; ns.dns at our own addresses where there is none.
 * The port matters: the API server's Service leads to the same address on the control-plane node.
 */
export function nameServersOf(
  { source, domain }: Pick<ZoneView, "source" | "domain">,
  addresses: readonly string[],
  port: number,
): NameServer[] {
  const found = new Map<string, NameServer>();
  for (const ip of addresses) {
    for (const slice of source.slicesByIP(ip)) {
      const { namespace, service: name, endpoints } = sliceEndpoints(source, slice);
      const service = source.service(namespace, name);
      const ours = endpoints.filter(
        (endpoint) => endpoint.ip === ip && endpoint.ports.some((each) => each.port === port),
      );
      if (service === undefined || ours.length === 0) continue;
      const full = `${name}.${namespace}.svc.${domain}`;
      const servers =
        service.spec?.clusterIP === "None"
          ? ours.map((endpoint) => ({ name: `${endpoint.hostname}.${full}`, address: endpoint.ip }))
          : serviceIPs(service).map((address) => ({ name: full, address }));
      for (const server of servers) found.set(`${server.name} ${server.address}`, server);
    }
  }
  if (found.size > 0) return [...found.values()];
  return addresses.map((address) => ({ name: `ns.dns.${domain}`, address }));
}
