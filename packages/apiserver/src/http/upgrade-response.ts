import { STATUS_CODES } from "node:http";
import type { OutgoingHttpHeaders } from "node:http";
import type { Duplex } from "node:stream";
import type { ApiResponse } from "./types.ts";

/**
 * The response side of a connection that asks to be upgraded: where it is not, answers are written as plain HTTP/1.1 that
 * ends with the connection, and once it has been taken over nothing is written any more.
 */
export class UpgradeResponse implements ApiResponse {
  readonly #socket: Duplex;
  readonly #headers = new Map<string, string>();
  #sent = false;
  #detached = false;
  statusCode = 101;

  constructor(socket: Duplex) {
    this.#socket = socket;
    socket.on("error", () => socket.destroy());
  }

  get headersSent(): boolean {
    return this.#sent || this.#detached;
  }

  get writableEnded(): boolean {
    return this.#detached || this.#socket.writableEnded;
  }

  get destroyed(): boolean {
    return this.#socket.destroyed;
  }

  get writableLength(): number {
    return this.#socket.writableLength;
  }

  /** The connection belongs to somebody else now. */
  detach(): void {
    this.#detached = true;
  }

  setHeader(name: string, value: string | number | readonly string[]): void {
    this.#headers.set(name.toLowerCase(), Array.isArray(value) ? value.join(", ") : String(value as string | number));
  }

  getHeader(name: string): string | undefined {
    return this.#headers.get(name.toLowerCase());
  }

  writeHead(status: number, headers: OutgoingHttpHeaders = {}): void {
    if (this.headersSent) return;
    this.#sent = true;
    this.statusCode = status;
    for (const [name, value] of Object.entries(headers)) if (value !== undefined) this.setHeader(name, value);
    const lines = [...this.#headers].map(([name, value]) => `${name}: ${value}`);
    this.#socket.write(
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${lines.join("\r\n")}\r\nconnection: close\r\n\r\n`,
    );
  }

  flushHeaders(): void {
    this.writeHead(this.statusCode);
  }

  write(chunk: Uint8Array | string, written?: (error?: Error | null) => void): boolean {
    return this.#detached ? true : this.#socket.write(chunk, written);
  }

  end(chunk?: Uint8Array | string): void {
    if (this.#detached) return;
    if (chunk === undefined) this.#socket.end();
    else this.#socket.end(chunk);
  }

  destroy(): void {
    if (!this.#detached) this.#socket.destroy();
  }

  on(event: "close" | "drain" | "finish", listener: () => void): void {
    this.#socket.on(event, listener);
  }

  once(event: "close" | "drain" | "finish", listener: () => void): void {
    this.#socket.once(event, listener);
  }

  removeListener(event: "close" | "drain" | "finish", listener: () => void): void {
    this.#socket.removeListener(event, listener);
  }
}
