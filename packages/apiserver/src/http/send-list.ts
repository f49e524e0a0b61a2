import { createGzip } from "node:zlib";
import { jsonCodec } from "./codecs.ts";
import type { Codec } from "./codecs.ts";
import { acceptsGzip, sendBytes } from "./respond.ts";
import type { ApiResponse, RequestContext } from "./types.ts";

/** Lists up to this size are sent in one piece. */
const ONE_PIECE_BYTES = 128 * 1024;
/** Larger ones go out in pieces of about this size, with other requests served in between. */
const PIECE_BYTES = 256 * 1024;
/** A list of parts that its codec made of the items' bytes; long ones go out piece by piece. */
export async function sendList(ctx: RequestContext, codec: Codec, parts: readonly Uint8Array[]): Promise<void> {
  const { request, response } = ctx;
  let size = 0;
  for (const part of parts) size += part.length;
  const pretty = /^(curl|Wget|Mozilla)/.test(ctx.userAgent) || ctx.info.query.has("pretty");
  if (size <= ONE_PIECE_BYTES || (pretty && codec === jsonCodec)) {
    sendBytes(request, response, 200, codec.mediaType, Buffer.concat(parts, size));
    return;
  }
  const zip = acceptsGzip(request);
  response.writeHead(200, {
    "content-type": codec.mediaType,
    "cache-control": "no-cache, private",
    ...(zip ? { "content-encoding": "gzip", vary: "Accept-Encoding" } : { "content-length": size }),
  });
  if (request.method === "HEAD") {
    response.end();
    return;
  }
  await (zip ? sendZipped(response, pieces(parts)) : sendPlain(response, pieces(parts)));
}

function* pieces(all: readonly Uint8Array[]): Generator<Buffer> {
  let parts: Uint8Array[] = [];
  let size = 0;
  for (const part of all) {
    parts.push(part);
    size += part.length;
    if (size < PIECE_BYTES) continue;
    yield Buffer.concat(parts, size);
    parts = [];
    size = 0;
  }
  yield Buffer.concat(parts);
}

async function sendPlain(response: ApiResponse, parts: Iterable<Buffer>): Promise<void> {
  for (const part of parts) {
    if (response.writableEnded) return;
    if (!response.write(part) && !(await drained(response))) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  response.end();
}

async function sendZipped(response: ApiResponse, parts: Iterable<Buffer>): Promise<void> {
  const gzip = createGzip({ level: 1 });
  let gone = false;
  response.once("close", () => {
    gone = true;
    gzip.destroy();
  });
  gzip.on("data", (chunk: Buffer) => {
    if (!gone && !response.write(chunk)) {
      gzip.pause();
      response.once("drain", () => gzip.resume());
    }
  });
  gzip.on("end", () => {
    if (!gone) response.end();
  });
  gzip.on("error", () => response.destroy());
  for (const part of parts) {
    if (gone) return;
    if (!gzip.write(part)) {
      await new Promise<void>((resolve) => {
        gzip.once("drain", resolve);
        gzip.once("close", resolve);
      });
    }
  }
  if (!gone) gzip.end();
}

/** False when the client has gone instead. */
function drained(response: ApiResponse): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (alive: boolean) => (): void => {
      response.removeListener("drain", onDrain);
      response.removeListener("close", onClose);
      resolve(alive);
    };
    const onDrain = settle(true);
    const onClose = settle(false);
    response.once("drain", onDrain);
    response.once("close", onClose);
  });
}
