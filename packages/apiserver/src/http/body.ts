import { gunzip } from "node:zlib";
import { promisify } from "node:util";
import { newBadRequest, newRequestEntityTooLarge, newUnsupportedMediaType } from "@knots/machinery";
import type { ApiRequest } from "./types.ts";

/** Upstream's limit for the body of a write. */
export const MAX_BODY_BYTES = 3 * 1024 * 1024;

/** Property of a request by which somebody beside its handler (audit) is shown the body that was read. */
export const BODY_OBSERVER = Symbol("observer of the body");

const unzip = promisify(gunzip);

/** Reads the whole body; 413 above the limit, compressed bodies included. */
export async function readBody(request: ApiRequest, limit = MAX_BODY_BYTES): Promise<Uint8Array> {
  const body = await readPlain(request, limit);
  (request as { [BODY_OBSERVER]?: (body: Uint8Array) => void })[BODY_OBSERVER]?.(body);
  return body;
}

async function readPlain(request: ApiRequest, limit: number): Promise<Uint8Array> {
  const declared = Number(request.headers["content-length"] ?? 0);
  if (declared > limit) throw newRequestEntityTooLarge(`limit is ${limit}`);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw newRequestEntityTooLarge(`limit is ${limit}`);
    chunks.push(chunk);
  }
  const body = chunks.length === 1 ? (chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(chunks);
  const encoding = request.headers["content-encoding"];
  if (encoding === undefined || encoding === "" || encoding === "identity") return body;
  if (encoding !== "gzip") throw newUnsupportedMediaType(["gzip"]);
  try {
    return await unzip(body, { maxOutputLength: limit });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") {
      throw newRequestEntityTooLarge(`limit is ${limit}`);
    }
    throw newBadRequest(`the body is not valid gzip: ${(error as Error).message}`);
  }
}
