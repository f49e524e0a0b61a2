import { createServer } from "node:https";
import type { Server } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { issue, newCA } from "@knots/machinery/pki/index";
import type { KeyPair } from "@knots/machinery/pki/index";
import type { Harness, Json } from "./harness.ts";

export interface RemoteRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly raw: IncomingMessage;
  readonly body: Json;
  /** Common name of the client's certificate; "" without one. */
  readonly clientName: string;
}

/** What a handler answers: a JSON object, or whatever it wrote itself (undefined). */
export type RemoteHandler = (request: RemoteRequest, response: ServerResponse) => unknown;

/** A small HTTPS server that plays webhook, converter or extension API server for a service. */
export class RemoteServer implements AsyncDisposable {
  readonly requests: RemoteRequest[] = [];
  readonly caBundle: string;
  readonly server: Server;

  private constructor(server: Server, ca: KeyPair) {
    this.server = server;
    this.caBundle = Buffer.from(ca.certPem).toString("base64");
  }

  static async start(serviceName: string, handlers: Readonly<Record<string, RemoteHandler>>): Promise<RemoteServer> {
    const ca = await newCA("remote");
    const pair = await issue({
      ca,
      cn: serviceName,
      dnsNames: [`${serviceName}.default.svc`],
      ipAddresses: [],
      usages: ["server"],
      days: 1,
    });
    const server = createServer({ cert: pair.certPem, key: pair.keyPem, requestCert: true, rejectUnauthorized: false });
    const remote = new RemoteServer(server, ca);
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      void remote.#handle(handlers, request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return remote;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Makes the service through which an API server finds this one. */
  async expose(api: Harness, name: string): Promise<void> {
    await api.post("/api/v1/namespaces/default/services", {
      metadata: { name },
      spec: { type: "ExternalName", externalName: "127.0.0.1", ports: [{ port: this.port }] },
    });
  }

  async #handle(
    handlers: Readonly<Record<string, RemoteHandler>>,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const { method = "", url = "", headers } = request;
    const body: Json = text.startsWith("{") ? JSON.parse(text) : text;
    const clientName = (request.socket as TLSSocket).getPeerX509Certificate()?.subject ?? "";
    const seen = { method, url, headers, raw: request, body, clientName };
    this.requests.push(seen);
    const path = url.split("?")[0] ?? "";
    const handler = handlers[path] ?? handlers["*"];
    const answer = handler === undefined ? undefined : await handler(seen, response);
    if (answer !== undefined) {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify(answer));
    } else if (handler === undefined) {
      response.writeHead(404).end("not found");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}
