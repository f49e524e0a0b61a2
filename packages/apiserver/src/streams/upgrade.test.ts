import type { IncomingMessage } from "node:http";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { Duplex } from "node:stream";
import { expect, onTestFinished, test } from "vitest";
import type { RequestContext } from "../http/types.ts";
import { passThrough } from "./upgrade.ts";

/** A client's connection whose writes are taken when the test says so. */
class SlowClient extends Duplex {
  text = "";
  /** Destroyed before all that was written had been taken. */
  cutShort = false;
  readonly #waiting: (() => void)[] = [];

  constructor() {
    super({ allowHalfOpen: true });
  }
  override _read(): void {
    // The client sends nothing: it only listens.
  }
  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.#waiting.push(() => {
      this.text += chunk.toString();
      callback();
    });
  }
  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.cutShort = !this.writableFinished;
    callback(error);
  }
  /** Takes the oldest write, if there is one. */
  takeOne(): void {
    this.#waiting.shift()?.();
  }
}

const SWITCHING = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

interface Passed {
  readonly client: SlowClient;
  /** Resolves when the backend's connection is gone. */
  readonly left: Promise<void>;
  /** Resolves when passThrough() does. */
  readonly done: Promise<void>;
}

/** Asks a backend that gives `answer` to whoever asks, and then closes if told so, for an upgrade. */
async function pass(answer: string, close: boolean): Promise<Passed> {
  const left = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    socket.once("data", () => (close ? socket.end(answer) : socket.write(answer)));
    socket.once("close", () => left.resolve());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const rawHeaders = ["Host", "api", "Connection", "Upgrade", "Upgrade", "websocket"];
  const request = { method: "GET", rawHeaders, socket: {} } as unknown as IncomingMessage;
  // Only these two members of a request's context are used where the backend agrees.
  const ctx = { request, signal: new AbortController().signal } as unknown as RequestContext;
  const client = new SlowClient();
  const taken = Promise.withResolvers<void>();
  const connection = { socket: client, head: Buffer.alloc(0), taken: () => taken.resolve() };
  const done = passThrough(ctx, connection, { scheme: "http", host: "127.0.0.1", port, path: "/exec" });
  await Promise.race([taken.promise, done]);
  return { client, left: left.promise, done };
}

test("what a backend said before it closed reaches a client that is slower", async () => {
  const { client, left, done } = await pass(`${SWITCHING}all that it says`, true);
  await left;
  let over = false;
  const ended = done.finally(() => (over = true));
  while (!over) {
    client.takeOne();
    await new Promise(setImmediate);
  }
  await ended;
  expect(client.text).toMatch(/^HTTP\/1\.1 101 [^]*\r\n\r\nall that it says$/);
  expect(client.cutShort).toBe(false);
});

test("a client that goes away ends the backend's connection", async () => {
  const { client, left, done } = await pass(SWITCHING, false);
  client.destroy();
  await Promise.all([done, left]);
  expect(client.destroyed).toBe(true);
});
