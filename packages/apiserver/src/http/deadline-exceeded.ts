import { StatusError, newTimeout } from "@knots/machinery";
import { encodeLine } from "../json-line.ts";
import { sendExactly } from "./respond.ts";
import type { ApiRequest, ApiResponse } from "./types.ts";

/** A request took longer than it may, by the server or by its client's own wish. */
export class DeadlineExceeded extends StatusError {
  constructor() {
    super(newTimeout("request did not complete within the allotted timeout", 0).status);
  }
}

/**
 * As upstream's timeout filter answers: a Status that says neither its kind nor its type, which Go takes for text. Clients
 * of client-go then speak of a server that was unable to answer in time.
 */
export function sendDeadlineExceeded(request: ApiRequest, response: ApiResponse, error: DeadlineExceeded): void {
  const { status, message, reason, code } = error.status;
  const text = JSON.stringify({ metadata: {}, status, message, reason, details: {}, code });
  sendExactly(request, response, error.code, "text/plain; charset=utf-8", encodeLine(text));
}
