import { Agent, request as httpsRequest } from "node:https";
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from "node:http";
import type { Clock } from "@knots/machinery";
import { transportMessage } from "./transport-error.ts";

/** One server that this server calls. */
export interface Remote {
  /** "https://name:port" as people read it in errors; its host and port are also the Host header. */
  readonly origin: string;
  /** The name that its certificate must bear. */
  readonly serverName: string;
  /** PEM; undefined: the system's roots. */
  readonly ca: string | undefined;
  /** Its certificate is not checked at all. */
  readonly insecure?: boolean;
  /** What this server shows of itself. */
  readonly identity?: { readonly cert: string; readonly key: string };
  /** Where to connect to; throws with the words for why there is no such place. */
  address(): { readonly host: string; readonly port: number };
}

export interface OutboundRequest {
  readonly method: "GET" | "POST";
  /** Path with query. */
  readonly path: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: Uint8Array;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface OutboundResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Larger answers are refused: nobody may fill this server's memory. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;
const MAX_SOCKETS_PER_REMOTE = 128;

/** HTTPS to webhooks, converters and extension servers: connections are kept, redirects are not followed. */
export class OutboundClient implements Disposable {
  readonly #clock: Clock;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS_PER_REMOTE, maxFreeSockets: 8 });

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Rejects with an Error whose text is Go's: `Post "https://…": dial tcp …: connection refused`. */
  async send(remote: Remote, request: OutboundRequest): Promise<OutboundResponse> {
    const what = `${request.method === "GET" ? "Get" : "Post"} ${JSON.stringify(`${remote.origin}${request.path}`)}`;
    try {
      return await this.#withDeadline(remote, request);
    } catch (error) {
      throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
    }
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  async #withDeadline(remote: Remote, request: OutboundRequest): Promise<OutboundResponse> {
    const abort = new AbortController();
    let why = "";
    const stop = (reason: string): void => {
      why ||= reason;
      abort.abort();
    };
    const canceled = (): void => stop("context canceled");
    const timer = this.#clock.setTimeout(() => stop("context deadline exceeded"), request.timeoutMs);
    request.signal?.addEventListener("abort", canceled, { once: true });
    if (request.signal?.aborted === true) canceled();
    try {
      const { host, port } = remote.address();
      for (let tries = 1; ; tries++) {
        try {
          return await this.#exchange(remote, request, host, port, abort.signal);
        } catch (error) {
          // The other side closed a kept connection in the moment in which it was used again.
          if (tries === 1 && (error as Reused).reused === true && !abort.signal.aborted) continue;
          throw new Error(transportMessage(error as Error, host, port, remote.serverName), { cause: error });
        }
      }
    } catch (error) {
      throw why === "" ? error : new Error(why, { cause: error });
    } finally {
      timer.cancel();
      request.signal?.removeEventListener("abort", canceled);
    }
  }

  #exchange(
    remote: Remote,
    { method, path, headers, body }: OutboundRequest,
    host: string,
    port: number,
    signal: AbortSignal,
  ): Promise<OutboundResponse> {
    return new Promise((resolve, reject) => {
      const outgoing = httpsRequest({
        agent: this.#agent,
        host,
        port,
        path,
        method,
        signal,
        servername: remote.serverName,
        ...tlsOf(remote),
        headers: {
          ...headers,
          host: new URL(remote.origin).host,
          "user-agent": "kube-apiserver-admission",
          ...(body === undefined ? {} : { "content-length": body.length }),
        },
      });
      outgoing.once("response", (response) => {
        readBounded(response).then(
          (bytes) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: bytes }),
          reject,
        );
      });
      outgoing.once("error", (error: Reused) => {
        error.reused = outgoing.reusedSocket && error.code === "ECONNRESET";
        reject(error);
      });
      outgoing.end(body);
    });
  }
}

interface Reused extends Error {
  code?: string;
  reused?: boolean;
}

/** TLS options of a connection to a remote. */
export function tlsOf({ ca, insecure, identity }: Remote): {
  ca?: string;
  cert?: string;
  key?: string;
  rejectUnauthorized?: boolean;
} {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(identity === undefined ? {} : { cert: identity.cert, key: identity.key }),
    ...(insecure === true ? { rejectUnauthorized: false } : {}),
  };
}

async function readBounded(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size <= MAX_BODY_BYTES) continue;
    response.destroy();
    throw new Error(`the response body is larger than ${MAX_BODY_BYTES} bytes`);
  }
  return Buffer.concat(chunks, size);
}
