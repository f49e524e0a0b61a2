// The records at each name of the cluster's zone: Kubernetes DNS-Based Service Discovery 1.1.0, with CoreDNS's reading where it leaves a choice.
import type { Service } from "@knots/api/core/v1";
import { addressOfHostname, namedPorts, shownEndpoints, type EndpointAddress, type NamedPort } from "./endpoints.ts";
import { canonicalIP, serviceIPs, type ZoneSource } from "./source.ts";

export const SCHEMA_VERSION = "1.1.0";

export interface ServiceTarget {
  /** A name, without the root. */
  readonly target: string;
  readonly port: number;
  /** The target's addresses, for the additional section. */
  readonly addresses: readonly string[];
}

export interface NameServer {
  readonly name: string;
  readonly address: string;
}

/** What there is at a name that exists; a name with nothing of the type asked for is NODATA. */
export interface NameRecords {
  readonly addresses?: readonly string[];
  readonly targets?: readonly ServiceTarget[];
  /** The one record of its name: its questions go on there. */
  readonly cname?: string;
  readonly text?: string;
  /** The zone's own name: SOA and NS. */
  readonly apex?: true;
}

export interface ZoneView {
  readonly source: ZoneSource;
  /** Such as cluster.local: small, without the root. */
  readonly domain: string;
  readonly nameServers: () => readonly NameServer[];
}

/** The name exists, and has records below it at most. */
const EMPTY: NameRecords = {};

/** The records at a name. `labels` are those left of the zone's, small. Undefined: there is no such name (NXDOMAIN). */
export function recordsAt(view: ZoneView, labels: readonly string[]): NameRecords | undefined {
  switch (labels.at(-1)) {
    case undefined:
      return { apex: true };
    case "svc":
      return serviceNames(view, labels.slice(0, -1));
    case "pod":
      return podNames(view, labels.slice(0, -1));
    case "dns":
      if (labels.length === 1) return EMPTY;
      return labels.length === 2 && labels[0] === "ns"
        ? { addresses: view.nameServers().map(({ address }) => address) }
        : undefined;
    case "dns-version":
      return labels.length === 1 ? { text: SCHEMA_VERSION } : undefined;
    default:
      return undefined;
  }
}

/** `a-b-c-d.<namespace>.pod`: the address is taken at its word ("pods insecure"), the namespace is not. */
function podNames({ source }: ZoneView, labels: readonly string[]): NameRecords | undefined {
  const namespace = labels.at(-1);
  if (namespace === undefined) return EMPTY;
  if (!source.hasNamespace(namespace)) return undefined;
  if (labels.length === 1) return EMPTY;
  const ip = labels.length === 2 ? addressOfHostname(labels[0] ?? "") : undefined;
  return ip === undefined ? undefined : { addresses: [ip] };
}

function serviceNames(view: ZoneView, labels: readonly string[]): NameRecords | undefined {
  const namespace = labels.at(-1);
  if (namespace === undefined) return EMPTY;
  if (!view.source.hasNamespace(namespace)) return undefined;
  const name = labels.at(-2);
  if (name === undefined) return EMPTY;
  const service = view.source.service(namespace, name);
  if (service === undefined) return undefined;
  const below = labels.slice(0, -2);
  if (service.spec?.type === "ExternalName") return below.length === 0 ? externalName(service) : undefined;
  const [first = "", second = ""] = below;
  switch (below.length) {
    case 0:
      return atService(view, service, () => true);
    case 1:
      return first.startsWith("_") ? protocolName(view, service, first) : atEndpoint(view, service, first);
    case 2:
      if (!first.startsWith("_") || !second.startsWith("_")) return undefined;
      return atService(
        view,
        service,
        (port) => `_${port.name}` === first && `_${port.protocol}` === second && port.name !== "",
      );
    default:
      return undefined;
  }
}

/** A name that looks like an address is no name to go on with: CoreDNS leaves the Service out. */
function externalName(service: Service): NameRecords | undefined {
  const target = (service.spec?.externalName ?? "").replace(/\.$/, "");
  return target === "" || canonicalIP(target) !== undefined ? undefined : { cname: target };
}

function isHeadless(service: Service): boolean {
  return service.spec?.clusterIP === "None";
}

function serviceName(view: ZoneView, service: Service): string {
  return `${service.metadata?.name}.${service.metadata?.namespace}.svc.${view.domain}`;
}

function endpointsOf({ source }: ZoneView, service: Service): EndpointAddress[] {
  return shownEndpoints(service, source.slices(service.metadata?.namespace ?? "", service.metadata?.name ?? ""));
}

/** A Service's own name, or that of one of its ports: all ports then, or those that fit. */
function atService(view: ZoneView, service: Service, fits: (port: NamedPort) => boolean): NameRecords | undefined {
  const anyPort = fits({ name: "", protocol: "", port: 0 });
  if (isHeadless(service)) {
    const endpoints = endpointsOf(view, service).filter(({ ports }) => anyPort || ports.some(fits));
    // The specification wants NXDOMAIN where no endpoint is ready.
    return endpoints.length === 0 ? undefined : endpointRecords(view, service, endpoints, fits);
  }
  const ports = namedPorts(service.spec?.ports).filter(fits);
  if (ports.length === 0 && !anyPort) return undefined;
  const addresses = serviceIPs(service);
  const target = serviceName(view, service);
  return { addresses, targets: addresses.length === 0 ? [] : ports.map(({ port }) => ({ target, port, addresses })) };
}

/** `<hostname>.<service>`, of headless Services and, as CoreDNS has it, of the others too. */
function atEndpoint(view: ZoneView, service: Service, hostname: string): NameRecords | undefined {
  const endpoints = endpointsOf(view, service).filter((endpoint) => endpoint.hostname === hostname);
  return endpoints.length === 0 ? undefined : endpointRecords(view, service, endpoints, () => true);
}

/** `_tcp.<service>` has no records but names below it, which the parent of a name that exists cannot deny (RFC 8020). */
function protocolName(view: ZoneView, service: Service, label: string): NameRecords | undefined {
  const ports = isHeadless(service)
    ? endpointsOf(view, service).flatMap((endpoint) => endpoint.ports)
    : namedPorts(service.spec?.ports);
  return ports.some(({ name, protocol }) => name !== "" && `_${protocol}` === label) ? EMPTY : undefined;
}

function endpointRecords(
  view: ZoneView,
  service: Service,
  endpoints: readonly EndpointAddress[],
  fits: (port: NamedPort) => boolean,
): NameRecords {
  const name = serviceName(view, service);
  const targets = new Map<string, { target: string; port: number; addresses: string[] }>();
  for (const { ip, hostname, ports } of endpoints) {
    for (const { port } of ports.filter(fits)) {
      const target = `${hostname}.${name}`;
      const known = targets.get(`${target} ${port}`);
      if (known === undefined) targets.set(`${target} ${port}`, { target, port, addresses: [ip] });
      else if (!known.addresses.includes(ip)) known.addresses.push(ip);
    }
  }
  return { addresses: [...new Set(endpoints.map(({ ip }) => ip))], targets: [...targets.values()] };
}
