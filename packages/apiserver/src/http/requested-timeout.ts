import { newBadRequest, newTimeout, parseDuration } from "@knots/machinery";
import type { Clock } from "@knots/machinery";
import type { RequestInfo } from "./request-info.ts";

/** What lasts as long as its client likes. */
const STREAMED = new Set(["exec", "attach", "portforward", "log", "proxy"]);

/** How long the client gives its request (`?timeout=5s`); 0: as long as any. Throws BadRequest. */
export function requestedTimeout({ query, verb, subresource }: RequestInfo): number {
  const text = query.get("timeout") ?? "";
  if (text === "" || verb === "watch" || STREAMED.has(subresource)) return 0;
  try {
    return Math.max(0, parseDuration(text));
  } catch (error) {
    throw newBadRequest(`invalid timeout specified in the request URL - ${(error as Error).message}`);
  }
}

/** Settles as `work` does, unless it takes longer than that: then Timeout is thrown and its result ignored. */
export async function withinTimeout(clock: Clock, ms: number, work: Promise<void>): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = clock.setTimeout(() => {
      reject(newTimeout("request did not complete within the allotted timeout", 0));
    }, ms);
    work.then(resolve, reject).finally(() => timer.cancel());
  });
}
