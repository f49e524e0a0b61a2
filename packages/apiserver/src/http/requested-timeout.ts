import { newBadRequest, parseDuration } from "@knots/machinery";
import type { Clock } from "@knots/machinery";
import { DeadlineExceeded } from "./deadline-exceeded.ts";
import { isLongRunning } from "./request-info.ts";
import type { RequestInfo } from "./request-info.ts";

/** How long the client gives its request (`?timeout=5s`); 0: as long as any. Throws BadRequest. */
function requestedTimeout(info: RequestInfo): number {
  const text = info.query.get("timeout") ?? "";
  if (text === "" || isLongRunning(info)) return 0;
  try {
    return Math.max(0, parseDuration(text));
  } catch (error) {
    throw newBadRequest(`invalid timeout specified in the request URL - ${(error as Error).message}`);
  }
}

/**
 * Does what a request asks for, in the time that its client gives it: Timeout is thrown when that is over, and what comes
 * of the work then is ignored. Throws BadRequest, before anything is done, for a time that is none.
 */
export async function inRequestedTime(clock: Clock, info: RequestInfo, handle: () => Promise<void>): Promise<void> {
  const ms = requestedTimeout(info);
  const work = handle();
  if (ms === 0) return work;
  await new Promise<void>((resolve, reject) => {
    const timer = clock.setTimeout(() => {
      reject(new DeadlineExceeded());
    }, ms);
    work.then(resolve, reject).finally(() => timer.cancel());
  });
}
