// What the proxy watches, and how little of it it keeps: it shares a small process, and Services may be many.
import { nodes, services, type Node, type Service } from "@knots/api/core/v1";
import { endpointSlices, type EndpointSlice } from "@knots/api/discovery/v1";
import { serviceCIDRs, type ServiceCIDR } from "@knots/api/networking/v1";
import type { Informer, InformerFactory } from "@knots/client";
import { HEADLESS, PROXY_NAME, SOURCE_RANGES } from "./service-ports.ts";

const SERVICE_NAME_LABEL = "kubernetes.io/service-name";
const LAST_CHANGE_ANNOTATION = "endpoints.kubernetes.io/last-change-trigger-time";
const ZONE_LABEL = "topology.kubernetes.io/zone";
/** Index of EndpointSlices by the key of their Service. */
export const BY_SERVICE = "service";
/** Upstream's selector: headless Services, and those of another proxy, never come here. */
const SELECTOR = `!${PROXY_NAME},!${HEADLESS}`;

export interface Watched {
  readonly services: Informer<Service>;
  readonly slices: Informer<EndpointSlice>;
  /** This node alone. */
  readonly node: Informer<Node>;
  readonly serviceCIDRs: Informer<ServiceCIDR>;
}

/** The key of the Service a slice belongs to; undefined for a slice of nobody's. */
function serviceOf(slice: EndpointSlice): string | undefined {
  const name = slice.metadata?.labels?.[SERVICE_NAME_LABEL];
  return name === undefined ? undefined : `${slice.metadata?.namespace ?? ""}/${name}`;
}

export function watch(factory: InformerFactory, nodeName: string): Watched {
  return {
    services: factory.informer(services, { labelSelector: SELECTOR, transform: keepService }),
    slices: factory.informer(endpointSlices, {
      labelSelector: SELECTOR,
      transform: keepSlice,
      indexers: {
        [BY_SERVICE]: (slice) => {
          const key = serviceOf(slice);
          return key === undefined ? [] : [key];
        },
      },
    }),
    node: factory.informer(nodes, { fieldSelector: `metadata.name=${nodeName}`, transform: keepNode }),
    serviceCIDRs: factory.informer(serviceCIDRs),
  };
}

function keepService({ metadata, spec, status }: Service): Service {
  const { name, namespace, uid, resourceVersion, annotations } = metadata ?? {};
  const ranges = annotations?.[SOURCE_RANGES];
  return {
    metadata: {
      ...(name === undefined ? {} : { name }),
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(ranges === undefined ? {} : { annotations: { [SOURCE_RANGES]: ranges } }),
    },
    ...(spec === undefined ? {} : { spec }),
    ...(status?.loadBalancer?.ingress === undefined
      ? {}
      : { status: { loadBalancer: { ingress: status.loadBalancer.ingress } } }),
  };
}

function keepSlice(slice: EndpointSlice): EndpointSlice {
  const { name, namespace, uid, resourceVersion, labels, annotations } = slice.metadata ?? {};
  const service = labels?.[SERVICE_NAME_LABEL];
  const changed = annotations?.[LAST_CHANGE_ANNOTATION];
  return {
    metadata: {
      ...(name === undefined ? {} : { name }),
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(service === undefined ? {} : { labels: { [SERVICE_NAME_LABEL]: service } }),
      ...(changed === undefined ? {} : { annotations: { [LAST_CHANGE_ANNOTATION]: changed } }),
    },
    addressType: slice.addressType,
    endpoints: (slice.endpoints ?? []).map(({ addresses, conditions, nodeName, hints }) => ({
      addresses,
      ...(conditions === undefined ? {} : { conditions }),
      ...(nodeName === undefined ? {} : { nodeName }),
      ...(hints === undefined ? {} : { hints }),
    })),
    ...(slice.ports === undefined ? {} : { ports: slice.ports }),
  };
}

function keepNode({ metadata, spec }: Node): Node {
  const { name, uid, resourceVersion, labels, deletionTimestamp } = metadata ?? {};
  const zone = labels?.[ZONE_LABEL];
  return {
    metadata: {
      ...(name === undefined ? {} : { name }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
      ...(zone === undefined ? {} : { labels: { [ZONE_LABEL]: zone } }),
    },
    ...(spec?.taints === undefined ? {} : { spec: { taints: spec.taints } }),
  };
}

/** When what this slice shows last changed, in milliseconds since the epoch. */
export function changeTime(slice: EndpointSlice): number | undefined {
  const text = slice.metadata?.annotations?.[LAST_CHANGE_ANNOTATION];
  const time = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}

/** Whether load balancers should send this node new connections. */
export function isEligible(node: Node | undefined): boolean {
  if (node?.metadata?.deletionTimestamp !== undefined) return false;
  return node?.spec?.taints?.some((taint) => taint.key === "ToBeDeletedByClusterAutoscaler") !== true;
}

/** The zone a node is in. */
export function zoneOf(node: Node | undefined): string | undefined {
  return node?.metadata?.labels?.[ZONE_LABEL];
}
