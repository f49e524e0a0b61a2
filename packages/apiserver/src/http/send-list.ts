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
  await (zip ? sendZipped(response, parts) : sendPlain(response, parts));
}

/** The parts as pieces of one size, all in the same buffer: whoever takes a piece is done with it before the next. */
function* pieces(parts: readonly Uint8Array[], piece: Buffer): Generator<Buffer> {
  let filled = 0;
  for (const part of parts) {
    let rest = part;
    while (rest.length > piece.length - filled) {
      const fits = rest.subarray(0, piece.length - filled);
      piece.set(fits, filled);
      yield piece;
      rest = rest.subarray(fits.length);
      filled = 0;
    }
    piece.set(rest, filled);
    filled += rest.length;
  }
  if (filled > 0) yield piece.subarray(0, filled);
}

async function sendPlain(response: ApiResponse, parts: readonly Uint8Array[]): Promise<void> {
  for (const piece of pieces(parts, Buffer.allocUnsafeSlow(PIECE_BYTES))) {
    if (response.writableEnded || !(await written(response, piece))) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  response.end();
}

/** Resolves when the connection has taken the piece; false when the client has gone instead. */
function written(response: ApiResponse, piece: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    const onClose = (): void => resolve(false);
    response.once("close", onClose);
    response.write(piece, (error) => {
      response.removeListener("close", onClose);
      resolve(error === undefined || error === null);
    });
  });
}

async function sendZipped(response: ApiResponse, parts: readonly Uint8Array[]): Promise<void> {
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
  for (const piece of pieces(parts, Buffer.allocUnsafeSlow(PIECE_BYTES))) {
    if (gone) return;
    await new Promise<void>((resolve) => {
      gzip.once("close", resolve);
      gzip.write(piece, () => {
        gzip.removeListener("close", resolve);
        resolve();
      });
    });
  }
  if (!gone) gzip.end();
}
