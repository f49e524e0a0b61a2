// The nodes' way out for image pulls and names, without a rule in the host's firewall: an HTTP proxy and a DNS forwarder on the bridge's address.
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import type { Logger } from "@knots/machinery";

/** `host:port` of a CONNECT request. */
function target(authority: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(authority);
  const host = match?.[1] ?? match?.[2];
  return host === undefined ? undefined : { host, port: Number(match?.[3]) };
}

/** Serves CONNECT and plain proxy requests of the nodes. */
export class EgressProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(logger: Logger) {
    this.#server = createServer((req, res) => this.#forward(req, res));
    this.#server.on("connect", (req: IncomingMessage, socket: Socket, head: Buffer) => this.#tunnel(req, socket, head));
    this.#server.on("connection", (socket: Socket) => this.#track(socket));
    this.#server.on("error", (error) => logger.error({ error: error.message }, "egress proxy"));
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    socket.on("error", () => socket.destroy());
  }

  #tunnel(req: IncomingMessage, socket: Socket, head: Buffer): void {
    const to = target(req.url ?? "");
    if (to === undefined) {
      socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
      return;
    }
    const out = connect(to.port, to.host, () => {
      socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      out.write(head);
      out.pipe(socket);
      socket.pipe(out);
    });
    this.#track(out);
    out.once("error", (error) => socket.end(`HTTP/1.1 502 Bad Gateway\r\n\r\n${error.message}`));
  }

  #forward(req: IncomingMessage, res: ServerResponse): void {
    let url: URL;
    try {
      url = new URL(req.url ?? "");
    } catch {
      res.writeHead(400).end("this is a proxy: ask it for an absolute URL\n");
      return;
    }
    const { "proxy-connection": _drop, ...headers } = req.headers;
    const out = request(url, { method: req.method, headers }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(res);
    });
    out.on("error", (error) => (res.headersSent ? res.destroy() : res.writeHead(502).end(error.message)));
    req.pipe(out);
  }

  async listen(address: string, port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, address, resolve);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** The host's name servers, from resolv.conf(5). */
export function hostNameservers(text: string): string[] {
  return [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)]
    .map((match) => match[1] ?? "")
    .filter((address) => address !== "");
}

const DNS_TIMEOUT_MS = 3_000;
const MAX_WAITING = 512;

/** Passes DNS questions of the nodes to the host's name server, as they are. */
export class DnsForwarder {
  readonly #socket: UdpSocket = createSocket("udp4");
  #waiting = 0;

  constructor(logger: Logger) {
    this.#socket.on("message", (question, from) => this.#ask(question, from.address, from.port));
    this.#socket.on("error", (error) => logger.error({ error: error.message }, "DNS forwarder"));
  }

  #ask(question: Buffer, address: string, port: number): void {
    const server = hostNameservers(readFileSync("/etc/resolv.conf", "utf8"))[0];
    // Over the limit or without a server the question is dropped: the asker's own time-out tells it, as with a lost packet.
    if (server === undefined || this.#waiting >= MAX_WAITING) return;
    this.#waiting++;
    const out = createSocket(server.includes(":") ? "udp6" : "udp4");
    const timer = setTimeout(() => out.close(), DNS_TIMEOUT_MS);
    out.once("close", () => {
      clearTimeout(timer);
      this.#waiting--;
    });
    out.once("error", () => out.close());
    out.once("message", (answer) => {
      this.#socket.send(answer, port, address);
      out.close();
    });
    out.send(question, 53, server);
  }

  async listen(address: string, port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#socket.once("error", reject);
      this.#socket.bind(port, address, resolve);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.close(resolve));
  }
}
