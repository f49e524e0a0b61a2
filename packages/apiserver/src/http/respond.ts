import { gzip } from "node:zlib";
import { StatusError, parseJsonExactly } from "@knots/machinery";
import { Codecs, jsonCodec } from "./codecs.ts";
import type { Codec } from "./codecs.ts";
import { negotiate } from "./negotiate.ts";
import { UNKNOWN_PATH_TEXT, UnknownPath } from "./page-not-found.ts";
import type { ApiRequest, ApiResponse } from "./types.ts";

/** Answers above this size are compressed for clients that accept it (upstream: 128 KiB). */
const GZIP_ABOVE_BYTES = 128 * 1024;
const LEVEL = 1;

const codecs = new Codecs();

/** Indented JSON: for whom it is asked for, in one of two ways, and for browsers and curl. */
function wantsPretty(request: ApiRequest): boolean {
  if (/;\s*pretty=1\s*(;|,|$)/.test(request.headers.accept ?? "")) return true;
  const url = request.url ?? "";
  if (url.includes("pretty")) {
    const value = new URLSearchParams(url.slice(url.indexOf("?") + 1)).get("pretty") ?? "";
    // What Go's ParseBool takes for true; nothing else is.
    if (value !== "") return /^(1|t|T|true|TRUE|True)$/.test(value);
  }
  return /^(curl|Wget|Mozilla\/5\.0)/.test(request.headers["user-agent"] ?? "");
}

export function acceptsGzip(request: ApiRequest): boolean {
  return /\bgzip\b/.test(String(request.headers["accept-encoding"] ?? ""));
}

/** Writes a whole answer. `bytes` are not copied. */
export function sendBytes(
  request: ApiRequest,
  response: ApiResponse,
  status: number,
  contentType: string,
  bytes: Uint8Array,
): void {
  // Documents whose address has their hash say themselves how long they may be kept.
  const caching = String(response.getHeader("cache-control") ?? "no-cache, private");
  let body = bytes;
  if (contentType === jsonCodec.mediaType && wantsPretty(request)) {
    body = Buffer.from(JSON.stringify(parseJsonExactly(Buffer.from(bytes).toString("utf8")), undefined, 2));
  }
  if (body.length < GZIP_ABOVE_BYTES || !acceptsGzip(request)) {
    response.writeHead(status, {
      "content-type": contentType,
      "content-length": body.length,
      "cache-control": caching,
    });
    if (request.method === "HEAD") response.end();
    else response.end(body);
    return;
  }
  gzip(body, { level: LEVEL }, (error, packed) => {
    if (response.headersSent || response.writableEnded) return;
    const plain = error !== null;
    const payload = plain ? body : packed;
    response.writeHead(status, {
      "content-type": contentType,
      "content-length": payload.length,
      "cache-control": caching,
      vary: "Accept-Encoding",
      ...(plain ? {} : { "content-encoding": "gzip" }),
    });
    if (request.method === "HEAD") response.end();
    else response.end(payload);
  });
}

/** Writes an object that is not kept encoded anywhere. */
export function sendObject(
  request: ApiRequest,
  response: ApiResponse,
  status: number,
  object: object,
  codec: Codec = jsonCodec,
): void {
  sendBytes(request, response, status, codec.mediaType, codec.encode(object));
}

/** Plain text (healthz). */
export function sendText(response: ApiResponse, status: number, text: string): void {
  response.writeHead(status, {
    "content-type": "text/plain; charset=utf-8",
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache, private",
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
}

/** 429 as upstream's filters answer it: plain text, and when to come again. */
export function sendTooManyRequests(response: ApiResponse, message: string): void {
  response.setHeader("retry-after", "1");
  sendText(response, 429, `${message}\n`);
}

/** Answers with the Status of an error; after the headers are out the connection can only be cut. */
export function sendError(request: ApiRequest, response: ApiResponse, error: unknown): StatusError {
  const status = StatusError.from(error);
  if (response.headersSent || response.writableEnded) {
    if (!response.writableEnded) response.destroy();
    return status;
  }
  const retry = status.status.details?.retryAfterSeconds;
  if (retry !== undefined && retry > 0) response.setHeader("retry-after", String(retry));
  if (status instanceof UnknownPath) sendText(response, 404, UNKNOWN_PATH_TEXT);
  else sendStatus(request, response, status);
  return status;
}

/** In the form that the client accepts; where it accepts none, its error still matters more than its wishes. */
function sendStatus(request: ApiRequest, response: ApiResponse, { code, status }: StatusError): void {
  let codec: Codec | undefined;
  try {
    ({ codec } = negotiate(request.headers.accept, codecs, { transforms: false }));
  } catch {
    const text = Buffer.from(JSON.stringify(status, undefined, 2));
    sendBytes(request, response, code, jsonCodec.mediaType, text);
    return;
  }
  sendBytes(request, response, code, codec.mediaType, codec.encode(status));
}
