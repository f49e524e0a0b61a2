import { StatusError } from "@knots/machinery";
import type { Status } from "@knots/machinery";

/** A path below one that is served, as /api/v1/nothing: told by a Status. */
export function pageNotFound(): StatusError {
  return new StatusError(nothingHere());
}

/** A path of which nobody serves any part: the client is told in plain text, as Go's HTTP server does it. */
export class UnknownPath extends StatusError {
  constructor() {
    super(nothingHere());
  }
}

export const UNKNOWN_PATH_TEXT = "404 page not found\n";

function nothingHere(): Status {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: "the server could not find the requested resource",
    reason: "NotFound",
    details: {},
    code: 404,
  };
}
