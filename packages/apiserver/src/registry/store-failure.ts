import { StatusError } from "@knots/machinery";
import { StoreRequestError } from "@knots/store";

/**
 * What a client hears of a store that could not be asked: 500 with the store's own words, as upstream's server passes
 * an error of etcd on. Without a retry delay: whether a write was made may be unknown, so repeating it is the client's
 * decision. Other errors pass.
 */
export function storeFailure(error: unknown): unknown {
  if (!(error instanceof StoreRequestError)) return error;
  return StatusError.fromStatus({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: error.message,
    code: 500,
  });
}
