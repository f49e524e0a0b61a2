import { createServer } from "node:https";
import type { Server } from "node:https";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { issue } from "@knots/machinery/pki/index";
import { SpdyConnection } from "../src/streams/spdy/connection.ts";
import type { SpdyStream } from "../src/streams/spdy/connection.ts";

/** What a test does with an upgraded connection. */
export type Session = (streams: ReadonlyMap<string, SpdyStream>, url: URL, connection: SpdyConnection) => Promise<void>;

/** A kubelet's HTTPS server with the streaming side of a runtime: SPDY/3.1 as upstream's servers speak it. */
export class FakeKubelet {
  readonly requests: { url: string; method: string; headers: IncomingMessage["headers"]; client: string }[] = [];
  /** Answer instead of an upgrade. */
  refuse: { status: number; text: string } | undefined;
  /** Text of a plain answer. */
  answer: (method: string, url: string) => string = (method, url) => `${method} ${url}`;
  /** Runs when all streams of an exec or attach are open. */
  session: Session = () => Promise.resolve();
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(ca: { certPem: string; keyPem: string }): Promise<FakeKubelet> {
    const { certPem, keyPem } = await issue({
      ca,
      cn: "node-1",
      organizations: [],
      dnsNames: ["node-1"],
      ipAddresses: ["127.0.0.1"],
      usages: ["server"],
      days: 1,
    });
    const server = createServer({
      cert: certPem,
      key: keyPem,
      ca: ca.certPem,
      requestCert: true,
      maxHeaderSize: 1024 * 1024,
    });
    const kubelet = new FakeKubelet(server);
    server.on("request", (request, response) => {
      kubelet.#note(request);
      response.setHeader("content-type", "text/plain");
      response.end(kubelet.answer(request.method ?? "", request.url ?? ""));
    });
    server.on("upgrade", (request, socket: Duplex, head) => kubelet.#upgrade(request, socket, head));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return kubelet;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #note(request: IncomingMessage): void {
    const socket = request.socket as unknown as { getPeerCertificate(): { subject?: { CN?: string } } };
    const client = socket.getPeerCertificate().subject?.CN ?? "";
    this.requests.push({ url: request.url ?? "", method: request.method ?? "", headers: request.headers, client });
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#note(request);
    if (this.refuse !== undefined) {
      const { status, text } = this.refuse;
      socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: ${text.length}\r\nconnection: close\r\n\r\n${text}`);
      return;
    }
    const url = new URL(request.url ?? "/", "https://kubelet");
    const offered = request.rawHeaders.filter((_, i, all) => /^x-stream-protocol-version$/i.test(all[i - 1] ?? ""));
    const forward = url.pathname.startsWith("/portForward/");
    const protocol = forward ? "portforward.k8s.io" : "v4.channel.k8s.io";
    // As the runtime's server: a value is a protocol, lists are not taken apart.
    if (!offered.includes(protocol)) {
      socket.end("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
      return;
    }
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${protocol}\r\n\r\n`,
    );
    const streams = new Map<string, SpdyStream>();
    const wanted = ["input", "output", "error", "tty"].filter((name) => url.searchParams.has(name)).length;
    const tty = url.searchParams.has("tty");
    const needed = 1 + wanted - (tty && url.searchParams.has("error") ? 1 : 0);
    const connection = new SpdyConnection(socket, head, {
      side: "server",
      onStream: (stream) => {
        stream.reply();
        if (forward) {
          // An echo with the port before it.
          if (stream.headers["streamtype"] === "error") {
            stream.resume().end();
            return;
          }
          stream.write(`port ${String(stream.headers["port"])}:`);
          stream.pipe(stream);
          return;
        }
        streams.set(String(stream.headers["streamtype"]), stream);
        if (streams.size === needed) void this.session(streams, url, connection).then(() => connection.close());
      },
    });
  }
}
