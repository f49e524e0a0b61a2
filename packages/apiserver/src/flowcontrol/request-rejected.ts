import type { RejectReason } from "./queue-set.ts";

/** The server has no room for this request. Answered by 429 in plain text, as upstream does. */
export class RequestRejected extends Error {
  readonly reason: RejectReason;

  constructor(reason: RejectReason) {
    super("Too many requests, please try again later.");
    this.reason = reason;
  }
}
