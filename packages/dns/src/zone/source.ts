// What the records are made of, found by key: the snapshot that every answer is computed from.
import type { Namespace, Service } from "@knots/api/core/v1";
import type { EndpointSlice } from "@knots/api/discovery/v1";
import type { Informer, InformerFactory } from "@knots/client";
import { namespaces, services } from "@knots/api/core/v1";
import { endpointSlices } from "@knots/api/discovery/v1";
import ipaddr from "ipaddr.js";

export interface ZoneSource {
  hasNamespace(name: string): boolean;
  service(namespace: string, name: string): Service | undefined;
  /** The slices of a Service. */
  slices(namespace: string, service: string): readonly EndpointSlice[];
  /** Services by one of their cluster IPs, in canonical form. */
  servicesByIP(ip: string): readonly Service[];
  /** Slices with an endpoint of that address, in canonical form. */
  slicesByIP(ip: string): readonly EndpointSlice[];
}

const SERVICE_NAME = "kubernetes.io/service-name";
/** What publishNotReadyAddresses was before it was a field; the specification still names it. */
export const TOLERATE_UNREADY = "service.alpha.kubernetes.io/tolerate-unready-endpoints";

/** One text for one address: IPv4 in four numbers, IPv6 shortened in small letters. Undefined for what is no address. */
export function canonicalIP(text: string): string | undefined {
  return ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text)
    ? ipaddr.parse(text).toString()
    : undefined;
}

export function serviceIPs(service: Service): string[] {
  const { clusterIP, clusterIPs } = service.spec ?? {};
  const ips = clusterIPs ?? (clusterIP === undefined ? [] : [clusterIP]);
  return ips.map(canonicalIP).filter((ip) => ip !== undefined);
}

export function serviceOf(slice: EndpointSlice): string {
  return slice.metadata?.labels?.[SERVICE_NAME] ?? "";
}

function sliceIPs(slice: EndpointSlice): string[] {
  const ips = (slice.endpoints ?? []).flatMap(({ addresses }) => addresses.map(canonicalIP));
  return [...new Set(ips.filter((ip) => ip !== undefined))];
}

/** The parts that records are made of: Services are many, and their other fields are not small. */
function slimService({ apiVersion, kind, metadata, spec }: Service): Service {
  const tolerate = metadata?.annotations?.[TOLERATE_UNREADY];
  return {
    apiVersion,
    kind,
    metadata: {
      ...slimMeta(metadata),
      annotations: tolerate === undefined ? undefined : { [TOLERATE_UNREADY]: tolerate },
    },
    spec: {
      type: spec?.type,
      clusterIP: spec?.clusterIP,
      clusterIPs: spec?.clusterIPs,
      externalName: spec?.externalName,
      publishNotReadyAddresses: spec?.publishNotReadyAddresses,
      ports: spec?.ports?.map(({ name, protocol, port }) => ({ name, protocol, port })),
    },
  };
}

function slimSlice({ apiVersion, kind, metadata, addressType, endpoints, ports }: EndpointSlice): EndpointSlice {
  return {
    apiVersion,
    kind,
    metadata: { ...slimMeta(metadata), labels: { [SERVICE_NAME]: metadata?.labels?.[SERVICE_NAME] ?? "" } },
    addressType,
    endpoints: endpoints?.map(({ addresses, conditions, hostname }) => ({ addresses, conditions, hostname })),
    ports,
  };
}

function slimMeta(metadata: Namespace["metadata"]): Namespace["metadata"] & object {
  const { name, namespace, uid, resourceVersion } = metadata ?? {};
  return { name, namespace, uid, resourceVersion };
}

const BY_IP = "dns.ip";
const BY_SERVICE = "dns.service";

/** The source over informers, which it makes and does not start. `changed` is called at each change of what records are made of. */
export function informerSource(factory: InformerFactory, changed: () => void): ZoneSource {
  const namespaceInformer: Informer<Namespace> = factory.informer(namespaces, {
    transform: ({ apiVersion, kind, metadata }) => ({ apiVersion, kind, metadata: slimMeta(metadata) }),
  });
  const serviceInformer: Informer<Service> = factory.informer(services, {
    indexers: { [BY_IP]: serviceIPs },
    transform: slimService,
  });
  const sliceInformer: Informer<EndpointSlice> = factory.informer(endpointSlices, {
    indexers: {
      [BY_IP]: sliceIPs,
      [BY_SERVICE]: (slice) => [`${slice.metadata?.namespace}/${serviceOf(slice)}`],
    },
    transform: slimSlice,
  });
  for (const informer of [namespaceInformer, serviceInformer, sliceInformer])
    informer.addHandler({ add: changed, update: changed, delete: changed });
  return {
    hasNamespace: (name) => namespaceInformer.lister.get(name) !== undefined,
    service: (namespace, name) => serviceInformer.lister.get(`${namespace}/${name}`),
    slices: (namespace, service) => sliceInformer.lister.byIndex(BY_SERVICE, `${namespace}/${service}`),
    servicesByIP: (ip) => serviceInformer.lister.byIndex(BY_IP, ip),
    slicesByIP: (ip) => sliceInformer.lister.byIndex(BY_IP, ip),
  };
}

/** The source over lists that do not change. */
export function listSource(lists: {
  namespaces: readonly string[];
  services: readonly Service[];
  slices: readonly EndpointSlice[];
}): ZoneSource {
  const inNamespace = (object: Service | EndpointSlice, namespace: string): boolean =>
    object.metadata?.namespace === namespace;
  return {
    hasNamespace: (name) => lists.namespaces.includes(name),
    service: (namespace, name) =>
      lists.services.find((service) => inNamespace(service, namespace) && service.metadata?.name === name),
    slices: (namespace, service) =>
      lists.slices.filter((slice) => inNamespace(slice, namespace) && serviceOf(slice) === service),
    servicesByIP: (ip) => lists.services.filter((service) => serviceIPs(service).includes(ip)),
    slicesByIP: (ip) => lists.slices.filter((slice) => sliceIPs(slice).includes(ip)),
  };
}
