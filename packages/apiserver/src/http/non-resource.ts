import type { Discovery } from "../discovery/discovery.ts";
import type { OpenApi } from "../openapi/openapi.ts";
import { pageNotFound } from "./handlers/resource-router.ts";
import type { Health } from "./health.ts";
import type { Metrics } from "./metrics.ts";
import { sendObject } from "./respond.ts";
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
      return;
    }
    if (path === "/version" || path === "/version/") {
      sendObject(ctx.request, ctx.response, 200, VERSION);
    } else if (path === "/metrics") {
      const text = await this.#metrics.render();
      ctx.response.writeHead(200, { "content-type": this.#metrics.contentType });
      ctx.response.end(text);
    } else if (path === "/" || path === "") {
      sendObject(ctx.request, ctx.response, 200, { paths: this.#index() });
    } else {
      throw pageNotFound();
    }
  }

  #index(): string[] {
    const paths = [
      "/api",
      "/apis",
      "/healthz",
      "/livez",
      "/readyz",
      "/metrics",
      "/openapi/v2",
      "/openapi/v3",
      "/version",
    ];
    for (const { group, versions } of this.#discovery.merged()) {
      if (group !== "") paths.push(`/apis/${group}`);
      for (const { version } of versions) paths.push(group === "" ? `/api/${version}` : `/apis/${group}/${version}`);
    }
    return [...paths, ...this.#paths.keys()].sort();
  }
}
