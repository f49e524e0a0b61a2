// The sockets: datagrams, and connections that carry several questions.
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { createServer, isIPv6, type AddressInfo, type Server, type Socket } from "node:net";
import type { Logger } from "@knots/machinery";
import type { Query } from "./wire/query.ts";
import { MAX_TCP, MAX_UDP } from "./wire/response.ts";

export type AnswerFunction = (message: Buffer, maxSize: (query: Query) => number) => Promise<Buffer | undefined>;

const IDLE_MS = 10_000;
const MAX_CONNECTIONS = 1_000;

export class Listeners {
  readonly #answer: AnswerFunction;
  readonly #logger: Logger;
  readonly #sockets = new Set<Socket>();
  #udp: UdpSocket | undefined;
  #tcp: Server | undefined;

  constructor(answer: AnswerFunction, logger: Logger) {
    this.#answer = answer;
    this.#logger = logger;
  }

  /** Listens on both; port 0 takes a free one, the same for both. Resolves to the port. */
  async listen(address: string, port: number): Promise<number> {
    const tcp = createServer({ noDelay: true }, (socket) => this.#serve(socket));
    tcp.maxConnections = MAX_CONNECTIONS;
    this.#tcp = tcp;
    await new Promise<void>((resolve, reject) => {
      tcp.once("error", reject);
      tcp.listen(port, address, () => resolve());
    });
    const taken = (tcp.address() as AddressInfo).port;
    const udp = createSocket({ type: isIPv6(address) ? "udp6" : "udp4", recvBufferSize: 1 << 20 });
    this.#udp = udp;
    await new Promise<void>((resolve, reject) => {
      udp.once("error", reject);
      udp.bind(taken, address, () => resolve());
    });
    udp.on("error", (error) => this.#logger.error({ error: error.message }, "DNS socket"));
    udp.on("message", (message, from) => {
      const size = (query: Query): number => Math.min(query.edns?.udpSize ?? 512, MAX_UDP);
      void this.#reply(message, size, (answer) => udp.send(answer, from.port, from.address));
    });
    return taken;
  }

  async #reply(message: Buffer, size: (query: Query) => number, send: (answer: Buffer) => void): Promise<void> {
    try {
      const answer = await this.#answer(message, size);
      if (answer !== undefined) send(answer);
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      this.#logger.error({ error: words }, "a question could not be answered");
    }
  }

  /** RFC 7766: questions follow each other, each behind its length; answers go out as they are ready. */
  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    let bytes: Buffer = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      while (bytes.length >= 2 && bytes.length >= 2 + bytes.readUInt16BE(0)) {
        const end = 2 + bytes.readUInt16BE(0);
        const message = bytes.subarray(2, end);
        bytes = bytes.subarray(end);
        void this.#reply(
          message,
          () => MAX_TCP,
          (answer) => {
            const length = Buffer.alloc(2);
            length.writeUInt16BE(answer.length, 0);
            if (!socket.destroyed) socket.write(Buffer.concat([length, answer]));
          },
        );
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#tcp === undefined) resolve();
    else this.#tcp.close(() => resolve());
    await promise;
    await new Promise<void>((done) => (this.#udp === undefined ? done() : this.#udp.close(done)));
  }
}
