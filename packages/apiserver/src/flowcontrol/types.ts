import type { UserInfo } from "../auth/types.ts";
import type { RequestInfo } from "../http/request-info.ts";

/** The right to be served; given back once, further calls do nothing. */
export interface Seat {
  release(): void;
}

/** Who may be served now. */
export interface Gate {
  /** `life` ends the waiting; its signal is asked for only then. Throws RequestRejected, or rejects with it after a wait. */
  enter(
    user: UserInfo,
    info: RequestInfo,
    response: { setHeader(name: string, value: string): unknown },
    life: { readonly signal: AbortSignal },
  ): Seat | Promise<Seat>;
}
