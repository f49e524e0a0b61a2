import { StatusError } from "@knots/machinery";
import { StoreRequestError } from "@knots/store";

/**
 * What a client hears of a store that could not be asked: 500 with the store's own words, as upstream's server passes
 * an error of etcd on. Without a retry delay: whether a write was made may be unknown, so repeating it is the client's
 * decision. Other errors pass.
 */
export function storeFailure(error: unknown): unknown {
  if (!(error instanceof StoreRequestError)) return error;
  const { message } = error;
  return new StatusError(
    { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, code: 500 },
    { cause: error },
  );
}

/** The write that failed so may be in the store all the same. */
export function mayHaveBeenMade(error: unknown): boolean {
  return error instanceof StatusError && error.cause instanceof StoreRequestError && error.cause.ambiguous;
}
