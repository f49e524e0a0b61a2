import { StatusError } from "@knots/machinery";
import type { Status } from "@knots/machinery";

/** A webhook could not be asked, or did not answer as it must: the failure policy decides what follows. */
export class CallingWebhookError extends Error {
  override readonly name = "CallingWebhookError";

  constructor(webhook: string, reason: string, options?: ErrorOptions) {
    super(`failed calling webhook ${JSON.stringify(webhook)}: ${reason}`, options);
  }
}

const rejections = new WeakSet<object>();

/** Whether an error is a webhook's own word, made by `rejection`. */
export function isRejection(error: unknown): boolean {
  return typeof error === "object" && error !== null && rejections.has(error);
}

/** The Status of a request that a webhook refused: at least 400, never a success, and it says who refused. */
export function rejection(webhook: string, result: Partial<Status> | undefined): StatusError {
  const denied = `admission webhook ${JSON.stringify(webhook)} denied the request`;
  const code = result?.code ?? 0;
  const refuses = Number.isInteger(code) && code >= 400 && code <= 599;
  const message =
    result?.message !== undefined && result.message !== ""
      ? `${denied}: ${result.message}`
      : result?.reason !== undefined && result.reason !== ""
        ? `${denied}: ${result.reason}`
        : `${denied} without explanation`;
  const error = StatusError.fromStatus({
    metadata: {},
    ...result,
    kind: "Status",
    apiVersion: "v1",
    status:
      result?.status === undefined || result.status === "" || result.status === "Success" ? "Failure" : result.status,
    message,
    code: refuses ? code : 400,
  });
  rejections.add(error);
  return error;
}
