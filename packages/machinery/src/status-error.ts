// Errors as the API speaks them: meta/v1 Status. Texts are upstream's, so that clients and people recognise them.
import type { FieldError } from "./field-path.ts";
import { fieldErrorMessage, formatFieldError } from "./field-path.ts";

export interface StatusCause {
  reason?: string;
  message?: string;
  field?: string;
}

export interface Status {
  kind: string;
  apiVersion: string;
  metadata: { continue?: string; resourceVersion?: string; remainingItemCount?: number };
  status: string;
  message?: string;
  reason?: string;
  details?: {
    name?: string;
    group?: string;
    kind?: string;
    uid?: string;
    causes?: StatusCause[];
    retryAfterSeconds?: number;
  };
  code?: number;
}

export interface GroupResource {
  group: string;
  resource: string;
}

export interface GroupKind {
  group: string;
  kind: string;
}

export class StatusError extends Error {
  override readonly name = "StatusError";
  readonly status: Status;

  constructor(status: Status, options?: ErrorOptions) {
    super(status.message ?? status.reason ?? "unknown error", options);
    this.status = status;
  }

  get code(): number {
    return this.status.code ?? 500;
  }

  get reason(): string {
    return this.status.reason ?? "";
  }

  static fromStatus(status: Status): StatusError {
    return new StatusError(status);
  }

  /** Any thrown value as an API error; what is not one becomes a 500 with its message. */
  static from(value: unknown): StatusError {
    if (value instanceof StatusError) return value;
    const message = value instanceof Error ? value.message : String(value);
    return new StatusError(
      make(500, "InternalError", `Internal error occurred: ${message}`, { causes: [{ message }] }),
      { cause: value },
    );
  }
}

function make(code: number, reason: string, message: string, details?: Status["details"]): Status {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    reason,
    ...(details === undefined ? {} : { details }),
    code,
  };
}

function fail(code: number, reason: string, message: string, details?: Status["details"]): StatusError {
  return new StatusError(make(code, reason, message, details));
}

/** "deployments.apps", or "pods" for the core group. */
function qualified(gr: GroupResource): string {
  return gr.group === "" ? gr.resource : `${gr.resource}.${gr.group}`;
}

/** `details.kind` holds the resource here, as upstream's does. */
function about(gr: GroupResource, name: string): NonNullable<Status["details"]> {
  return {
    ...(name === "" ? {} : { name }),
    ...(gr.group === "" ? {} : { group: gr.group }),
    ...(gr.resource === "" ? {} : { kind: gr.resource }),
  };
}

export function newNotFound(gr: GroupResource, name: string): StatusError {
  return fail(404, "NotFound", `${qualified(gr)} "${name}" not found`, about(gr, name));
}

export function newAlreadyExists(gr: GroupResource, name: string): StatusError {
  return fail(409, "AlreadyExists", `${qualified(gr)} "${name}" already exists`, about(gr, name));
}

/** The server's own choice of a name under generateName was taken; another try may do. */
export function newGenerateNameConflict(gr: GroupResource, name: string, retryAfterSeconds: number): StatusError {
  return fail(
    409,
    "AlreadyExists",
    `${qualified(gr)} "${name}" already exists, the server was not able to generate a unique name for the object`,
    { ...about(gr, name), retryAfterSeconds },
  );
}

export function newConflict(gr: GroupResource, name: string, message: string): StatusError {
  return fail(
    409,
    "Conflict",
    `Operation cannot be fulfilled on ${qualified(gr)} "${name}": ${message}`,
    about(gr, name),
  );
}

/**
 * Characters after which an answer tells no further error. A body of three megabytes can have a million faults with a
 * kilobyte of text each: upstream sends it all, we have neither the memory nor the time.
 */
const MAX_ERROR_TEXT = 1 << 20;

