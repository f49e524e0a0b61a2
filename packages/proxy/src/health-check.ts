// Load balancers ask here which nodes have pods of a Service with externalTrafficPolicy Local (spec.healthCheckNodePort).
import { createServer, type Server } from "node:http";
import type { Logger } from "@knots/machinery";

export interface HealthCheck {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
  readonly localEndpoints: number;
}

export class HealthChecks {
  readonly #logger: Logger;
  readonly #healthy: () => boolean;
  readonly #servers = new Map<number, Server>();
  readonly #states = new Map<number, HealthCheck>();

  /** `healthy`: whether the rules follow the Services; when not, no node port is. */
  constructor(logger: Logger, healthy: () => boolean) {
    this.#logger = logger;
    this.#healthy = healthy;
  }

  /** Listens on exactly the ports of `checks`. */
  sync(checks: readonly HealthCheck[]): void {
    this.#states.clear();
    for (const check of checks) this.#states.set(check.port, check);
    for (const [port, server] of this.#servers) {
      if (this.#states.has(port)) continue;
      server.close();
      server.closeAllConnections();
      this.#servers.delete(port);
    }
    for (const port of this.#states.keys()) if (!this.#servers.has(port)) this.#listen(port);
  }

  #listen(port: number): void {
    const server = createServer((_request, response) => {
      const state = this.#states.get(port);
      const count = state?.localEndpoints ?? 0;
      const healthy = this.#healthy();
      response.writeHead(count > 0 && healthy ? 200 : 503, {
        "content-type": "application/json",
        "x-content-type-options": "nosniff",
        "x-load-balancing-endpoint-weight": String(count),
      });
      const service = { namespace: state?.namespace, name: state?.name };
      response.end(JSON.stringify({ service, localEndpoints: count, serviceProxyHealthy: healthy }));
    });
    server.on("error", (error) => {
      this.#logger.error({ port, error: error.message }, "cannot listen for health checks of a Service");
      this.#servers.delete(port);
    });
    server.listen(port);
    server.unref();
    this.#servers.set(port, server);
  }

  [Symbol.dispose](): void {
    this.sync([]);
  }
}
