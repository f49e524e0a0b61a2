import type { UserInfo } from "../auth/types.ts";
import type { Seat } from "../flowcontrol/types.ts";
import type { RequestInfo } from "./request-info.ts";
import type { RequestSignal } from "./request-signal.ts";
import type { ApiRequest, ApiResponse, RequestContext } from "./types.ts";
import { Warnings } from "./warning-header.ts";
import type { AuditAnnotator } from "../audit/types.ts";

/** What is known of a request before somebody answers it. */
export interface Admitted extends Omit<RequestContext, "userAgent" | "signal" | "initialized" | "warn"> {
  readonly life: RequestSignal;
  readonly seat: Seat | undefined;
}

/**
 * A class, not an object literal with a getter: for many of those V8 makes a shape of its own, which is old from the
 * beginning and keeps the getter, and with it a whole request, until the next full collection.
 */
export class RequestPassage implements RequestContext {
  readonly info: RequestInfo;
  readonly request: ApiRequest;
  readonly response: ApiResponse;
  readonly user: UserInfo;
  readonly auditId: string;
  readonly startedAt: number;
  readonly audit: AuditAnnotator | undefined;
  readonly #life: RequestSignal;
  readonly #seat: Seat | undefined;
  #warnings: Warnings | undefined;

  constructor(admitted: Admitted) {
    this.info = admitted.info;
    this.request = admitted.request;
    this.response = admitted.response;
    this.user = admitted.user;
    this.auditId = admitted.auditId;
    this.startedAt = admitted.startedAt;
    this.audit = admitted.audit;
    this.#life = admitted.life;
    this.#seat = admitted.seat;
  }

  get userAgent(): string {
    return String(this.request.headers["user-agent"] ?? "");
  }

  get signal(): AbortSignal {
    return this.#life.signal;
  }

  initialized(): void {
    this.#seat?.release();
  }

  warn(text: string): void {
    if (this.response.headersSent) return;
    const values = (this.#warnings ??= new Warnings()).add(text);
    if (values !== undefined) this.response.setHeader("warning", values);
  }
}
