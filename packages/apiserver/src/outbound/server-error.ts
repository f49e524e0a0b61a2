import { StatusError, parseJsonExactly } from "@knots/machinery";
import type { Status } from "@knots/machinery";
import type { OutboundResponse } from "./outbound-client.ts";

/** What client-go makes of an answer that is no Status (NewGenericServerResponse). */
const MESSAGES: Readonly<Record<number, readonly [reason: string, message: string]>> = {
  400: ["BadRequest", "the server rejected our request for an unknown reason"],
  401: ["Unauthorized", "the server has asked for the client to provide credentials"],
  404: ["NotFound", "the server could not find the requested resource"],
  405: ["MethodNotAllowed", "the server does not allow this method on the requested resource"],
  406: ["NotAcceptable", "the server was unable to respond with a content type that the client supports"],
  409: ["Conflict", "the server reported a conflict"],
  415: ["UnsupportedMediaType", "the server was unable to understand the media type of our request"],
  422: ["Invalid", "the server rejected our request due to an error in our request"],
  429: ["TooManyRequests", "the server has received too many requests and has asked us to try again later"],
  503: ["ServiceUnavailable", "the server is currently unable to handle the request"],
  504: [
    "Timeout",
    "the server was unable to return a response in the time allotted, but may still be processing the request",
  ],
};
/** As much of a server's own words as client-go repeats. */
const MAX_TEXT = 2048;

/** The error that an answer outside 200–299 stands for; a Status that the server sent is kept. */
export function serverError({ status, body }: OutboundResponse): StatusError {
  const text = body.toString("utf8");
  const sent = statusIn(text);
  if (sent !== undefined) return StatusError.fromStatus(sent);
  const trimmed = text.trim().slice(0, MAX_TEXT);
  const known = MESSAGES[status];
  const [reason, message] =
    known ??
    (status === 403
      ? ["Forbidden", trimmed === "" ? "the server does not allow access to the requested resource" : trimmed]
      : status >= 500
        ? [
            "InternalError",
            `an error on the server (${JSON.stringify(trimmed === "" ? "unknown" : trimmed)}) has prevented the request from succeeding`,
          ]
        : ["", `the server responded with the status code ${status} but did not return more information`]);
  return StatusError.fromStatus({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    ...(reason === "" ? {} : { reason }),
    code: status,
  });
}

function statusIn(text: string): Status | undefined {
  if (!text.trimStart().startsWith("{")) return undefined;
  try {
    const value = JSON.parse(text) as Partial<Status>;
    return value.kind === "Status" && value.status === "Failure" && typeof value.message === "string"
      ? (value as Status)
      : undefined;
  } catch {
    // A body that only begins like JSON: its code says enough.
    return undefined;
  }
}

/** The JSON object that an answer holds; throws what client-go says of anything else. */
export function jsonObject(response: OutboundResponse): Record<string, unknown> {
  if (response.status < 200 || response.status > 299) throw serverError(response);
  let value: unknown;
  try {
    value = parseJsonExactly(response.body.toString("utf8"));
  } catch (error) {
    throw new Error(`couldn't get version/kind; json parse error: ${(error as Error).message}`, { cause: error });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error("couldn't get version/kind; json parse error: the answer is no object");
  return value as Record<string, unknown>;
}
