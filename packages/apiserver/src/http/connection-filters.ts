// What is done to an answer for its connection's sake: upstream's filters WithProbabilisticGoaway and WithHSTS.
import type { ApiRequest, ApiResponse } from "./types.ts";

export interface ConnectionOptions {
  /** Of one request over HTTP/2, that its connection is to take no further ones: clients then spread over the servers. */
  readonly goawayChance?: number;
  /** Directives of the Strict-Transport-Security header. */
  readonly strictTransportSecurity?: readonly string[];
}

/** Throws an Error on what upstream does not take. */
export function checkGoawayChance(chance: number): number {
  if (chance >= 0 && chance <= 0.02) return chance;
  throw new Error("--goaway-chance can not be less than 0 or greater than 0.02");
}

/** Throws an Error on what upstream does not take. */
export function checkStrictTransportSecurity(directives: readonly string[]): readonly string[] {
  for (const directive of directives) {
    if (directive === "includeSubDomains" || directive === "preload") continue;
    const [name, age = ""] = directive.split("=");
    if (name === "max-age" && /^\d+$/.test(age)) continue;
    throw new Error(
      "--strict-transport-security-directives invalid, allowed values: max-age=expireTime, includeSubDomains, preload. see https://tools.ietf.org/html/rfc6797#section-6.1 for more information",
    );
  }
  return directives;
}

/** The filters that are on, as one; undefined: none is. */
export function connectionFilter(
  { goawayChance = 0, strictTransportSecurity = [] }: ConnectionOptions,
  random: () => number = Math.random,
): ((request: ApiRequest, response: ApiResponse) => void) | undefined {
  if (goawayChance === 0 && strictTransportSecurity.length === 0) return undefined;
  const transport = strictTransportSecurity.join("; ");
  return (request, response) => {
    if (transport !== "") response.setHeader("strict-transport-security", transport);
    // GOAWAY goes out at once, requests under way are finished, and the connection is closed when it is idle.
    if (request.httpVersionMajor === 2 && random() < goawayChance) request.stream?.session?.close();
  };
}
