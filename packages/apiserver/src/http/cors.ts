import type { ApiRequest, ApiResponse } from "./types.ts";

const ALLOWED = {
  "access-control-allow-methods": "POST, GET, OPTIONS, PUT, DELETE, PATCH",
  "access-control-allow-headers":
    "Content-Type, Content-Length, Accept-Encoding, X-CSRF-Token, Authorization, X-Requested-With, If-Modified-Since",
  "access-control-expose-headers": "Date",
  "access-control-allow-credentials": "true",
};

/**
 * Patterns of --cors-allowed-origins. Throws Error on one that is no regular expression, or that does not say where the
 * host begins and ends: it would allow hosts that only contain what it names.
 */
export function allowedOrigins(patterns: readonly string[]): readonly string[] {
  for (const pattern of patterns) {
    try {
      new RegExp(pattern);
    } catch (error) {
      throw new Error(`--cors-allowed-origins has an invalid regular expression: ${pattern}`, { cause: error });
    }
    if (!pattern.startsWith("^") && !pattern.includes("//"))
      throw new Error(`--cors-allowed-origins must pin the start of the host with '^' or '//': ${pattern}`);
    if (!pattern.endsWith("$") && !pattern.replace("://", "").includes(":"))
      throw new Error(
        `--cors-allowed-origins must pin the end of the host with '$' or the port separator ':': ${pattern}`,
      );
  }
  return patterns;
}

/** Tells browsers which pages may read this server's answers. */
export class Cors {
  readonly #origins: readonly RegExp[];

  constructor(patterns: readonly string[]) {
    this.#origins = patterns.map((pattern) => new RegExp(pattern));
  }

  /** Adds headers where the request's origin is allowed; true when that is the whole answer, as to a browser's first question. */
  answers(request: ApiRequest, response: ApiResponse): boolean {
    const { origin } = request.headers;
    if (origin === undefined || !this.#origins.some((pattern) => pattern.test(origin))) return false;
    response.setHeader("access-control-allow-origin", origin);
    for (const [name, value] of Object.entries(ALLOWED)) response.setHeader(name, value);
    if (request.method !== "OPTIONS") return false;
    response.writeHead(204);
    response.end();
    return true;
  }
}