export function newInvalid(gk: GroupKind, name: string, errors: readonly FieldError[]): StatusError {
  // Each text once, as upstream's aggregates; every cause stays.
  const texts = new Set<string>();
  const causes: StatusCause[] = [];
  let length = 0;
  for (const error of errors) {
    if (length > MAX_ERROR_TEXT) break;
    const text = formatFieldError(error);
    length += text.length;
    texts.add(text);
    causes.push({ reason: error.type, message: fieldErrorMessage(error), field: error.field });
  }
  const untold = errors.length - causes.length;
  if (untold > 0) texts.add(`and ${untold} more`);
  const kind = gk.group === "" ? gk.kind : `${gk.kind}.${gk.group}`;
  const list = texts.size === 1 ? [...texts].join() : `[${[...texts].join(", ")}]`;
  return fail(
    422,
    "Invalid",
    texts.size === 0 ? `${kind} "${name}" is invalid` : `${kind} "${name}" is invalid: ${list}`,
    {
      ...(name === "" ? {} : { name }),
      ...(gk.group === "" ? {} : { group: gk.group }),
      kind: gk.kind,
      causes,
    },
  );
}

export function newBadRequest(message: string): StatusError {
  return fail(400, "BadRequest", message);
}

/** `message` is the whole explanation after "… is forbidden: ". */
export function newForbidden(gr: GroupResource, name: string, message: string): StatusError {
  const subject =
    gr.resource === ""
      ? "forbidden"
      : name === ""
        ? `${qualified(gr)} is forbidden`
        : `${qualified(gr)} "${name}" is forbidden`;
  return fail(403, "Forbidden", `${subject}: ${message}`, about(gr, name));
}

export function newUnauthorized(message: string): StatusError {
  return fail(401, "Unauthorized", message === "" ? "not authorized" : message);
}

export function newMethodNotSupported(gr: GroupResource, action: string): StatusError {
  return fail(
    405,
    "MethodNotAllowed",
    `${action} is not supported on resources of kind "${qualified(gr)}"`,
    about(gr, ""),
  );
}

export function newGone(message: string): StatusError {
  return fail(410, "Gone", message);
}

export function newResourceExpired(message: string): StatusError {
  return fail(410, "Expired", message);
}

export function newTooManyRequests(message: string, retryAfterSeconds: number): StatusError {
  return fail(429, "TooManyRequests", message, { retryAfterSeconds });
}

export function newInternalError(message: string): StatusError {
  return fail(500, "InternalError", `Internal error occurred: ${message}`, { causes: [{ message }] });
}

/** A plain error, which upstream answers without a reason. */
export function newUnknownError(message: string): StatusError {
  const { reason: _none, ...status } = make(500, "", message);
  return new StatusError(status);
}

export function newServiceUnavailable(message: string): StatusError {
  return fail(503, "ServiceUnavailable", message);
}

export function newTimeout(message: string, retryAfterSeconds: number): StatusError {
  return fail(504, "Timeout", `Timeout: ${message}`, { retryAfterSeconds });
}

export function newServerTimeout(gr: GroupResource, operation: string, retryAfterSeconds: number): StatusError {
  return fail(
    500,
    "ServerTimeout",
    `The ${operation} operation against ${qualified(gr)} could not be completed at this time, please try again.`,
    { ...about(gr, operation), retryAfterSeconds },
  );
}

export function newUnsupportedMediaType(accepted: readonly string[]): StatusError {
  return fail(
    415,
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`,
  );
}

export function newNotAcceptable(served: readonly string[]): StatusError {
  return fail(406, "NotAcceptable", `only the following media types are accepted: ${served.join(", ")}`);
}

export function newRequestEntityTooLarge(message: string): StatusError {
  return fail(413, "RequestEntityTooLarge", `Request entity too large: ${message}`);
}

/** The reason of an API error; "" for any other error. */
export function reasonForError(error: unknown): string {
  return error instanceof StatusError ? error.reason : "";
}

export const isNotFound = (error: unknown): boolean => reasonForError(error) === "NotFound";
export const isAlreadyExists = (error: unknown): boolean => reasonForError(error) === "AlreadyExists";
export const isConflict = (error: unknown): boolean => reasonForError(error) === "Conflict";
export const isInvalid = (error: unknown): boolean => reasonForError(error) === "Invalid";
export const isForbidden = (error: unknown): boolean => reasonForError(error) === "Forbidden";
export const isUnauthorized = (error: unknown): boolean => reasonForError(error) === "Unauthorized";
export const isTooManyRequests = (error: unknown): boolean => reasonForError(error) === "TooManyRequests";
/** 410: the list or watch has to begin again. */
export const isGone = (error: unknown): boolean => error instanceof StatusError && error.code === 410;
