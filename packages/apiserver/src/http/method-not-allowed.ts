import { StatusError } from "@knots/machinery";

/** What upstream says of a path that is served, but not with this method. */
export function methodNotAllowed(): StatusError {
  return StatusError.fromStatus({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: "the server does not allow this method on the requested resource",
    reason: "MethodNotAllowed",
    details: {},
    code: 405,
  });
}
