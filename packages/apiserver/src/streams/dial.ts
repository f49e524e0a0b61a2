// HTTP/1.1 requests to kubelets, pods and services, and the words for what went wrong (Go's, which users know).
import { request as httpRequest } from "node:http";
import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Agent } from "node:https";
import type { Duplex } from "node:stream";
import { StatusError } from "@knots/machinery";

/** Where a proxied request goes, and how the other side is recognised. */
export interface Target {
  readonly scheme: "http" | "https";
  /** Address without brackets. */
  readonly host: string;
  readonly port: number;
  /** Path with query. */
  readonly path: string;
  /** Client certificate and the CA of the server; without it the server's certificate is not checked. */
  readonly tls?: {
    readonly cert: string | undefined;
    readonly key: string | undefined;
    readonly ca: string | undefined;
  };
  /** The name that the server's certificate must bear, when it is not the address. */
  readonly serverName?: string;
  /** Without a CA the certificate is checked against the system's roots, instead of not at all. */
  readonly systemRoots?: boolean;
  /** Keeps connections for further requests; otherwise each has its own. */
  readonly agent?: Agent;
}

export interface Upgraded {
  readonly response: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** Upstream waits as long for a connection (net.Dialer of its transports). */
const DIAL_TIMEOUT_MS = 30_000;

export function hostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

export function urlOf(target: Target): string {
  return `${target.scheme}://${hostPort(target.host, target.port)}${target.path}`;
}

/** An error with upstream's text that has no reason of its own: 500 without one. */
export function unknownError(message: string): StatusError {
  return StatusError.fromStatus({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    code: 500,
  });
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connect: connection refused",
  EHOSTUNREACH: "connect: no route to host",
  ENETUNREACH: "connect: network is unreachable",
  ETIMEDOUT: "i/o timeout",
};

/** What Go's dialer says of a connection that could not be made, or went away. */
export function dialMessage(error: Error, target: Target): string {
  const { code } = error as NodeJS.ErrnoException;
  const reason = REASONS[code ?? ""];
  if (reason !== undefined) return `dial tcp ${hostPort(target.host, target.port)}: ${reason}`;
  if (code === "ENOTFOUND") return `dial tcp: lookup ${target.host}: no such host`;
  if (code === "ECONNRESET") return "EOF";
  return error.message;
}

/** A request that has not been ended yet. */
export function openRequest(
  target: Target,
  method: string,
  headers: OutgoingHttpHeaders,
  signal: AbortSignal | undefined,
): ClientRequest {
  const common = {
    host: target.host,
    port: target.port,
    path: target.path,
    method,
    headers,
    agent: target.agent ?? false,
    ...(signal === undefined ? {} : { signal }),
  };
  const { tls } = target;
  const request =
    target.scheme === "http"
      ? httpRequest(common)
      : httpsRequest({
          ...common,
          // An address has no name to send; a certificate for it is checked all the same.
          servername: target.serverName ?? "",
          ...(tls?.cert === undefined ? {} : { cert: tls.cert, key: tls.key }),
          ...(tls?.ca === undefined ? { rejectUnauthorized: target.systemRoots === true } : { ca: tls.ca }),
        });
  request.once("socket", (socket) => {
    if (request.reusedSocket) return;
    const timer = setTimeout(
      () => socket.destroy(Object.assign(new Error("i/o timeout"), { code: "ETIMEDOUT" })),
      DIAL_TIMEOUT_MS,
    );
    const clear = (): void => clearTimeout(timer);
    socket.once(target.scheme === "http" ? "connect" : "secureConnect", clear);
    socket.once("close", clear);
  });
  return request;
}

/** Sends a request with an Upgrade header: the upgraded connection, or the answer of a server that did not. */
export function dialUpgrade(
  target: Target,
  method: string,
  headers: OutgoingHttpHeaders,
  signal: AbortSignal,
): Promise<Upgraded | IncomingMessage> {
  return new Promise((resolve, reject) => {
    // The signal is for the time before the connection is upgraded; afterwards it is the caller's.
    const request = openRequest(target, method, headers, undefined);
    const abort = (): void => {
      request.destroy(new Error("context canceled"));
    };
    signal.addEventListener("abort", abort, { once: true });
    const settled = (): void => signal.removeEventListener("abort", abort);
    request.once("upgrade", (response, socket, head) => {
      settled();
      resolve({ response, socket, head });
    });
    request.once("response", (response) => {
      settled();
      resolve(response);
    });
    request.once("error", (error) => {
      settled();
      reject(error);
    });
    request.end();
  });
}

export function isUpgraded(answer: Upgraded | IncomingMessage): answer is Upgraded {
  return "response" in answer;
}

/** The whole body as text, up to `limit` bytes. */
export async function readText(message: IncomingMessage, limit = 64 * 1024): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message) {
    chunks.push(chunk as Buffer);
    size += (chunk as Buffer).length;
    if (size > limit) break;
  }
  return Buffer.concat(chunks).toString("utf8", 0, limit);
}
