/** The kubelet's HTTPS server: logs, streams, pods and figures, for callers that the API server vouches for. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { Duplex } from "node:stream";
import type { Client } from "@knots/client";
import type { Clock, Logger } from "@knots/machinery";
import { readLog } from "../logs/read-log.ts";
import { Access } from "./access.ts";
import { findPod, logOptions, logSource } from "./container-logs.ts";
import { figuresAnswer } from "./figures.ts";
import { HttpError } from "./http-error.ts";
import { passUpgrade, streamingURL } from "./streaming.ts";
import type { KubeletView } from "./types.ts";

export interface KubeletServerOptions {
  readonly view: KubeletView;
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly address: string;
  /** 0: any free one. */
  readonly port: number;
  readonly tls: { readonly cert: string; readonly key: string };
  readonly clientCA: string | undefined;
}

const STREAMS = /^\/(exec|attach|portForward)\//;

export class KubeletServer {
  readonly #options: KubeletServerOptions;
  readonly #access: Access;
  readonly #server: Server;
  readonly #sockets = new Set<Duplex>();

  constructor(options: KubeletServerOptions) {
    this.#options = options;
    const { client, clock, view, tls, clientCA } = options;
    this.#access = new Access({ client, clock, nodeName: view.nodeName });
    this.#server = createServer({
      cert: tls.cert,
      key: tls.key,
      minVersion: "TLSv1.2",
      // A command for exec is in the URL; Go's servers read as much.
      maxHeaderSize: 1024 * 1024,
      // Callers without a certificate may have a token.
      requestCert: clientCA !== undefined,
      rejectUnauthorized: false,
      ...(clientCA === undefined ? {} : { ca: clientCA }),
    });
    this.#server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      void this.#answer(request, response);
    });
    this.#server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      void this.#upgrade(request, socket, head);
    });
    this.#server.on("secureConnection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
      socket.on("error", () => socket.destroy());
    });
  }

  /** Resolves to the port it listens on. */
  async start(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.#options.port, this.#options.address, () => resolve());
    });
    const address = this.#server.address();
    return address !== null && typeof address === "object" ? address.port : this.#options.port;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.#access.check(request);
      await this.#route(request, response);
    } catch (error) {
      const { status, text } = answerOf(error);
      if (status === 500) this.#options.logger.warn({ url: request.url?.split("?")[0], error: text }, "request failed");
      if (response.headersSent) response.destroy();
      else response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(`${text}\n`);
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "https://kubelet");
    const { view } = this.#options;
    if (url.pathname.startsWith("/containerLogs/")) return await this.#logs(url, response);
    if (STREAMS.test(url.pathname)) throw new HttpError(400, "Upgrade request required");
    switch (url.pathname) {
      case "/healthz":
      case "/healthz/ping": {
        const problems = view.problems();
        if (problems.length > 0) throw new HttpError(500, problems.join("; "));
        response.writeHead(200, { "content-type": "text/plain; charset=utf-8" }).end("ok");
        return;
      }
      case "/pods":
      case "/pods/":
        sendJSON(response, { kind: "PodList", apiVersion: "v1", metadata: {}, items: view.pods() });
        return;
      case "/runningpods/": {
        const running = view.pods().filter((pod) => pod.status?.phase === "Running");
        sendJSON(response, { kind: "PodList", apiVersion: "v1", metadata: {}, items: running });
        return;
      }
      default: {
        const answer = await figuresAnswer(view, url);
        if (answer === undefined) throw new HttpError(404, "404 page not found");
        response.writeHead(200, { "content-type": answer.contentType }).end(answer.text);
      }
    }
  }

  async #logs(url: URL, response: ServerResponse): Promise<void> {
    const { view, clock } = this.#options;
    const [, namespace = "", name = "", container = ""] = url.pathname.split("/").slice(1).map(decodeURIComponent);
    const options = logOptions(url.searchParams, clock.now());
    const source = logSource(view, findPod(view, namespace, name), container, options.previous);
    const abort = new AbortController();
    response.once("close", () => abort.abort());
    const chunks: AsyncGenerator<Uint8Array> =
      view.readLog?.(source.containerID, options, abort.signal) ??
      readLog(source.path, options, source.isRunning, abort.signal);
    try {
      // The first piece before the head: a file that is gone is an error, not an empty log.
      let next = await chunks.next();
      response.writeHead(200, { "content-type": "text/plain", "transfer-encoding": "chunked" });
      response.flushHeaders();
      for (; next.done !== true && !abort.signal.aborted; next = await chunks.next()) {
        if (!response.write(next.value)) await drained(response, abort.signal);
      }
      response.end();
    } finally {
      await chunks.return(undefined);
    }
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    try {
      await this.#access.check(request);
      const url = new URL(request.url ?? "/", "https://kubelet");
      if (!STREAMS.test(url.pathname)) throw new HttpError(404, "404 page not found");
      passUpgrade(request, socket, head, await streamingURL(this.#options.view, url));
    } catch (error) {
      const { status, text } = answerOf(error);
      const body = `${text}\n`;
      const lines = [
        `HTTP/1.1 ${status} ${status === 500 ? "Internal Server Error" : "Error"}`,
        "Content-Type: text/plain; charset=utf-8",
        `Content-Length: ${Buffer.byteLength(body)}`,
        "Connection: close",
      ];
      socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

function answerOf(error: unknown): { status: number; text: string } {
  if (error instanceof HttpError) return { status: error.status, text: error.message };
  return { status: 500, text: error instanceof Error ? error.message : String(error) };
}

function sendJSON(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
}

async function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      response.removeListener("drain", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    response.once("drain", done);
    signal.addEventListener("abort", done);
  });
}
