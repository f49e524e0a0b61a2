import { gzip } from "node:zlib";
import { StatusError, parseJsonExactly } from "@knots/machinery";
import { escapeJson } from "../json-line.ts";
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
export function wantsPretty(request: ApiRequest): boolean {
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

/** Writes a whole answer in a negotiated form, indented for whom that is. `bytes` are not copied. */
export function sendBytes(
  request: ApiRequest,
  response: ApiResponse,
  status: number,
  contentType: string,
  bytes: Uint8Array,
): void {
  // As a parameter some documents name what they are.
  const json = contentType === jsonCodec.mediaType || contentType.startsWith(`${jsonCodec.mediaType};`);
  const pretty = json && wantsPretty(request);
  sendExactly(request, response, status, contentType, pretty ? indented(bytes) : bytes);
}

function indented(json: Uint8Array): Uint8Array {
  const value = parseJsonExactly(Buffer.from(json).toString("utf8"));
  return Buffer.from(escapeJson(JSON.stringify(value, undefined, 2)));
}

/** Writes a whole answer as it is, whoever asks: documents that upstream does not encode for each request. */
export function sendExactly(
  request: ApiRequest,
  response: ApiResponse,
  status: number,
  contentType: string,
  body: Uint8Array,
): void {
  // Documents whose address has their hash say themselves how long they may be kept.
  const caching = String(response.getHeader("cache-control") ?? "no-cache, private");
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

/** Indented, whoever asks: what upstream writes past negotiation (/version, the index of paths). */
export function sendRawJson(request: ApiRequest, response: ApiResponse, status: number, value: object): void {
  const text = escapeJson(JSON.stringify(value, undefined, 2));
  sendExactly(request, response, status, jsonCodec.mediaType, Buffer.from(text));
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
    sendRawJson(request, response, code, status);
    return;
  }
  sendBytes(request, response, code, codec.mediaType, codec.encode(status));
}
