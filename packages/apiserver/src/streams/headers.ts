// Which headers of a request or answer are passed on.
import type { OutgoingHttpHeaders } from "node:http";
import type { ApiRequest } from "../http/types.ts";

const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
]);

/** What told this server who asks; nobody behind it may learn or use it. */
function isCredential(name: string): boolean {
  return name === "authorization" || name.startsWith("impersonate-") || name.startsWith("x-remote-");
}

const CORS = new Set([
  "access-control-allow-credentials",
  "access-control-allow-headers",
  "access-control-allow-methods",
  "access-control-allow-origin",
]);

const TOKEN_PROTOCOL = "base64url.bearer.authorization.k8s.io.";

/** Header lines of a request as they came, several lines of one name kept apart. */
function lines(request: ApiRequest): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const raw = request.rawHeaders;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? "").toLowerCase();
    const values = found.get(name);
    if (values === undefined) found.set(name, [raw[i + 1] ?? ""]);
    else values.push(raw[i + 1] ?? "");
  }
  return found;
}

/** The look behind keeps a long row of spaces from being looked at from each of them. */
const COMMA = /(?<!\s)\s*,\s*/;

/**
 * The headers of a request on its way to whoever it is for: no credentials, nothing that concerns this hop alone.
 * With `upgrade` the client's Connection and Upgrade headers stay, and its address is appended to X-Forwarded-For.
 */
export function forwardedHeaders(request: ApiRequest, options: { readonly upgrade: boolean }): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = {};
  const found = lines(request);
  const named = new Set((found.get("connection") ?? []).flatMap((line) => line.toLowerCase().split(COMMA)));
  for (const [name, values] of found) {
    if (name.startsWith(":") || isCredential(name)) continue;
    const keep = options.upgrade && (name === "connection" || name === "upgrade");
    if (!keep && (HOP_BY_HOP.has(name) || (named.has(name) && name !== "upgrade"))) continue;
    if (name === "sec-websocket-protocol") {
      const protocols = values.flatMap((line) => line.split(COMMA)).filter((each) => !each.startsWith(TOKEN_PROTOCOL));
      if (protocols.length > 0) headers[name] = protocols.join(", ");
      continue;
    }
    headers[name] = values.length === 1 ? values[0] : values;
  }
  headers["host"] ??= found.get(":authority")?.[0];
  const before = found.get("x-forwarded-for") ?? [];
  const address = request.socket.remoteAddress?.replace(/^::ffff:/, "");
  if (address !== undefined) headers["x-forwarded-for"] = [...before, address].join(", ");
  return headers;
}

/** The headers of an answer that the client may have: nothing of this hop, no CORS permissions of the backend. */
export function answerHeaders(raw: readonly string[]): OutgoingHttpHeaders {
  const headers: Record<string, string | string[]> = {};
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? "").toLowerCase();
    const value = raw[i + 1] ?? "";
    if (HOP_BY_HOP.has(name) || CORS.has(name)) continue;
    const present = headers[name];
    if (present === undefined) headers[name] = value;
    else headers[name] = [present, value].flat();
  }
  return headers;
}

/** Does the request ask for a WebSocket? */
export function isWebSocket(request: ApiRequest): boolean {
  return /\bupgrade\b/i.test(request.headers.connection ?? "") && /^websocket$/i.test(request.headers.upgrade ?? "");
}

/** The subprotocols a WebSocket client offers. */
export function offeredProtocols(request: ApiRequest): string[] {
  return String(request.headers["sec-websocket-protocol"] ?? "")
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "");
}
