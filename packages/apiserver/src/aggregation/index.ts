// The aggregation layer: groups that other servers answer, behind this one's authentication and authorization.
import { Agent } from "node:https";
import type { Clock, Logger } from "@knots/machinery";
import type { RequestContext } from "../http/types.ts";
import type { OpenApiSource } from "../openapi/openapi.ts";
import type { Outbound } from "../outbound/index.ts";
import type { Registry } from "../registry/registry.ts";
import type { ClientConnection } from "../streams/upgrade.ts";
import type { AggregatedVersion, Aggregated } from "../discovery/merge.ts";
import { ApiServices, pathOf } from "./api-services.ts";
import type { RemoteService } from "./api-services.ts";
import { AvailabilityLoop } from "./availability-loop.ts";
import { proxyToService, upgradeToService } from "./proxy.ts";
import { fetchOpenApi, fetchResources } from "./remote-documents.ts";
import type { RemoteOpenApi } from "./remote-documents.ts";
import { mergeDefinitions } from "./merge-openapi.ts";

export interface AggregationDependencies {
  readonly registry: Registry;
  readonly outbound: Outbound;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The front-proxy certificate, once there is one. */
  identity(): { readonly cert: string; readonly key: string } | undefined;
  /** Discovery or OpenAPI of the whole are no longer what they were. */
  onChange(): void;
  /** The APIServices of this server's own groups may have to be restored. */
  onServicesChange(): void;
}

interface Documents {
  readonly resources: readonly object[];
  readonly stale: boolean;
  readonly openapi: RemoteOpenApi | undefined;
}

export class Aggregation implements Aggregated, OpenApiSource, AsyncDisposable {
  readonly #deps: AggregationDependencies;
  readonly #services: ApiServices;
  readonly #loop: AvailabilityLoop;
  readonly #agent = new Agent({ keepAlive: true, maxFreeSockets: 16 });
  /** By APIService name. */
  readonly #documents = new Map<string, Documents>();

  constructor(deps: AggregationDependencies) {
    this.#deps = deps;
    this.#services = new ApiServices(deps.registry, deps.outbound.resolver, () => deps.identity());
    this.#loop = new AvailabilityLoop({
      registry: deps.registry,
      services: this.#services,
      client: deps.outbound.client,
      clock: deps.clock,
      logger: deps.logger,
      checked: (service, available) => this.#refresh(service, available),
      changed: (name, deleted) => {
        if (deleted) this.#documents.delete(name);
        deps.onChange();
        if (deleted) deps.onServicesChange();
      },
    });
  }

  start(): void {
    this.#loop.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#loop[Symbol.asyncDispose]();
    this.#agent.destroy();
  }

  /** Who answers a request, when it is not this server. */
  find({ info }: RequestContext): RemoteService | undefined {
    if (info.isResourceRequest) return this.#services.remote(info.apiGroup, info.apiVersion);
    const match = /^\/apis\/([^/]+)\/([^/]+)\/?$/.exec(info.path);
    if (match !== null) return this.#services.remote(match[1] ?? "", match[2] ?? "");
    const core = /^\/api\/([^/]+)\/?$/.exec(info.path);
    return core === null ? undefined : this.#services.remote("", core[1] ?? "");
  }

  async proxy(ctx: RequestContext, service: RemoteService): Promise<void> {
    await proxyToService(ctx, service, this.#agent);
  }

  async upgrade(ctx: RequestContext, service: RemoteService, client: ClientConnection): Promise<void> {
    await upgradeToService(ctx, service, client);
  }

  // Aggregated

  priorities(): ReadonlyMap<string, { group: number; version: number }> {
    return new Map(
      this.#services
        .all()
        .map(({ metadata, spec }) => [
          metadata?.name ?? "",
          { group: spec?.groupPriorityMinimum ?? 0, version: spec?.versionPriority ?? 0 },
        ]),
    );
  }

  *versions(): Generator<AggregatedVersion> {
    for (const { name, group, version } of this.#services.remotes().values()) {
      const documents = this.#documents.get(name);
      yield { group, version, resources: documents?.resources ?? [], stale: documents?.stale ?? true };
    }
  }

  // OpenApiSource

  v3(): ReadonlyMap<string, object> {
    const found = new Map<string, object>();
    for (const service of this.#services.remotes().values()) {
      const document = this.#documents.get(service.name)?.openapi?.v3;
      if (document !== undefined) found.set(pathOf(service).slice(1), document);
    }
    return found;
  }

  v2(): ReturnType<OpenApiSource["v2"]> {
    const merged = { definitions: {}, paths: {} };
    for (const { name } of this.#services.remotes().values()) {
      const part = this.#documents.get(name)?.openapi?.v2;
      if (part !== undefined) mergeDefinitions(merged, part);
    }
    return merged;
  }

  /** What could not be fetched stays as it was, marked stale. */
  async #refresh(service: RemoteService, available: boolean): Promise<void> {
    const { client } = this.#deps.outbound;
    const before = this.#documents.get(service.name);
    let next: Documents = { resources: before?.resources ?? [], stale: true, openapi: before?.openapi };
    if (available) {
      try {
        next = { ...next, resources: await fetchResources(client, service), stale: false };
        next = { ...next, openapi: await fetchOpenApi(client, service) };
      } catch (error) {
        this.#deps.logger.warn(
          { err: error, apiService: service.name },
          "an extension server's documents could not be read",
        );
      }
    }
    if (JSON.stringify(before) === JSON.stringify(next)) return;
    this.#documents.set(service.name, next);
    this.#deps.onChange();
  }
}
