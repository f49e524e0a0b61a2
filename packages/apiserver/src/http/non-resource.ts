import type { Discovery } from "../discovery/discovery.ts";
import type { OpenApi } from "../openapi/openapi.ts";
import { nothingAt } from "./handlers/routes.ts";
import type { Health } from "./health.ts";
import type { Metrics } from "./metrics.ts";
import { UnknownPath, pageNotFound } from "./page-not-found.ts";
import { sendRawJson, sendText } from "./respond.ts";
import { checkRead } from "./restful.ts";
import type { RequestContext } from "./types.ts";
import { VERSION } from "./version.ts";

/** A path outside the API of resources (/openid/v1/jwks, …). */
export type PathHandler = (ctx: RequestContext) => Promise<void>;

/** Everything that is not a resource: discovery, OpenAPI, health, metrics, version, the index of paths. */
export class NonResourceRouter {
  readonly #discovery: Discovery;
  readonly #openapi: OpenApi;
  readonly #health: Health;
  readonly #metrics: Metrics;
  readonly #paths: ReadonlyMap<string, PathHandler>;

  constructor(
    discovery: Discovery,
    openapi: OpenApi,
    health: Health,
    metrics: Metrics,
    paths: ReadonlyMap<string, PathHandler>,
  ) {
    this.#discovery = discovery;
    this.#openapi = openapi;
    this.#health = health;
    this.#metrics = metrics;
    this.#paths = paths;
  }

  async handle(ctx: RequestContext): Promise<void> {
    const { path } = ctx.info;
    if (this.#health.handle(ctx) || this.#discovery.handle(ctx) || this.#openapi.handle(ctx)) return;
    const handler = this.#paths.get(path);
    if (handler !== undefined) {
      await handler(ctx);
    } else if (path === "/version" || path === "/version/") {
      checkRead(ctx.request, ["application/json"]);
      sendRawJson(ctx.request, ctx.response, 200, VERSION);
    } else if (path === "/metrics") {
      await this.#answerMetrics(ctx);
    } else if (path === "/metrics/slis") {
      this.#sendMetrics(ctx, this.#health.metrics());
    } else if (path === "/" || path === "" || path === "/index.html") {
      sendRawJson(ctx.request, ctx.response, 200, { paths: this.index() });
    } else {
      throw nothingBelow(path);
    }
  }

  async #answerMetrics(ctx: RequestContext): Promise<void> {
    if (ctx.request.method === "DELETE") {
      this.#metrics.reset();
      sendText(ctx.response, 200, "metrics reset\n");
    } else this.#sendMetrics(ctx, await this.#metrics.render());
  }

  #sendMetrics({ response }: RequestContext, text: string): void {
    response.writeHead(200, { "content-type": this.#metrics.contentType, "cache-control": "no-cache, private" });
    response.end(text);
  }

  /** Every path that is told of at the root. */
  index(): string[] {
    const paths = [
      "/api",
      "/apis",
      ...this.#health.paths(),
      "/metrics",
      "/openapi/v2",
      "/openapi/v3",
      "/version",
      ...ISSUER_PATHS,
    ];
    for (const { group, versions } of this.#discovery.merged()) {
      if (group !== "") paths.push(`/apis/${group}`);
      for (const { version } of versions) paths.push(group === "" ? `/api/${version}` : `/apis/${group}/${version}`);
    }
    return [...paths, ...this.#paths.keys().filter((path) => !path.startsWith("/debug/"))].sort();
  }
}

/** What to say of a path at which there is nothing: most roots know what lies below them. */
function nothingBelow(path: string): Error {
  const [, root = "", group] = path.split("/");
  if (root === "api" || root === "version") return pageNotFound();
  if (ISSUER_PATHS.some((known) => path.startsWith(`${known}/`))) return pageNotFound();
  return root === "apis" && group !== undefined && group !== "" ? nothingAt(group) : new UnknownPath();
}

const ISSUER_PATHS = ["/openid/v1/jwks", "/.well-known/openid-configuration"];
