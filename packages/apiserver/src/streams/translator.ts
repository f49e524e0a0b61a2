// exec and attach over WebSocket v5, translated to SPDY towards the kubelet (upstream: StreamTranslatorHandler, KEP-4006).
import type { IncomingMessage } from "node:http";
import { WebSocketServer } from "ws";
import type { WebSocket } from "ws";
import { StatusError, newBadRequest, newInternalError } from "@knots/machinery";
import type { RequestContext } from "../http/types.ts";
import { dialMessage, dialUpgrade, isUpgraded, readText, urlOf } from "./dial.ts";
import type { Target, Upgraded } from "./dial.ts";
import type { StreamOptions } from "./pod-streams.ts";
import { SpdyConnection } from "./spdy/connection.ts";
import type { SpdyStream } from "./spdy/connection.ts";
import type { ClientConnection } from "./upgrade.ts";

export const V5 = "v5.channel.k8s.io";
const V4 = "v4.channel.k8s.io";

const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

/** A client that reads slowly holds up the kubelet's connection above this backlog. */
const HIGH_WATER_BYTES = 1024 * 1024;
const PING_MS = 30_000;

interface Streams {
  readonly error: SpdyStream;
  readonly stdin: SpdyStream | undefined;
  readonly stdout: SpdyStream | undefined;
  readonly stderr: SpdyStream | undefined;
  readonly resize: SpdyStream | undefined;
}

/** Takes the WebSocket, then asks the kubelet; every failure from there on is a Status on the error channel. */
export async function translate(
  ctx: RequestContext,
  client: ClientConnection,
  options: StreamOptions,
  target: Target,
): Promise<void> {
  const socket = await acceptWebSocket(ctx, client, V5);
  const messages = new Messages(socket);
  const gone = new AbortController();
  const leave = (): void => gone.abort();
  socket.once("close", leave);
  ctx.signal.addEventListener("abort", leave, { once: true });
  // An empty message tells the client that the channels are there.
  const first = options.stdout ? CHANNEL.stdout : options.stderr ? CHANNEL.stderr : CHANNEL.error;
  send(socket, first, Buffer.alloc(0));
  let status: Buffer;
  try {
    status = await run(socket, messages, options, target, gone.signal);
  } catch (error) {
    const failure = error instanceof StatusError ? error : newInternalError((error as Error).message);
    status = Buffer.from(JSON.stringify(failure.status));
  }
  ctx.signal.removeEventListener("abort", leave);
  send(socket, CHANNEL.error, status);
  socket.close(1000);
  if (socket.readyState !== socket.CLOSED) await new Promise<void>((resolve) => socket.once("close", () => resolve()));
}

/** Completes the handshake with the given subprotocol. */
export async function acceptWebSocket(
  ctx: RequestContext,
  client: ClientConnection,
  protocol: string,
): Promise<WebSocket> {
  const server = new WebSocketServer({ noServer: true, handleProtocols: () => protocol, maxPayload: 64 * 1024 * 1024 });
  return await new Promise((resolve, reject) => {
    server.once("wsClientError", () => reject(newBadRequest("the WebSocket handshake is not valid")));
    server.handleUpgrade(ctx.request as unknown as IncomingMessage, client.socket, client.head, (socket) => {
      client.taken();
      socket.on("error", () => socket.terminate());
      const pings = setInterval(() => socket.ping(), PING_MS);
      socket.once("close", () => clearInterval(pings));
      resolve(socket);
    });
  });
}

/** Keeps what a client sends until somebody takes it: the kubelet is asked only after the handshake. */
class Messages {
  #waiting: Buffer[] = [];
  #take: ((message: Buffer) => void) | undefined;

