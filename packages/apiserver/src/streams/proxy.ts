// Plain requests to pods, services and nodes through the API server (upstream: UpgradeAwareHandler with its Transport).
import { gunzipSync, inflateRawSync, gzipSync, deflateRawSync } from "node:zlib";
import type { IncomingMessage } from "node:http";
import { newServiceUnavailable, tableOf } from "@knots/machinery";
import type { ApiRequest, RequestContext } from "../http/types.ts";
import { queryOf } from "../http/url-path.ts";
import { dialMessage, hostPort, openRequest } from "./dial.ts";
import { answerHeaders, forwardedHeaders } from "./headers.ts";
import { drained } from "./logs.ts";
import type { ProxyLocation } from "./proxy-location.ts";
import { rewriteHtml, rewriteUrl } from "./rewrite.ts";
import type { RewriteContext } from "./rewrite.ts";

/** Above this size a page's links are left as they are. */
const MAX_HTML_BYTES = 16 * 1024 * 1024;

/** Sends the request on and its answer back, with links and redirects that lead through this server. */
export async function proxyRequest(ctx: RequestContext, location: ProxyLocation): Promise<void> {
  const { request, response } = ctx;
  // Without a slash the links of the page would lead elsewhere.
  if (location.path === "" && (request.method === "GET" || request.method === "HEAD")) {
    response.writeHead(301, { location: `${location.prefix}/${queryOf(request.url ?? "")}` });
    response.end();
    return;
  }
  const host = String(request.headers.host ?? request.headers[":authority"] ?? "");
  const rewrite: RewriteContext = {
    backend: hostPort(location.target.host, location.target.port),
    requestHost: host,
    prefix: location.prefix,
  };
  const answer = await exchange(ctx, location, host);
  const headers = answerHeaders(answer.rawHeaders);
  const redirect = answer.headers.location;
  const type = (answer.headers["content-type"] ?? "").split(";")[0]?.trim();
  if (redirect !== undefined) headers["location"] = rewriteUrl(redirect, rewrite);
  else if (type === "text/html" && request.method !== "HEAD" && (await sendPage(ctx, answer, headers, rewrite))) return;
  response.writeHead(answer.statusCode ?? 502, headers);
  response.flushHeaders();
  await copyBody(ctx, answer);
}

export async function copyBody(ctx: RequestContext, body: AsyncIterable<unknown>): Promise<void> {
  try {
    for await (const chunk of body) {
      if (ctx.signal.aborted) break;
      if (!ctx.response.write(chunk as Buffer)) await drained(ctx);
    }
  } catch {
    // The backend broke off in the middle; the client must not take what it has for the whole.
    ctx.response.destroy();
    return;
  }
  ctx.response.end();
}

function exchange(ctx: RequestContext, location: ProxyLocation, host: string): Promise<IncomingMessage> {
  const { target, prefix, path } = location;
  const headers = forwardedHeaders(ctx.request, { upgrade: false });
  headers["x-forwarded-uri"] = `${prefix}${path}`;
  if (host !== "") headers["x-forwarded-host"] = host;
  headers["x-forwarded-proto"] = "https";
  const body = hasBody(ctx.request);
  // Node would send a DELETE's body without saying how long it is.
  if (body && headers["content-length"] === undefined) headers["transfer-encoding"] = "chunked";
  return new Promise((resolve, reject) => {
    const method = ctx.request.method ?? "GET";
    const outgoing = openRequest(target, method, headers, ctx.signal);
    outgoing.once("response", resolve);
    outgoing.on("error", (error) =>
      reject(newServiceUnavailable(`error trying to reach service: ${dialMessage(error, target)}`)),
    );
    if (!body) outgoing.end();
    else ctx.request.pipe(outgoing);
  });
}

/** HTTP/1.1 says so in headers, HTTP/2 by not ending the stream with them. */
export function hasBody(request: ApiRequest): boolean {
  const { stream } = request as unknown as { stream?: { endAfterHeaders?: boolean } };
  if (request.httpVersionMajor >= 2) return stream?.endAfterHeaders !== true;
  return request.headers["transfer-encoding"] !== undefined || Number(request.headers["content-length"] ?? 0) > 0;
}

interface Coding {
  readonly read: (bytes: Buffer) => Buffer;
  readonly write: (bytes: Buffer) => Buffer;
}

const CODINGS: Readonly<Record<string, Coding>> = tableOf({
  "": { read: (bytes) => bytes, write: (bytes) => bytes },
  gzip: { read: (bytes) => gunzipSync(bytes), write: (bytes) => gzipSync(bytes) },
  deflate: { read: (bytes) => inflateRawSync(bytes), write: (bytes) => deflateRawSync(bytes) },
});

/** A page with its links rewritten; false when it is in a coding that is not understood, or too long. */
async function sendPage(
  ctx: RequestContext,
  answer: IncomingMessage,
  headers: ReturnType<typeof answerHeaders>,
  rewrite: RewriteContext,
): Promise<boolean> {
  const coding = CODINGS[answer.headers["content-encoding"] ?? ""];
  if (coding === undefined || Number(answer.headers["content-length"] ?? 0) > MAX_HTML_BYTES) return false;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer) {
    chunks.push(chunk as Buffer);
    size += (chunk as Buffer).length;
    if (size > MAX_HTML_BYTES) throw newServiceUnavailable("error trying to reach service: the page is too long");
  }
  let bytes: Buffer = Buffer.concat(chunks);
  try {
    // latin1 keeps every byte of whatever charset; tags and URLs are ASCII.
    bytes = coding.write(Buffer.from(rewriteHtml(coding.read(bytes).toString("latin1"), rewrite), "latin1"));
  } catch {
    // Not what its Content-Encoding says: passed on untouched.
  }
  headers["content-length"] = bytes.length;
  ctx.response.writeHead(answer.statusCode ?? 502, headers);
  ctx.response.end(bytes);
  return true;
}
