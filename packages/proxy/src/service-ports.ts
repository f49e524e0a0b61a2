// The ports of Services that this proxy serves, each with its addresses, policies and endpoints.
import type { Service } from "@knots/api/core/v1";
import type { EndpointSlice } from "@knots/api/discovery/v1";
import { disjoint, isIPv4, network } from "./ipv4.ts";
import { clusterEndpoints, endpointsOf, localEndpoints, type NodePlace, type ProxyEndpoint } from "./endpoints.ts";

export const PROXY_NAME = "service.kubernetes.io/service-proxy-name";
export const HEADLESS = "service.kubernetes.io/headless";
export const SOURCE_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges";

export interface ServicePortModel {
  /** `ns/name/tcp/port`: names chains and comments. */
  readonly id: string;
  readonly protocol: "tcp" | "udp" | "sctp";
  readonly clusterIPs: readonly string[];
  readonly port: number;
  readonly nodePort: number | undefined;
  readonly externalIPs: readonly string[];
  readonly loadBalancerIPs: readonly string[];
  /** Sources that may use the load balancer's address; undefined: all. */
  readonly sourceRanges: readonly string[] | undefined;
  readonly affinitySeconds: number | undefined;
  readonly internalLocal: boolean;
  readonly externalLocal: boolean;
  readonly cluster: readonly ProxyEndpoint[];
  readonly local: readonly ProxyEndpoint[];
}

/** Whether a Service is this proxy's to serve: it has a cluster IP and is not another proxy's. Pure. */
export function isServed(service: Service): boolean {
  const { clusterIP, type } = service.spec ?? {};
  const labels = service.metadata?.labels ?? {};
  return (
    type !== "ExternalName" &&
    clusterIP !== undefined &&
    clusterIP !== "" &&
    clusterIP !== "None" &&
    labels[PROXY_NAME] === undefined &&
    labels[HEADLESS] === undefined
  );
}

/** The served ports of a Service; `slices` are the Service's. Pure. */
export function servicePorts(service: Service, slices: readonly EndpointSlice[], place: NodePlace): ServicePortModel[] {
  const { spec, metadata, status } = service;
  if (spec === undefined || !isServed(service)) return [];
  const clusterIPs = (spec.clusterIPs ?? [spec.clusterIP ?? ""]).filter(isIPv4);
  if (clusterIPs.length === 0) return [];
  const ingress = status?.loadBalancer?.ingress ?? [];
  const external = spec.type === "NodePort" || spec.type === "LoadBalancer" || (spec.externalIPs ?? []).length > 0;
  return (spec.ports ?? []).map((port) => {
    const protocol = port.protocol ?? "TCP";
    const lower = protocol.toLowerCase() as ServicePortModel["protocol"];
    const all = endpointsOf(slices, port.name ?? "", protocol, place.nodeName);
    return {
      id: `${metadata?.namespace ?? ""}/${metadata?.name ?? ""}/${lower}/${port.name ?? ""}`,
      protocol: lower,
      clusterIPs,
      port: port.port,
      nodePort: port.nodePort === undefined || port.nodePort === 0 ? undefined : port.nodePort,
      externalIPs: (spec.externalIPs ?? []).filter(isIPv4),
      loadBalancerIPs: ingress
        .filter((each) => each.ipMode !== "Proxy")
        .map((each) => each.ip ?? "")
        .filter(isIPv4),
      sourceRanges: sourceRanges(service),
      affinitySeconds:
        spec.sessionAffinity === "ClientIP"
          ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10_800)
          : undefined,
      internalLocal: spec.internalTrafficPolicy === "Local",
      externalLocal: external && spec.externalTrafficPolicy === "Local",
      cluster: clusterEndpoints(all, place),
      local: localEndpoints(all),
    };
  });
}

/** The networks that may use the load balancer; the annotation is what was there before the field. Undefined: all. */
function sourceRanges(service: Service): string[] | undefined {
  const field = service.spec?.loadBalancerSourceRanges ?? [];
  const given = field.length > 0 ? field : (service.metadata?.annotations?.[SOURCE_RANGES]?.split(",") ?? []);
  const ranges = given.flatMap((each) => network(each) ?? []);
  return ranges.length === 0 || ranges.includes("0.0.0.0/0") ? undefined : disjoint(ranges);
}
