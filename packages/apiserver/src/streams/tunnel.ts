// Port-forward's SPDY connection inside a WebSocket (upstream: TunnelingHandler, KEP-4006).
import type { IncomingMessage } from "node:http";
import { newForbidden } from "@knots/machinery";
import type { RequestContext } from "../http/types.ts";
import { dialMessage, dialUpgrade, isUpgraded, readText, unknownError } from "./dial.ts";
import type { Target, Upgraded } from "./dial.ts";
import { acceptWebSocket } from "./translator.ts";
import type { ClientConnection } from "./upgrade.ts";

const PROTOCOL = "portforward.k8s.io";
export const TUNNEL = `SPDY/3.1+${PROTOCOL}`;

const HIGH_WATER_BYTES = 1024 * 1024;

/** Asks the kubelet for SPDY first: its refusal is the answer to the handshake. Resolves when either side is gone. */
export async function tunnel(ctx: RequestContext, client: ClientConnection, target: Target): Promise<void> {
  const headers = { connection: "Upgrade", upgrade: "SPDY/3.1", "x-stream-protocol-version": PROTOCOL };
  let answer: Upgraded | IncomingMessage;
  try {
    answer = await dialUpgrade(target, "POST", headers, ctx.signal);
  } catch (error) {
    throw unknownError(`error dialing backend: ${dialMessage(error as Error, target)}`);
  }
  if (!isUpgraded(answer)) {
    const text = (await readText(answer)).trim();
    if (answer.statusCode === 403) throw newForbidden({ group: "", resource: "pods" }, ctx.info.name, text);
    throw unknownError(`unable to upgrade connection: ${text}`);
  }
  const { socket: backend, head } = answer;
  const socket = await acceptWebSocket(ctx, client, TUNNEL).catch((error: unknown) => {
    backend.destroy();
    throw error;
  });
  const stop = (): void => {
    backend.destroy();
    socket.close(1000);
  };
  const down = (chunk: Buffer): void => {
    if (socket.readyState !== socket.OPEN) return;
    const slow = socket.bufferedAmount > HIGH_WATER_BYTES;
    if (slow) backend.pause();
    socket.send(chunk, { binary: true }, () => {
      if (slow) backend.resume();
    });
  };
  backend.on("error", stop);
  backend.once("close", stop);
  backend.once("end", stop);
  ctx.signal.addEventListener("abort", stop, { once: true });
  socket.on("message", (data) => {
    if (backend.writableEnded || backend.destroyed) return;
    const flowing = backend.write(Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer));
    if (flowing || socket.isPaused) return;
    socket.pause();
    backend.once("drain", () => socket.resume());
  });
  if (head.length > 0) down(head);
  backend.on("data", down);
  await new Promise<void>((resolve) => socket.once("close", () => resolve()));
  ctx.signal.removeEventListener("abort", stop);
  backend.destroy();
}
