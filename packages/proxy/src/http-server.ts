// What kube-proxy answers about itself over plain HTTP: health for load balancers and the kubelet, metrics for Prometheus.
import { createServer, type Server, type ServerResponse } from "node:http";

export interface ProxyStatus {
  readonly healthy: boolean;
  /** Whether load balancers should send this node new connections; upstream: false while it is being taken away. */
  readonly nodeEligible: boolean;
  /** Milliseconds since the epoch. */
  readonly lastUpdated: number;
  readonly now: number;
}

export interface Answer {
  readonly code: number;
  readonly type: string;
  readonly body: string;
}

/** /healthz and /livez; undefined for another path. A node on its way out is alive, but not healthy. Pure. */
export function healthAnswer(path: string, status: ProxyStatus): Answer | undefined {
  if (path !== "/healthz" && path !== "/livez") return undefined;
  const { healthy, nodeEligible } = status;
  const good = healthy && (path === "/livez" || nodeEligible);
  const body = {
    lastUpdated: new Date(status.lastUpdated).toISOString(),
    currentTime: new Date(status.now).toISOString(),
    ...(path === "/livez" ? {} : { nodeEligible }),
  };
  return { code: good ? 200 : 503, type: "application/json", body: JSON.stringify(body) };
}

/** `host:port`, `[v6]:port`; a host alone takes the default port. Throws for what is neither. Pure. */
export function parseBindAddress(text: string, defaultPort: number): { host: string; port: number } {
  const parts = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text);
  const host = parts?.[1] ?? parts?.[2] ?? (text.includes(":") && parts === null ? text : undefined);
  const port = parts?.[3] === undefined ? defaultPort : Number(parts[3]);
  if (host === undefined || port > 65_535)
    throw new Error(`${JSON.stringify(text)} is no address such as 0.0.0.0:10256`);
  return { host, port };
}

/** A server of GET answers; undefined is 404. */
export class HttpServer implements AsyncDisposable {
  readonly #server: Server;

  constructor(answer: (path: string) => Answer | undefined | Promise<Answer | undefined>) {
    this.#server = createServer((request, response) => {
      const { pathname } = new URL(request.url ?? "/", "http://localhost");
      Promise.resolve(answer(pathname)).then(
        (found) =>
          send(response, found ?? { code: 404, type: "text/plain; charset=utf-8", body: "404 page not found\n" }),
        (error: unknown) =>
          send(response, { code: 500, type: "text/plain; charset=utf-8", body: `${String(error)}\n` }),
      );
    });
  }

  /** Resolves with the port once it listens (`port` 0: any free one); rejects where it is taken. */
  async listen(host: string, port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, host, resolve);
    });
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

function send(response: ServerResponse, { code, type, body }: Answer): void {
  response.writeHead(code, { "content-type": type, "x-content-type-options": "nosniff" });
  response.end(body);
}
