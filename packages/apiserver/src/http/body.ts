import { gunzip } from "node:zlib";
import { promisify } from "node:util";
import { newBadRequest, newRequestEntityTooLarge, newUnsupportedMediaType } from "@knots/machinery";
import { Cohort } from "../cohort.ts";
import { prepareYaml } from "./yaml-thread.ts";
import type { ApiRequest } from "./types.ts";

/** Upstream's limit for the body of a write. */
export const MAX_BODY_BYTES = 3 * 1024 * 1024;

/** Property of a request by which somebody beside its handler (audit) is shown the body that was read. */
export const BODY_OBSERVER = Symbol("observer of the body");

const unzip = promisify(gunzip);
const EMPTY = Buffer.alloc(0);

/** Bodies that were complete in one turn of the event loop are worked on side by side. */
const complete = new Cohort();

/** Reads the whole body; 413 above the limit, compressed bodies included. */
export async function readBody(request: ApiRequest, limit = MAX_BODY_BYTES): Promise<Uint8Array> {
  const body = await readPlain(request, limit);
  await complete.join();
  if (request.headers["content-type"]?.includes("yaml") === true) await prepareYaml(body);
  (request as { [BODY_OBSERVER]?: (body: Uint8Array) => void })[BODY_OBSERVER]?.(body);
  return body;
}

async function readPlain(request: ApiRequest, limit: number): Promise<Uint8Array> {
  const declared = Number(request.headers["content-length"] ?? 0);
  if (declared > limit) throw newRequestEntityTooLarge(`limit is ${limit}`);
  const body = await collect(request, limit);
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

/** Listens instead of iterating: an iterator would cost more than the rest of a small write. */
function collect(request: ApiRequest, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let ended = false;
    const cutOff = (): void => reject(newBadRequest("the request ended before its body was complete"));
    if (request.destroyed) return cutOff();
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) reject(newRequestEntityTooLarge(`limit is ${limit}`));
      else chunks.push(chunk);
    });
    request.once("end", () => {
      ended = true;
      // HTTP/2 ends the body of a stream that was reset, too: half a YAML document may be one.
      if (request.stream?.closed === true) cutOff();
      else resolve(chunks.length === 1 ? (chunks[0] ?? EMPTY) : Buffer.concat(chunks));
    });
    request.once("error", reject);
    request.once("close", () => {
      if (!ended) cutOff();
    });
  });
}
