import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { Server } from "node:https";
import { tokenReviews } from "@knots/api/authentication/v1";
import { subjectAccessReviews } from "@knots/api/authorization/v1";
import type { Client } from "./client.ts";

export interface HealthServerOptions {
  readonly client: Client;
  readonly bindAddress: string;
  /** 0: any free one. */
  readonly port: number;
  readonly tls: { readonly cert: string; readonly key: string };
  /** Prometheus text. */
  readonly metrics: () => Promise<string>;
}

/**
 * What a component of the control plane shows of itself: HTTPS with /healthz, /livez and /readyz for everybody, and /metrics for whom the API server
 * lets read it.
 */
export class HealthServer implements AsyncDisposable {
  readonly #options: HealthServerOptions;
  readonly #server: Server;

  constructor(options: HealthServerOptions) {
    this.#options = options;
    this.#server = createServer({ ...options.tls }, (request, response) => {
      this.#handle(request, response).catch((error: unknown) => {
        send(response, 500, error instanceof Error ? error.message : String(error));
      });
    });
  }

  /** Resolves with the port once it listens; rejects where the port is taken. */
  async start(): Promise<number> {
    const { port, bindAddress } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, bindAddress, () => resolve());
    });
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : port;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? "/", "https://localhost").pathname;
    // One that waits for the Lease is healthy all the same; a dead one does not answer.
    if (["/healthz", "/livez", "/readyz"].includes(path)) return send(response, 200, "ok");
    if (path !== "/metrics") return send(response, 404, "404 page not found");
    const status = await this.#authorize(request, path);
    if (status !== 200) return send(response, status, status === 401 ? "Unauthorized" : "Forbidden");
    send(response, 200, await this.#options.metrics(), "text/plain; version=0.0.4; charset=utf-8");
  }

  /** Delegated to the API server: TokenReview, then SubjectAccessReview. */
  async #authorize(request: IncomingMessage, path: string): Promise<200 | 401 | 403> {
    const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? "")?.[1];
    if (token === undefined) return 401;
    const { client } = this.#options;
    const review = await client.resource(tokenReviews).create({ spec: { token } });
    const user = review.status?.user;
    if (review.status?.authenticated !== true || user?.username === undefined) return 401;
    const access = await client.resource(subjectAccessReviews).create({
      spec: {
        user: user.username,
        ...(user.groups === undefined ? {} : { groups: user.groups }),
        nonResourceAttributes: { path, verb: "get" },
      },
    });
    return access.status?.allowed === true ? 200 : 403;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

function send(response: ServerResponse, status: number, body: string, type = "text/plain; charset=utf-8"): void {
  response.writeHead(status, { "content-type": type });
  response.end(body);
}
