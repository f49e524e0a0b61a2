/** gRPC status codes that the kubelet acts on. */
export const CriCode = {
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  UNIMPLEMENTED: 12,
  UNAVAILABLE: 14,
} as const;

/** An answer of the runtime that is an error; `message` is the runtime's own words, which end up in events and statuses. */
export class CriError extends Error {
  readonly code: number;
  readonly method: string;

  constructor(method: string, code: number, details: string) {
    super(details);
    this.name = "CriError";
    this.code = code;
    this.method = method;
  }

  /** As a Go program prints a gRPC error; upstream's events carry this form. */
  get rpcText(): string {
    return `rpc error: code = ${CODE_NAMES[this.code] ?? `Code(${this.code})`} desc = ${this.message}`;
  }
}

const CODE_NAMES = [
  "OK",
  "Canceled",
  "Unknown",
  "InvalidArgument",
  "DeadlineExceeded",
  "NotFound",
  "AlreadyExists",
  "PermissionDenied",
  "ResourceExhausted",
  "FailedPrecondition",
  "Aborted",
  "OutOfRange",
  "Unimplemented",
  "Internal",
  "Unavailable",
  "DataLoss",
  "Unauthenticated",
] as const;

export function isNotFound(error: unknown): boolean {
  return error instanceof CriError && error.code === CriCode.NOT_FOUND;
}

/** The text that belongs into events and waiting messages: gRPC errors in their Go form, others by message. */
export function errorText(error: unknown): string {
  if (error instanceof CriError) return error.rpcText;
  return error instanceof Error ? error.message : String(error);
}
