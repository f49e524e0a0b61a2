// Upgraded connections passed through as they are (upstream: UpgradeAwareHandler).
import { STATUS_CODES } from "node:http";
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import type { Duplex } from "node:stream";
import type { RequestContext } from "../http/types.ts";
import { dialMessage, dialUpgrade, isUpgraded, unknownError } from "./dial.ts";
import type { Target, Upgraded } from "./dial.ts";
import { answerHeaders, forwardedHeaders } from "./headers.ts";

/** A client's connection that asks for an upgrade. */
export interface ClientConnection {
  readonly socket: Duplex;
  readonly head: Buffer;
  /** To be called when the connection is no longer the server's to answer on. */
  taken(): void;
}

/** Passes the request on, then its answer, then all bytes of both directions; resolves when one side is gone. */
export async function passThrough(
  ctx: RequestContext,
  client: ClientConnection,
  target: Target,
  further: OutgoingHttpHeaders = {},
): Promise<void> {
  const headers = { ...forwardedHeaders(ctx.request, { upgrade: true }), ...further };
  let answer: Upgraded | IncomingMessage;
  try {
    answer = await dialUpgrade(target, ctx.request.method ?? "GET", headers, ctx.signal);
  } catch (error) {
    throw unknownError(`error dialing backend: ${dialMessage(error as Error, target)}`);
  }
  if (!isUpgraded(answer)) {
    await refused(ctx, answer);
    return;
  }
  client.taken();
  client.socket.write(rawHead(answer.response));
  await join(ctx, client.socket, client.head, answer.socket, answer.head);
}

/** The backend would not upgrade: its error is the answer. */
async function refused(ctx: RequestContext, answer: IncomingMessage): Promise<void> {
  const status = answer.statusCode ?? 500;
  if (status < 400) {
    answer.resume();
    throw unknownError(`invalid upgrade response: status code ${status}`);
  }
  ctx.response.writeHead(status, answerHeaders(answer.rawHeaders));
  for await (const chunk of answer) ctx.response.write(chunk as Buffer);
  ctx.response.end();
}

function rawHead(response: IncomingMessage): string {
  const lines = [`HTTP/1.1 101 ${STATUS_CODES[101]}`];
  for (let i = 0; i + 1 < response.rawHeaders.length; i += 2)
    lines.push(`${response.rawHeaders[i]}: ${response.rawHeaders[i + 1]}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** Copies both ways until either side ends or the server stops; what is on its way to the other is still written. */
async function join(ctx: RequestContext, a: Duplex, aHead: Buffer, b: Duplex, bHead: Buffer): Promise<void> {
  if (aHead.length > 0) b.write(aHead);
  if (bHead.length > 0) a.write(bHead);
  const stop = (): void => {
    a.destroy();
    b.destroy();
  };
  a.on("error", stop);
  b.on("error", stop);
  ctx.signal.addEventListener("abort", stop, { once: true });
  a.pipe(b);
  b.pipe(a);
  // One side has ended and the other has been given all: nothing more can come of it. That a side has finished says so
  // only where the other has ended: a backend's connection finishes by itself when the backend closes it, and what the
  // backend said last may still be on its way to a slower client then.
  const gone = Promise.withResolvers<void>();
  for (const [side, other] of [
    [a, b],
    [b, a],
  ] as const) {
    side.once("finish", () => {
      if (other.readableEnded || other.destroyed) gone.resolve();
    });
    side.once("close", () => {
      if (other.writableFinished || other.destroyed) gone.resolve();
      else other.end();
    });
  }
  await gone.promise;
  ctx.signal.removeEventListener("abort", stop);
  stop();
}
