import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import type { WebSocket } from "ws";
import { newBadRequest } from "@knots/machinery";
import type { ServedResource } from "../../registry/served.ts";
import { jsonCodec } from "../codecs.ts";
import type { RequestContext } from "../types.ts";
import type { HandlerDependencies } from "./dependencies.ts";
import { prepareWatch } from "./watch.ts";
import type { WatchTransport } from "./watch-transport.ts";

const MAX_BACKLOG_BYTES = 32 * 1024 * 1024;

/** A watch whose events are WebSocket messages, one each (browsers, the JavaScript clients). */
export async function handleWatchWebSocket(
  deps: HandlerDependencies,
  ctx: RequestContext,
  served: ServedResource,
  socket: Duplex,
  head: Buffer,
  taken: () => void,
): Promise<void> {
  const negotiated = { codec: jsonCodec, as: "object", metaVersion: "v1", partialList: false } as const;
  const watch = await prepareWatch(deps, ctx, served, negotiated);
  const server = new WebSocketServer({ noServer: true, handleProtocols: (offered) => [...offered][0] ?? false });
  const client = await new Promise<WebSocket>((resolve, reject) => {
    server.once("wsClientError", () => reject(newBadRequest("the WebSocket handshake is not valid")));
    server.handleUpgrade(ctx.request as never, socket, head, (connection) => {
      taken();
      resolve(connection);
    });
  });
  await watch(new WebSocketTransport(client));
}

class WebSocketTransport implements WatchTransport {
  readonly #client: WebSocket;

  constructor(client: WebSocket) {
    this.#client = client;
    // What a client sends on a watch means nothing; errors end in "close".
    client.on("error", () => client.terminate());
  }

  open(): void {
    // The handshake was the headers.
  }

  send(frame: Uint8Array): void {
    if (this.#client.readyState !== this.#client.OPEN) return;
    this.#client.send(frame, { binary: false });
    if (this.#client.bufferedAmount > MAX_BACKLOG_BYTES) this.#client.terminate();
  }

  close(): void {
    this.#client.close(1000);
  }

  async closed(signal: AbortSignal): Promise<void> {
    const stop = (): void => this.close();
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    if (this.#client.readyState !== this.#client.CLOSED) {
      await new Promise<void>((resolve) => this.#client.once("close", () => resolve()));
    }
    signal.removeEventListener("abort", stop);
  }
}
