// Is an APIService available? Reasons and messages are upstream's (kube-aggregator's status controllers).
import type { Service } from "@knots/api/core/v1";
import { services } from "@knots/api/core/v1";
import { hostPort } from "../streams/dial.ts";
import { readyAddresses, slicesOf } from "../outbound/index.ts";
import type { OutboundClient } from "../outbound/index.ts";
import type { ObjectSource } from "../registry/object-source.ts";
import type { RemoteService } from "./api-services.ts";
import { pathOf } from "./api-services.ts";
import { AGGREGATOR, remoteUserHeaders } from "./remote-user.ts";

export interface Availability {
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
}

export const LOCAL: Availability = {
  status: "True",
  reason: "Local",
  message: "Local APIServices are always available",
};

const ATTEMPTS = 5;
const CHECK_TIMEOUT_MS = 5000;

/** What can be said from objects alone; undefined: the server has to be asked. */
export function checkService(objects: ObjectSource, { service: reference }: RemoteService): Availability | undefined {
  const { namespace, name, port } = reference;
  const no = (reason: string, message: string): Availability => ({ status: "False", reason, message });
  const service = objects.get<Service>(services, namespace, name);
  if (service === undefined) return no("ServiceNotFound", `service/${name} in "${namespace}" is not present`);
  if ((service.spec?.type ?? "ClusterIP") !== "ClusterIP") return undefined;
  const found = (service.spec?.ports ?? []).find((each) => each.port === port);
  if (found === undefined)
    return no("ServicePortError", `service/${name} in "${namespace}" is not listening on port ${port}`);
  if (slicesOf(objects, namespace, name).length === 0)
    return no("EndpointsNotFound", `cannot find endpointslices for service/${name} in "${namespace}"`);
  const portName = found.name ?? "";
  if (readyAddresses(objects, namespace, name, portName).length === 0) {
    const message = `endpointslices for service/${name} in "${namespace}" have no addresses with port name "${portName}"`;
    return no("MissingEndpoints", message);
  }
  return undefined;
}

/** Asks for the group version's discovery, several times at once: one answer is enough. */
export async function checkDiscovery(client: OutboundClient, service: RemoteService): Promise<Availability> {
  let last = "";
  const attempt = async (): Promise<void> => {
    try {
      await ask(client, service);
    } catch (error) {
      last = (error as Error).message;
      throw error;
    }
  };
  try {
    await Promise.any(Array.from({ length: ATTEMPTS }, attempt));
    return { status: "True", reason: "Passed", message: "all checks passed" };
  } catch {
    return { status: "False", reason: "FailedDiscoveryCheck", message: last };
  }
}

async function ask(client: OutboundClient, { remote, ...about }: RemoteService): Promise<void> {
  const address = remote.address();
  const origin = `https://${hostPort(address.host, address.port)}`;
  const url = `${origin}${pathOf(about)}`;
  let status: number;
  try {
    ({ status } = await client.send(
      { ...remote, origin, address: () => address },
      {
        method: "GET",
        path: pathOf(about),
        headers: { ...remoteUserHeaders(AGGREGATOR), accept: "application/json" },
        timeoutMs: CHECK_TIMEOUT_MS,
      },
    ));
  } catch (error) {
    throw new Error(`failing or missing response from ${url}: ${(error as Error).message}`, { cause: error });
  }
  if (status < 200 || status > 299)
    throw new Error(`failing or missing response from ${url}: bad status from ${url}: ${status}`);
}
