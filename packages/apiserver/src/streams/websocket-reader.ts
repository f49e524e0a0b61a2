// Bytes that only flow to the client, as WebSocket messages (upstream: wsstream.Reader).
import { WebSocketServer } from "ws";
import type { WebSocket } from "ws";
import { newBadRequest } from "@knots/machinery";
import type { RequestContext } from "../http/types.ts";
import { offeredProtocols } from "./headers.ts";
import type { ClientConnection } from "./upgrade.ts";

const BASE64 = "base64.binary.k8s.io";
/** The subprotocols there are; a client that offers none gets binary messages. */
const PROTOCOLS: readonly string[] = ["binary.k8s.io", BASE64];

/**
 * An empty message at once, then the source's bytes in messages: binary ones, or text in base64 where that was agreed.
 * Resolves when the source or the client has ended. What the client sends is not looked at.
 */
export async function sendOverWebSocket(
  ctx: RequestContext,
  connection: ClientConnection,
  source: AsyncIterable<Buffer>,
): Promise<void> {
  const offered = offeredProtocols(ctx.request);
  const protocol = offered.find((each) => PROTOCOLS.includes(each));
  if (offered.length > 0 && protocol === undefined)
    throw newBadRequest(`unable to negotiate a subprotocol: the client offers ${offered.join(", ")}`);
  const server = new WebSocketServer({ noServer: true, handleProtocols: () => protocol ?? false });
  const client = await new Promise<WebSocket>((resolve, reject) => {
    server.once("wsClientError", () => reject(newBadRequest("the WebSocket handshake is not valid")));
    server.handleUpgrade(ctx.request as never, connection.socket, connection.head, (opened) => {
      connection.taken();
      resolve(opened);
    });
  });
  client.on("error", () => client.terminate());
  const gone = new Promise<void>((resolve) => client.once("close", () => resolve()));
  const stop = (): void => client.close(1000);
  ctx.signal.addEventListener("abort", stop, { once: true });
  const send = async (bytes: Buffer): Promise<void> =>
    await new Promise((resolve) => {
      const message = protocol === BASE64 ? bytes.toString("base64") : bytes;
      client.send(message, { binary: protocol !== BASE64 }, () => resolve());
    });
  try {
    await send(Buffer.alloc(0));
    const chunks = source[Symbol.asyncIterator]();
    for (;;) {
      const next = await Promise.race([chunks.next(), gone]);
      if (next === undefined || next.done === true) break;
      await send(next.value);
    }
    await chunks.return?.();
  } finally {
    ctx.signal.removeEventListener("abort", stop);
    stop();
  }
  await gone;
}
