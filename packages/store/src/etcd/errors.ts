// What etcd's answers mean: gRPC errors as the store's, in the words that upstream's client uses.
import { status, type ServiceError } from "@grpc/grpc-js";
import { CompactedError, StoreRequestError } from "../store.ts";

const CODE_NAMES: Readonly<Record<number, string>> = {
  [status.CANCELLED]: "Canceled",
  [status.UNKNOWN]: "Unknown",
  [status.INVALID_ARGUMENT]: "InvalidArgument",
  [status.DEADLINE_EXCEEDED]: "DeadlineExceeded",
  [status.NOT_FOUND]: "NotFound",
  [status.PERMISSION_DENIED]: "PermissionDenied",
  [status.RESOURCE_EXHAUSTED]: "ResourceExhausted",
  [status.FAILED_PRECONDITION]: "FailedPrecondition",
  [status.OUT_OF_RANGE]: "OutOfRange",
  [status.UNIMPLEMENTED]: "Unimplemented",
  [status.INTERNAL]: "Internal",
  [status.UNAVAILABLE]: "Unavailable",
  [status.UNAUTHENTICATED]: "Unauthenticated",
};

const COMPACTED = "etcdserver: mvcc: required revision has been compacted";
const FUTURE = "etcdserver: mvcc: required revision is a future revision";
/** Said before a request is proposed to the cluster. */
const NO_LEADER = "etcdserver: no leader";
/** How gRPC names a call for which there was no connection to write it on. */
const NEVER_SENT = [/^No connection established/, /^Name resolution failed/];

export function isFutureRevision(error: ServiceError): boolean {
  return error.details === FUTURE;
}

/** Worth asking another member. */
export function isUnavailable(error: ServiceError): boolean {
  return error.code === status.UNAVAILABLE;
}

/** The cluster certainly did not do what was asked: it never heard of it, or refused before it proposed anything. */
export function isWithoutEffect(error: ServiceError): boolean {
  return error.details === NO_LEADER || NEVER_SENT.some((pattern) => pattern.test(error.details));
}

/** The outcome is unknown: the request may have been done although no answer came. */
function isAmbiguous(error: ServiceError): boolean {
  const open: readonly number[] = [status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.CANCELLED, status.UNKNOWN];
  // INTERNAL is what a connection that broke off in the middle of an answer becomes.
  return (open.includes(error.code) || error.code === status.INTERNAL) && !isWithoutEffect(error);
}

export function storeError(error: ServiceError): Error {
  if (error.details === COMPACTED) return new CompactedError(undefined);
  const message = error.details.startsWith("etcdserver:")
    ? error.details
    : `rpc error: code = ${CODE_NAMES[error.code] ?? `Code(${error.code})`} desc = ${error.details}`;
  return new StoreRequestError(message, isAmbiguous(error), { cause: error });
}
