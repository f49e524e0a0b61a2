import { createSecureServer } from "node:http2";
import type { Http2SecureServer, ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { ApiRequest, ApiResponse } from "./types.ts";

export interface ListenerOptions {
  readonly bindAddress: string;
  /** 0: any free port. */
  readonly port: number;
  readonly cert: string;
  readonly key: string;
  /** PEM bundle against which client certificates are verified. */
  readonly clientCA: string | undefined;
  onRequest(request: ApiRequest, response: ApiResponse): void;
  onUpgrade(request: ApiRequest, socket: Duplex, head: Buffer): void;
}

// A command for exec is in the URL; Go's servers read as much. Node's types of HTTP/2 do not know options of HTTP/1.
const HTTP1_OPTIONS: object = { maxHeaderSize: 1024 * 1024 };

/** HTTPS with HTTP/2 and HTTP/1.1 on one port. */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #server: Http2SecureServer;
  readonly #sockets = new Set<TLSSocket>();
  readonly #sessions = new Set<ServerHttp2Session>();

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#server = createSecureServer({
      allowHTTP1: true,
      cert: options.cert,
      key: options.key,
      minVersion: "TLSv1.2",
      ALPNProtocols: ["h2", "http/1.1"],
      // A client without a certificate, or with one of another CA, may still present a token.
      requestCert: true,
      rejectUnauthorized: false,
      ...(options.clientCA === undefined ? {} : { ca: options.clientCA }),
      settings: { maxConcurrentStreams: 4096, initialWindowSize: 1024 * 1024 },
      // Megabytes a session may hold: many watches share one.
      maxSessionMemory: 1024,
      ...HTTP1_OPTIONS,
      // A stream too many is refused, and its client may try again. That is no reason to end all its watches: under load
      // this side is done with a stream later than the other, which takes it for ended.
      maxSessionRejectedStreams: 1_000_000,
      // Nor is it one that a client gives up many requests: whoever stops controllers ends their watches, and what a slow
      // server makes time out is given up by the thousand. By default a session ends after a thousand and 33 a second.
      streamResetBurst: 50_000,
      streamResetRate: 5_000,
    });
    this.#server.on("request", (request, response) => {
      // Go's servers do not say that they keep a connection, nor for how long.
      if (request.httpVersionMajor === 1) response.removeHeader("connection");
      options.onRequest(request as unknown as ApiRequest, response as unknown as ApiResponse);
    });
    this.#server.on("upgrade", (request: unknown, socket: Duplex, head: Buffer) =>
      options.onUpgrade(request as ApiRequest, socket, head),
    );
    this.#server.on("session", (session) => {
      this.#sessions.add(session);
      session.once("close", () => this.#sessions.delete(session));
    });
    this.#server.on("secureConnection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
      socket.on("error", () => socket.destroy());
      socket.setNoDelay(true);
    });
    // Port scanners and health checkers end handshakes half way.
    this.#server.on("tlsClientError", () => undefined);
    this.#server.on("sessionError", () => undefined);
    const server = this.#server as unknown as {
      headersTimeout: number;
      requestTimeout: number;
      keepAliveTimeout: number;
    };
    server.requestTimeout = 0;
    server.keepAliveTimeout = 90_000;
  }

  /** Resolves with the port. */
  async listen(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.#options.port, this.#options.bindAddress, () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
    return (this.#server.address() as AddressInfo).port;
  }

  /** Takes no new connections. */
  stopAccepting(): void {
    this.#server.close();
  }

  /** Ends what is still open. */
  async close(): Promise<void> {
    this.#server.close();
    for (const session of this.#sessions) session.close();
    for (const session of this.#sessions) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
