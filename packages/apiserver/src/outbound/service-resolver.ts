import type { Service, ServicePort } from "@knots/api/core/v1";
import { services } from "@knots/api/core/v1";
import type { EndpointSlice } from "@knots/api/discovery/v1";
import { endpointSlices } from "@knots/api/discovery/v1";
import { newServiceUnavailable } from "@knots/machinery";
import type { ObjectSource } from "../registry/object-source.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
}

const ROUTABLE = new Set(["ClusterIP", "NodePort", "LoadBalancer"]);

/**
 * Where the server behind a service reference is reached: the Service's cluster IP, or, with aggregator routing, one of
 * its endpoints (for an API server that lives where no kube-proxy rules are). Texts are upstream's.
 */
export class ServiceResolver {
  readonly #objects: ObjectSource;
  readonly #toEndpoints: boolean;
  readonly #self: () => Address;

  /** `self`: this server, for default/kubernetes. */
  constructor(objects: ObjectSource, toEndpoints: boolean, self: () => Address) {
    this.#objects = objects;
    this.#toEndpoints = toEndpoints;
    this.#self = self;
  }

  resolve(namespace: string, name: string, port: number): Address {
    if (namespace === "default" && name === "kubernetes" && port === 443) return this.#self();
    const service = this.#objects.get<Service>(services, namespace, name);
    if (service === undefined) throw new Error(`service "${name}" not found`);
    const type = service.spec?.type ?? "ClusterIP";
    if (this.#toEndpoints && type !== "ExternalName") return this.#endpoint(namespace, name, service, port);
    if (type === "ExternalName") return { host: service.spec?.externalName ?? "", port };
    if (!ROUTABLE.has(type)) throw new Error(`unsupported service type ${JSON.stringify(type)}`);
    if (service.spec?.clusterIP === "None") throw new Error('cannot route to service with ClusterIP "None"');
    return { host: service.spec?.clusterIP ?? "", port: portOf(service, port).port };
  }

  #endpoint(namespace: string, name: string, service: Service, port: number): Address {
    const { name: portName = "" } = portOf(service, port);
    const choices = readyAddresses(this.#objects, namespace, name, portName);
    const chosen = choices[Math.floor(Math.random() * choices.length)];
    if (chosen === undefined) throw newServiceUnavailable(`no endpoints available for service ${JSON.stringify(name)}`);
    return chosen;
  }
}

function portOf(service: Service, port: number): ServicePort {
  const found = (service.spec?.ports ?? []).find((each) => each.port === port);
  if (found === undefined) {
    const name = service.metadata?.name ?? "";
    throw newServiceUnavailable(`no service port ${port} found for service ${JSON.stringify(name)}`);
  }
  return found;
}

/** EndpointSlices of a Service. */
export function slicesOf(objects: ObjectSource, namespace: string, name: string): readonly EndpointSlice[] {
  return objects
    .list<EndpointSlice>(endpointSlices, namespace)
    .filter(({ metadata }) => metadata?.labels?.["kubernetes.io/service-name"] === name);
}

/** Addresses that answer on a named port of a Service. */
export function readyAddresses(objects: ObjectSource, namespace: string, name: string, portName: string): Address[] {
  return slicesOf(objects, namespace, name).flatMap((slice) =>
    (slice.ports ?? [])
      .filter((port) => (port.name ?? "") === portName && port.port !== undefined)
      .flatMap((port) =>
        (slice.endpoints ?? [])
          .filter(({ conditions }) => conditions?.ready !== false)
          .flatMap(({ addresses }) => addresses.map((host) => ({ host, port: port.port ?? 0 }))),
      ),
  );
}
