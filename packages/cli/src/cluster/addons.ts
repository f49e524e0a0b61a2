// What `up` puts into a new cluster through the API: the DNS Service, and a default place for it to point at.
import type { Service } from "@knots/api/core/v1";
import { services } from "@knots/api/core/v1";
import type { EndpointSlice } from "@knots/api/discovery/v1";
import { endpointSlices } from "@knots/api/discovery/v1";
import type { Client } from "@knots/client";
import { isNotFound } from "@knots/machinery";
import { DNS_PORT, DNS_SERVICE_IP, nodeAddress, type ClusterSpec } from "./spec.ts";

const LABELS = { "k8s-app": "kube-dns", "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS" };

/** The kube-dns Service without a selector, and its slice at the DNS server's address. Exported for its test. */
export function dnsObjects(spec: ClusterSpec): { service: Service; slice: EndpointSlice } {
  const address = nodeAddress(spec, { index: 1 });
  return {
    service: {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "kube-dns", namespace: "kube-system", labels: LABELS },
      spec: {
        clusterIP: DNS_SERVICE_IP,
        ports: [
          { name: "dns", port: 53, protocol: "UDP", targetPort: DNS_PORT },
          { name: "dns-tcp", port: 53, protocol: "TCP", targetPort: DNS_PORT },
        ],
      },
    },
    slice: {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: {
        name: "kube-dns",
        namespace: "kube-system",
        labels: { "kubernetes.io/service-name": "kube-dns", "endpointslice.kubernetes.io/managed-by": "knots" },
      },
      addressType: "IPv4",
      endpoints: [{ addresses: [address], conditions: { ready: true, serving: true, terminating: false } }],
      ports: [
        { name: "dns", port: DNS_PORT, protocol: "UDP" },
        { name: "dns-tcp", port: DNS_PORT, protocol: "TCP" },
      ],
    },
  };
}

/** Looks before it creates: creating a Service anew is refused for its address before its name is looked at. */
async function once(get: () => Promise<unknown>, create: () => Promise<unknown>): Promise<void> {
  try {
    await get();
  } catch (error) {
    if (!isNotFound(error)) throw error;
    await create();
  }
}

export async function ensureAddons(client: Client, spec: ClusterSpec): Promise<void> {
  const { service, slice } = dnsObjects(spec);
  const of = {
    services: client.resource(services, "kube-system"),
    slices: client.resource(endpointSlices, "kube-system"),
  };
  await once(
    () => of.services.get("kube-dns"),
    () => of.services.create(service),
  );
  await once(
    () => of.slices.get("kube-dns"),
    () => of.slices.create(slice),
  );
}
