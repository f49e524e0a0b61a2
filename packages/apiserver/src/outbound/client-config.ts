import type { Remote } from "./outbound-client.ts";
import type { ServiceResolver } from "./service-resolver.ts";

/** How webhooks, converters and policies say where they are: a URL or a service. */
export interface ClientConfig {
  readonly url?: string;
  readonly service?: {
    readonly namespace: string;
    readonly name: string;
    readonly path?: string;
    readonly port?: number;
  };
  /** PEM, base64. */
  readonly caBundle?: string;
}

/** The server and path that a client configuration names. */
export function remoteOf(config: ClientConfig, resolver: ServiceResolver): { remote: Remote; path: string } {
  const ca = caOf(config.caBundle);
  const { service } = config;
  if (service !== undefined) {
    const serverName = `${service.name}.${service.namespace}.svc`;
    const port = service.port ?? 443;
    return {
      remote: {
        origin: `https://${serverName}:${port}`,
        serverName,
        ca,
        address: () => resolver.resolve(service.namespace, service.name, port),
      },
      path: service.path ?? "/",
    };
  }
  if (config.url === undefined) throw new Error("webhook configuration must have either service or URL");
  const url = new URL(config.url);
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return {
    remote: {
      origin: `https://${url.host}`,
      serverName: host,
      ca,
      address: () => ({ host, port: url.port === "" ? 443 : Number(url.port) }),
    },
    path: url.pathname,
  };
}

/** PEM text of a caBundle; undefined for an absent or empty one. */
export function caOf(bundle: string | undefined): string | undefined {
  return bundle === undefined || bundle === "" ? undefined : Buffer.from(bundle, "base64").toString("utf8");
}
