// What upstream's router for built-in paths says before a handler is asked: it compares media types letter by letter.
import { StatusError } from "@knots/machinery";
import { methodNotAllowed } from "./method-not-allowed.ts";
import type { ApiRequest } from "./types.ts";

export const OBJECT_TYPES = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"] as const;
export const LIST_TYPES = [
  ...OBJECT_TYPES,
  "application/json;stream=watch",
  "application/vnd.kubernetes.protobuf;stream=watch",
] as const;
export const LOG_TYPES = ["text/plain", ...OBJECT_TYPES] as const;

/** What nearly every client asks for first. */
const USUAL = /^application\/(json|vnd\.kubernetes\.protobuf)([;,]|$)/;

/** Throws MethodNotAllowed on all but GET, NotAcceptable when the client takes none of these types. */
export function checkRead(request: ApiRequest, produces: readonly string[]): void {
  if (request.method !== "GET") throw methodNotAllowed();
  checkAccept(request.headers.accept, produces);
}

/** Throws NotAcceptable when the client takes none of these types. Ranges other than any type are not known here. */
export function checkAccept(accept: string | undefined, produces: readonly string[]): void {
  if (accept === undefined || accept === "" || (produces.includes("application/json") && USUAL.test(accept))) return;
  if (typesOf(accept).some((type) => type === "*/*" || produces.includes(type))) return;
  const message = `406: Not Acceptable\n\nAvailable representations: ${produces.join(", ")}`;
  throw refusal(406, "NotAcceptable", message);
}

/** Throws UnsupportedMediaType for a body that is said to be of none of these types. */
export function checkContentType(contentType: string | undefined, consumes: readonly string[]): void {
  if (typesOf(contentType ?? "").some((type) => consumes.includes(type))) return;
  throw refusal(415, "UnsupportedMediaType", "415: Unsupported Media Type");
}

function typesOf(header: string): string[] {
  return header.split(",").map((part) => (part.split(";", 1)[0] ?? "").replaceAll(/^ +|(?<! ) +$/g, ""));
}

function refusal(code: number, reason: string, message: string): StatusError {
  const details = {};
  return new StatusError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    reason,
    details,
    code,
  });
}