  constructor(socket: WebSocket) {
    socket.on("message", (data, binary) => {
      const message = Buffer.isBuffer(data) ? data : Buffer.concat(Array.isArray(data) ? data : [Buffer.from(data)]);
      if (!binary || message.length === 0) return;
      if (this.#take === undefined) this.#waiting.push(message);
      else this.#take(message);
    });
  }

  take(fn: (message: Buffer) => void): void {
    this.#take = fn;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const message of waiting) fn(message);
  }
}

async function run(
  socket: WebSocket,
  messages: Messages,
  options: StreamOptions,
  target: Target,
  gone: AbortSignal,
): Promise<Buffer> {
  const { socket: backend, head, response } = await upgrade(target, gone);
  if (response.headers["x-stream-protocol-version"] !== V4) {
    backend.destroy();
    throw new Error(`unable to upgrade connection: the kubelet does not speak ${V4}`);
  }
  const connection = new SpdyConnection(backend, head, { side: "client" });
  const leave = (): void => connection.destroy();
  gone.addEventListener("abort", leave, { once: true });
  if (gone.aborted) leave();
  try {
    const streams = await openStreams(connection, options);
    messages.take((message) => receive(socket, streams, message));
    const outputs = [copy(socket, CHANNEL.stdout, streams.stdout), copy(socket, CHANNEL.stderr, streams.stderr)];
    const status = await collect(streams.error);
    // The status comes last, after all output.
    await Promise.all(outputs);
    if (status.length === 0) return Buffer.from(JSON.stringify({ metadata: {}, status: "Success" }));
    return asStatus(status);
  } finally {
    gone.removeEventListener("abort", leave);
    connection.close();
  }
}

/** The error stream's bytes when they are a Status; throws what they say otherwise. */
function asStatus(bytes: Buffer): Buffer {
  let parsed: unknown;
  try {
    parsed = JSON.parse(bytes.toString("utf8"));
  } catch {
    throw new Error(`error stream protocol error: ${bytes.toString("utf8")}`);
  }
  const { status } = parsed as { status?: unknown };
  if (status !== "Success" && status !== "Failure")
    throw new Error(`error stream protocol error: unknown status ${JSON.stringify(status)}`);
  return bytes;
}

async function upgrade(target: Target, signal: AbortSignal): Promise<Upgraded> {
  const headers = { connection: "Upgrade", upgrade: "SPDY/3.1", "x-stream-protocol-version": V4 };
  let answer: Upgraded | IncomingMessage;
  try {
    answer = await dialUpgrade(target, "POST", headers, signal);
  } catch (error) {
    throw new Error(
      `error sending request: Post ${JSON.stringify(urlOf(target))}: ${dialMessage(error as Error, target)}`,
      { cause: error },
    );
  }
  if (isUpgraded(answer)) return answer;
  const text = await readText(answer);
  let reported: unknown;
  try {
    reported = JSON.parse(text);
  } catch {
    throw new Error(`unable to upgrade connection: ${text.trim()}`);
  }
  if ((reported as { kind?: unknown } | null)?.kind === "Status") throw StatusError.fromStatus(reported as never);
  throw new Error(`unable to upgrade connection: ${text.trim()}`);
}

/** In upstream's order, which servers rely on: error, stdin, stdout, stderr, resize. */
async function openStreams(connection: SpdyConnection, options: StreamOptions): Promise<Streams> {
  const open = (streamtype: string): Promise<SpdyStream> => connection.open({ streamtype });
  const error = await open("error");
  const stdin = options.stdin ? await open("stdin") : undefined;
  const stdout = options.stdout ? await open("stdout") : undefined;
  // A terminal has one output.
  const stderr = options.stderr && !options.tty ? await open("stderr") : undefined;
  const resize = options.tty ? await open("resize") : undefined;
  // Never written: drained, so that their end is seen.
  stdin?.resume();
  resize?.resume();
  return { error, stdin, stdout, stderr, resize };
}

function receive(socket: WebSocket, streams: Streams, message: Buffer): void {
  const channel = message[0];
  const data = message.subarray(1);
  if (channel === CHANNEL.close) {
    // Only input can be closed from this side.
    if (data[0] === CHANNEL.stdin) streams.stdin?.end();
    return;
  }
  const stream = channel === CHANNEL.stdin ? streams.stdin : channel === CHANNEL.resize ? streams.resize : undefined;
  if (stream === undefined || stream.writableEnded || stream.destroyed || data.length === 0) return;
  // What has been read already still comes after pause(): one waiter is enough.
  if (stream.write(data) || socket.isPaused) return;
  socket.pause();
  const resume = (): void => {
    stream.off("drain", resume);
    stream.off("close", resume);
    socket.resume();
  };
  stream.once("drain", resume);
  stream.once("close", resume);
}

/** Until the stream's end. */
async function copy(socket: WebSocket, channel: number, stream: SpdyStream | undefined): Promise<void> {
  if (stream === undefined) return;
  for await (const chunk of stream) {
    if (socket.readyState !== socket.OPEN) return;
    await sendSlowly(socket, channel, chunk as Buffer);
  }
}

async function collect(stream: SpdyStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function send(socket: WebSocket, channel: number, data: Buffer, done?: () => void): void {
  if (socket.readyState !== socket.OPEN) {
    done?.();
    return;
  }
  socket.send(Buffer.concat([Buffer.of(channel), data]), { binary: true }, done);
}

async function sendSlowly(socket: WebSocket, channel: number, data: Buffer): Promise<void> {
  if (socket.bufferedAmount < HIGH_WATER_BYTES) {
    send(socket, channel, data);
    return;
  }
  await new Promise<void>((resolve) => send(socket, channel, data, resolve));
}
