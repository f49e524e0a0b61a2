import type { Endpoints, LimitRange, Node, Secret, Service } from "@knots/api/core/v1";
import type { EndpointSlice } from "@knots/api/discovery/v1";
import type { Ingress, NetworkPolicy } from "@knots/api/networking/v1";

/** Three hours, in seconds. */
const CLIENT_IP_AFFINITY_SECONDS = 10_800;

export function defaultService(service: Service): void {
  const spec = (service.spec ??= {});
  spec.sessionAffinity ||= "None";
  if (spec.sessionAffinity === "None") delete spec.sessionAffinityConfig;
  if (spec.sessionAffinity === "ClientIP" && spec.sessionAffinityConfig?.clientIP?.timeoutSeconds === undefined) {
    spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: CLIENT_IP_AFFINITY_SECONDS } };
  }
  spec.type ||= "ClusterIP";
  for (const port of spec.ports ?? []) {
    port.protocol ||= "TCP";
    if (!port.targetPort) port.targetPort = port.port;
  }
  const external = spec.type === "NodePort" || spec.type === "LoadBalancer";
  const hasExternalIPs = (spec.externalIPs?.length ?? 0) > 0;
  if (external || (spec.type === "ClusterIP" && hasExternalIPs)) spec.externalTrafficPolicy ||= "Cluster";
  if (spec.type !== "ExternalName") spec.internalTrafficPolicy ??= "Cluster";
  if (spec.type !== "LoadBalancer") return;
  spec.allocateLoadBalancerNodePorts ??= true;
  for (const ingress of service.status?.loadBalancer?.ingress ?? []) if (ingress.ip) ingress.ipMode ??= "VIP";
}

export function defaultEndpoints(endpoints: Endpoints): void {
  for (const subset of endpoints.subsets ?? []) {
    for (const port of subset.ports ?? []) port.protocol ||= "TCP";
  }
}

export function defaultEndpointSlice(slice: EndpointSlice): void {
  for (const port of slice.ports ?? []) {
    port.name ??= "";
    port.protocol ??= "TCP";
  }
}

export function defaultIngress(ingress: Ingress): void {
  for (const rule of ingress.spec?.rules ?? []) {
    for (const path of rule.http?.paths ?? []) path.pathType ??= "ImplementationSpecific";
  }
}

export function defaultNetworkPolicy(policy: NetworkPolicy): void {
  const spec = policy.spec;
  if (!spec) return;
  if (!spec.policyTypes?.length) {
    spec.policyTypes = spec.egress?.length ? ["Ingress", "Egress"] : ["Ingress"];
  }
  const ports = [...(spec.ingress ?? []), ...(spec.egress ?? [])].flatMap((rule) => rule.ports ?? []);
  for (const port of ports) port.protocol ??= "TCP";
}

export function defaultSecret(secret: Secret): void {
  secret.type ||= "Opaque";
}

export function defaultNode(node: Node): void {
  const status = node.status;
  if (status?.capacity && !status.allocatable) status.allocatable = { ...status.capacity };
}

/** Container limits: max gives the default limit, default or min the default request. */
export function defaultLimitRange(range: LimitRange): void {
  for (const item of range.spec?.limits ?? []) {
    if (item.type !== "Container") continue;
    item.default = { ...item.max, ...item.default };
    item.defaultRequest = { ...item.min, ...item.default, ...item.defaultRequest };
    if (Object.keys(item.default).length === 0) delete item.default;
    if (Object.keys(item.defaultRequest).length === 0) delete item.defaultRequest;
  }
}
