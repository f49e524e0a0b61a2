// Calls that the API server makes to other servers: webhooks, converters, extension API servers.
import type { OutboundClient } from "./outbound-client.ts";
import type { ServiceResolver } from "./service-resolver.ts";

export { caOf, remoteOf } from "./client-config.ts";
export type { ClientConfig } from "./client-config.ts";
export { OutboundClient, tlsOf } from "./outbound-client.ts";
export type { OutboundRequest, OutboundResponse, Remote } from "./outbound-client.ts";
export { jsonObject, serverError } from "./server-error.ts";
export { readyAddresses, ServiceResolver, slicesOf } from "./service-resolver.ts";
export type { Address } from "./service-resolver.ts";

/** What callers of other servers need. */
export interface Outbound {
  readonly client: OutboundClient;
  readonly resolver: ServiceResolver;
}
