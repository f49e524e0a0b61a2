// The endpoints of a Service that may be shown, and what they are called.
import type { Service } from "@knots/api/core/v1";
import type { EndpointSlice } from "@knots/api/discovery/v1";
import { canonicalIP, TOLERATE_UNREADY } from "./source.ts";

export interface NamedPort {
  readonly name: string;
  /** Small: tcp, udp, sctp. */
  readonly protocol: string;
  readonly port: number;
}

export interface EndpointAddress {
  readonly ip: string;
  /** The label before the Service's name: the endpoint's hostname, or its address with dashes. */
  readonly hostname: string;
  readonly ports: readonly NamedPort[];
}

interface PortFields {
  readonly name?: string;
  readonly protocol?: string;
  readonly port?: number;
}

export function namedPorts(ports: readonly PortFields[] | undefined): NamedPort[] {
  return (ports ?? []).flatMap(({ name, protocol, port }) =>
    port === undefined ? [] : [{ name: name ?? "", protocol: (protocol ?? "TCP").toLowerCase(), port }],
  );
}

/** Whether the Service wants pods shown before they are ready: the field, or the annotation that it was once. */
export function publishesNotReady(service: Service | undefined): boolean {
  return (
    service?.spec?.publishNotReadyAddresses === true || service?.metadata?.annotations?.[TOLERATE_UNREADY] === "true"
  );
}

/** The addresses to show of a Service's slices, each once a hostname. A condition that nobody set counts as ready (discovery/v1). */
export function shownEndpoints(service: Service | undefined, slices: readonly EndpointSlice[]): EndpointAddress[] {
  const all = publishesNotReady(service);
  const shown = new Map<string, EndpointAddress>();
  for (const slice of slices) {
    if (slice.addressType === "FQDN") continue;
    const ports = namedPorts(slice.ports);
    for (const { addresses, conditions, hostname } of slice.endpoints ?? []) {
      if (!all && conditions?.ready === false) continue;
      for (const address of addresses) {
        const ip = canonicalIP(address);
        if (ip === undefined) continue;
        const label = hostname === undefined || hostname === "" ? generatedHostname(ip) : hostname.toLowerCase();
        const key = `${label} ${ip}`;
        // While slices are moved about, an endpoint may stand in two of them; slices may also differ in ports.
        const known = shown.get(key);
        const added = ports.filter((port) => !known?.ports.some((other) => samePort(port, other)));
        shown.set(key, { ip, hostname: label, ports: [...(known?.ports ?? []), ...added] });
      }
    }
  }
  return [...shown.values()];
}

function samePort(one: NamedPort, other: NamedPort): boolean {
  return one.name === other.name && one.protocol === other.protocol && one.port === other.port;
}

/** 10.1.2.3 → 10-1-2-3, fd00::1 → fd00--1. */
export function generatedHostname(ip: string): string {
  return ip.replaceAll(/[.:]/g, "-");
}

/** The way back, as CoreDNS reads it: four numbers are IPv4, the rest must be IPv6. */
export function addressOfHostname(label: string): string | undefined {
  if (!/^[0-9a-f-]+$/.test(label)) return undefined;
  return canonicalIP(/^\d+(?:-\d+){3}$/.test(label) ? label.replaceAll("-", ".") : label.replaceAll("-", ":"));
}
