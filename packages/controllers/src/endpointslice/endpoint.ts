import type { Node, Pod, Service } from "@knots/api/core/v1";
import type { Endpoint } from "@knots/api/discovery/v1";
import { metaOf } from "../framework/objects.ts";
import { isReady } from "../framework/pod-state.ts";
import { endpointHostname } from "./selection.ts";

export type AddressType = "IPv4" | "IPv6";

export function addressTypeOf(address: string): AddressType {
  return address.includes(":") ? "IPv6" : "IPv4";
}

/** The address families a Service has endpoints of; one made before the field has that of its cluster IP. */
export function addressTypesOf(service: Service, pods: readonly Pod[]): AddressType[] {
  const { ipFamilies, clusterIP } = service.spec ?? {};
  if (ipFamilies !== undefined && ipFamilies.length > 0)
    return ipFamilies.map((family) => (family === "IPv6" ? "IPv6" : "IPv4"));
  if (clusterIP !== undefined && clusterIP !== "" && clusterIP !== "None") return [addressTypeOf(clusterIP)];
  const families = new Set(pods.flatMap((pod) => (pod.status?.podIP ? [addressTypeOf(pod.status.podIP)] : [])));
  return families.size > 0 ? [...families] : ["IPv4"];
}

function addressesOf(pod: Pod, type: AddressType): string[] {
  const all = (pod.status?.podIPs ?? []).map(({ ip }) => ip).filter((ip): ip is string => !!ip);
  if (all.length === 0 && pod.status?.podIP) all.push(pod.status.podIP);
  return all.filter((ip) => addressTypeOf(ip) === type);
}

/** The endpoint of a pod; undefined where it has no address of that family. `node` is the pod's. Pure. */
export function podEndpoint(
  pod: Pod,
  node: Node | undefined,
  service: Service,
  type: AddressType,
): Endpoint | undefined {
  const addresses = addressesOf(pod, type);
  if (addresses.length === 0) return undefined;
  const { name, namespace, uid } = metaOf(pod);
  const serving = isReady(pod);
  const terminating = pod.metadata?.deletionTimestamp !== undefined;
  const ready = service.spec?.publishNotReadyAddresses === true || (serving && !terminating);
  const endpoint: Endpoint = {
    addresses,
    conditions: { ready, serving, terminating },
    targetRef: { kind: "Pod", namespace, name, uid },
  };
  if (pod.spec?.nodeName) endpoint.nodeName = pod.spec.nodeName;
  const zone = node?.metadata?.labels?.["topology.kubernetes.io/zone"];
  if (zone !== undefined) endpoint.zone = zone;
  const hostname = endpointHostname(pod, service);
  if (hostname !== undefined) endpoint.hostname = hostname;
  return endpoint;
}

/** Who the endpoint is: the same pod at the same addresses stays in its slice. */
export function endpointKey({ addresses, targetRef }: Endpoint): string {
  return JSON.stringify([addresses, targetRef?.uid ?? targetRef?.name ?? null]);
}
