import { createGzip } from "node:zlib";
import { jsonCodec } from "./codecs.ts";
import type { Codec, ListParts } from "./codecs.ts";
import { acceptsGzip, sendBytes, wantsPretty } from "./respond.ts";
import type { ApiResponse, RequestContext } from "./types.ts";

/** Lists up to this size are sent in one piece. */
const ONE_PIECE_BYTES = 128 * 1024;
/** Larger ones go out in pieces of about this size, with other requests served in between. */
const PIECE_BYTES = 256 * 1024;

/** A list of parts that its codec made of the items' bytes; long ones go out piece by piece. */
export async function sendList(ctx: RequestContext, codec: Codec, list: ListParts): Promise<void> {
  const { request, response } = ctx;
  let size = 0;
  for (const part of list.parts) size += part.length;
  if (size <= ONE_PIECE_BYTES || (codec === jsonCodec && wantsPretty(request))) {
    const [whole] = pieces(list, Buffer.allocUnsafeSlow(size));
    if (whole !== undefined) sendBytes(request, response, 200, codec.mediaType, whole);
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
  await (zip ? sendZipped(response, list) : sendPlain(response, list));
}

/** The parts as pieces of one size, all in the same buffer: whoever takes a piece is done with it before the next. */
export function* pieces({ parts, joints }: ListParts, piece: Buffer): Generator<Buffer> {
  let filled = 0;
  for (const [i, part] of parts.entries()) {
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
    if (joints === undefined || i === 0 || i === parts.length - 1) continue;
    piece[filled - 1] = i === parts.length - 2 ? joints.last : joints.between;
  }
  if (filled > 0) yield piece.subarray(0, filled);
}

async function sendPlain(response: ApiResponse, list: ListParts): Promise<void> {
  for (const piece of pieces(list, Buffer.allocUnsafeSlow(PIECE_BYTES))) {
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

async function sendZipped(response: ApiResponse, list: ListParts): Promise<void> {
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
  for (const piece of pieces(list, Buffer.allocUnsafeSlow(PIECE_BYTES))) {
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
