import { serviceCIDRs } from "@knots/api/networking/v1";
import { newBadRequest, newLogger, RealClock } from "@knots/machinery";
import type { Clock, Logger } from "@knots/machinery";
import type { RestConfig } from "@knots/client";
import type { Duplex } from "node:stream";
import { AdmissionChain } from "./admission/chain.ts";
import { admissionPlugins } from "./admission/plugins/index.ts";
import type { Auditor } from "./audit/auditor.ts";
import { createAuditor } from "./audit/options.ts";
import { PolicyStatus } from "./admission/policies/policy-status.ts";
import { conditionEvaluator } from "./admission/policies/webhook-conditions.ts";
import { WebhookMetrics } from "./admission/webhooks/metrics.ts";
import { Aggregation } from "./aggregation/index.ts";
import { ensureCertificates } from "./certificates.ts";
import type { ServerCertificates } from "./certificates.ts";
import { Compactor } from "./compactor.ts";
import { CustomResources } from "./crd/custom-resources.ts";
import { customOpenApi } from "./crd/custom-openapi.ts";
import { Discovery } from "./discovery/discovery.ts";
import { syncLocalApiServices } from "./discovery/local-api-services.ts";
import { RequestLimits } from "./flowcontrol/request-limits.ts";
import { Codecs } from "./http/codecs.ts";
import { Cors } from "./http/cors.ts";
import { HandlerChain, authorizeVerb } from "./http/handler-chain.ts";
import { componentStatusHandler, controlPlaneComponents } from "./http/handlers/component-statuses.ts";
import type { HandlerDependencies } from "./http/handlers/dependencies.ts";
import { FanOut } from "./http/handlers/fan-out.ts";
import { seeAllWrites } from "./http/handlers/freshness.ts";
import { ResourceRouter } from "./http/handlers/resource-router.ts";
import type { SpecialHandler } from "./http/handlers/resource-router.ts";
import { handleWatchWebSocket } from "./http/handlers/watch-websocket.ts";
import { specialHandlers } from "./http/handlers/special.ts";
import { Health } from "./http/health.ts";
import { Listener } from "./http/listener.ts";
import { Metrics } from "./http/metrics.ts";
import { connectionFilter } from "./http/connection-filters.ts";
import { diagnosticPaths } from "./http/diagnostic-paths.ts";
import { NonResourceRouter } from "./http/non-resource.ts";
import { inRequestedTime } from "./http/requested-timeout.ts";
import type { ApiRequest, RequestContext } from "./http/types.ts";
import { UpgradeResponse } from "./http/upgrade-response.ts";
import { OutboundClient, ServiceResolver } from "./outbound/index.ts";
import type { Outbound } from "./outbound/index.ts";
import { OpenApi, combineSources } from "./openapi/openapi.ts";
import type { ApiServerOptions } from "./options.ts";
import { Committer } from "./registry/committer.ts";
import { groupResource } from "./registry/keys.ts";
import { ManagedFieldTracker } from "./registry/managed-field-tracker.ts";
import { Registry } from "./registry/registry.ts";
import { escalationHooks } from "./registry/rbac/escalation-check.ts";
import type { StorageHooks } from "./registry/resource-type.ts";
import { AddressClaims } from "./registry/services/address-claims.ts";
import { PeriodicRepair } from "./registry/services/periodic-repair.ts";
import { ServiceAllocator } from "./registry/services/service-allocator.ts";
import { tableOptions } from "./tables/table.ts";
import { Cacher } from "./watch-cache/cacher.ts";
import { StartHooks } from "./start-hooks.ts";
import { isWebSocket } from "./streams/headers.ts";
import { assembleSecurity } from "./security.ts";
import type { Security } from "./security.ts";

/** Time that requests in flight get to finish. */
const DRAIN_MS = 10_000;

/** The whole API server: one HTTPS port over one store. */
export class ApiServer {
  readonly #options: ApiServerOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #cacher: Cacher;
  readonly #registry: Registry;
  readonly #clusterIPRange: string;
  readonly #allocator: ServiceAllocator;
  readonly #allocationRepair: PeriodicRepair;
  readonly #compactor: Compactor;
  readonly #chain: HandlerChain;
  readonly #discovery: Discovery;
  readonly #resources: ResourceRouter;
  readonly #paths: NonResourceRouter;
  readonly #special: Map<string, SpecialHandler>;
  readonly #handlers: HandlerDependencies;
  readonly #custom: CustomResources;
  readonly #limits: RequestLimits;
  #auditor: Auditor | undefined;
  readonly #policyStatus: PolicyStatus;
  readonly #outbound: Outbound;
  readonly #aggregation: Aggregation;
  #security: Security | undefined;
  #certificates: ServerCertificates | undefined;
  #listener: Listener | undefined;
  #port = 0;
  #syncing: Promise<void> = Promise.resolve();
  readonly #hooks = new StartHooks();
  #state: "new" | "starting" | "ready" | "stopping" | "stopped" = "new";

  constructor(options: ApiServerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? new RealClock();
    this.#logger = options.logger ?? newLogger({ name: "kube-apiserver", level: "info" });
    this.#cacher = new Cacher(options.store, this.#logger);
    this.#clusterIPRange = options.serviceClusterIPRange ?? "10.96.0.0/12";
    this.#allocator = new ServiceAllocator(this.#clusterIPRange, options.serviceNodePortRange ?? "30000-32767", {
      addresses: new AddressClaims(() => this.#registry),
      portStore: options.store.shared ? options.store : undefined,
    });
    this.#allocationRepair = new PeriodicRepair(this.#allocator, this.#clock, this.#logger);
    const eventTtl = options.eventTtlSeconds ?? 3600;
    const deps = {
      committer: new Committer(options.store, this.#cacher, this.#clock),
      clock: this.#clock,
      tracker: new ManagedFieldTracker(this.#logger),
    };
    this.#registry = new Registry(
      this.#cacher,
      deps,
      new Map<string, StorageHooks>([
        ["services", this.#allocator],
        ["events", { ttlSeconds: () => eventTtl }],
        ...escalationHooks({ objects: () => this.#registry, authorizer: () => this.#ready().authorizer }),
      ]),
    );
    this.#compactor = new Compactor({
      store: options.store,
      cacher: this.#cacher,
      clock: this.#clock,
      logger: this.#logger,
      intervalMs: options.compactionIntervalMs ?? 5 * 60_000,
    });
    this.#policyStatus = new PolicyStatus(this.#registry, this.#logger);
    this.#outbound = {
      client: new OutboundClient(this.#clock),
      resolver: new ServiceResolver(this.#registry, options.enableAggregatorRouting === true, () => ({
        host: this.#advertiseHost(),
        port: this.#port,
      })),
    };
    const webhooks = {
      ...this.#outbound,
      evaluator: conditionEvaluator(() => this.#ready().authorizer),
      logger: this.#logger,
      clock: this.#clock,
      metrics: new WebhookMetrics(),
      registry: () => this.#registry,
    };
    const plugins = admissionPlugins(
      {
        registry: () => this.#registry,
        authorizer: () => this.#ready().authorizer,
        webhooks,
        ...(options.admissionConfig === undefined ? {} : { config: options.admissionConfig }),
      },
      { enable: options.enableAdmissionPlugins ?? [], disable: options.disableAdmissionPlugins ?? [] },
    );
    this.#handlers = {
      registry: this.#registry,
      cacher: this.#cacher,
      codecs: new Codecs(),
      clock: this.#clock,
      fanOut: new FanOut(this.#clock),
      logger: this.#logger,
      admission: new AdmissionChain(plugins),
      authorize: (ctx, verb) => authorizeVerb(this.#ready().authorizer, ctx, verb),
      outbound: this.#outbound,
      tableOptions: (ctx) => tableOptions(ctx.info.query, this.#clock.now()),
    };
    this.#special = specialHandlers(this.#handlers);
    const components = controlPlaneComponents(this.#outbound.client, () => this.#storeFailure());
    this.#special.set("componentstatuses", componentStatusHandler(this.#handlers, components));
    this.#resources = new ResourceRouter(this.#handlers, this.#special);
    this.#aggregation = new Aggregation({
      registry: this.#registry,
      outbound: this.#outbound,
      clock: this.#clock,
      logger: this.#logger,
      identity: () => this.#certificates?.proxyClient,
      onChange: () => {
        this.#discovery.invalidate();
        openapi.invalidate();
      },
      onServicesChange: () => {
        if (this.#state === "ready") void this.#syncApiServices();
      },
    });
    this.#discovery = new Discovery(this.#registry, () => this.#advertised(), this.#aggregation);
    const metrics = new Metrics({
      inFlight: () => this.#chain.inFlight,
      storedObjects: () => this.#storedObjects(),
    });
    this.#limits = new RequestLimits({ options, registry: this.#registry, clock: this.#clock, logger: this.#logger });
    metrics.add(() => this.#limits.metrics() + (this.#auditor?.metrics() ?? ""));
    metrics.add(() => webhooks.metrics.render());
    const paths = new Map([
      ...this.#limits.paths(),
      ...diagnosticPaths(
        options,
        () => this.#clock.now(),
        () => this.#paths.index(),
      ),
    ]);
    const openapi = new OpenApi(combineSources([customOpenApi(() => this.#custom.versions()), this.#aggregation]));
    this.#custom = new CustomResources(this.#handlers, this.#special, () => {
      this.#discovery.invalidate();
      openapi.invalidate();
      if (this.#state === "ready") void this.#syncApiServices();
    });
    this.#paths = new NonResourceRouter(this.#discovery, openapi, this.#health(), metrics, paths);
    this.#chain = new HandlerChain({
      clock: this.#clock,
      logger: this.#logger,
      authenticator: () => this.#ready().authenticator,
      authorizer: () => this.#ready().authorizer,
      impersonate: (user, request) => this.#ready().impersonate(user, request),
      gate: () => this.#limits.gate,
      auditor: () => this.#auditor,
      handle: (ctx) => inRequestedTime(this.#clock, ctx.info, () => this.#handle(ctx)),
      observe: (observation) => metrics.observe(observation),
    });
  }

  /** Loads the store, opens the port, makes the objects every cluster has. Resolves when /readyz answers ok. */
  async start(): Promise<void> {
    if (this.#state !== "new") throw new Error(`an API server starts once; it is ${this.#state}`);
    this.#state = "starting";
    const options = this.#options;
    if (options.audit !== undefined) {
      this.#auditor = await createAuditor(options.audit, this.#clock, this.#logger);
    }
    // Made while the store is read.
    const certificates = ensureCertificates({
      dataDir: options.dataDir,
      tls: options.tls,
      clientCA: options.clientCA,
      requestHeaderClientCA: options.requestHeaderClientCA,
      proxyClient: options.proxyClient,
      serviceAccountKey: options.serviceAccountKey,
      kubeletClient: options.kubeletClient,
      dnsNames: [
        "localhost",
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        ...(options.certSANs ?? []).filter((name) => !isAddress(name)),
      ],
      ipAddresses: [
        ...new Set([
          "127.0.0.1",
          "::1",
          this.#allocator.firstAddress,
          ...[options.advertiseAddress, options.bindAddress].filter(
            (address) => address !== undefined && address !== "0.0.0.0",
          ),
          ...(options.certSANs ?? []).filter(isAddress),
        ]),
      ] as string[],
    });
    await this.#cacher.start();
    const services = this.#registry.storageFor({ group: "", resource: "services" }).cache;
    this.#allocator.follow(services);
    this.#allocator.followRanges(this.#registry.storageFor(serviceCIDRs).cache, services);
    this.#certificates = await certificates;
    this.#security = await assembleSecurity({
      options,
      certificates: this.#certificates,
      registry: this.#registry,
      handlers: this.#handlers,
      clock: this.#clock,
      logger: this.#logger,
      firstServiceAddress: this.#allocator.firstAddress,
      serviceClusterIPRange: this.#clusterIPRange,
      address: () => ({ host: this.#advertiseHost(), port: this.#port }),
    });
    for (const [name, handler] of this.#security.special) this.#special.set(name, handler);
    const filter = connectionFilter(options.connections ?? {});
    const cors = new Cors(options.corsAllowedOrigins ?? []);
    this.#listener = new Listener({
      bindAddress: options.bindAddress ?? "0.0.0.0",
      port: options.securePort,
      cert: this.#certificates.serving.cert,
      key: this.#certificates.serving.key,
      // Clients send a certificate only where they see its authority named.
      clientCA: `${this.#certificates.clientCA}\n${this.#certificates.requestHeaderCA}`,
      onRequest: (request, response) => {
        filter?.(request, response);
        if (!cors.answers(request, response)) void this.#chain.handle(request, response);
      },
      onUpgrade: (request, socket, head) => void this.#upgrade(request, socket, head),
    });
    await this.#hooks.run("definitions", this.#custom.start());
    this.#port = await this.#listener.listen();
    await this.#allocationRepair.start();
    await Promise.all([
      this.#hooks.run("objects", this.#security.bootstrap()),
      this.#hooks.run("limits", this.#limits.start()),
    ]);
    await this.#hooks.run("services", this.#syncApiServices());
    this.#aggregation.start();
    this.#compactor.start();
    this.#policyStatus.start();
    this.#state = "ready";
    this.#logger.info({ url: this.url, revision: this.#cacher.revision }, "serving");
  }

  get url(): string {
    const host = this.#options.bindAddress ?? "0.0.0.0";
    return `https://${host === "0.0.0.0" ? "127.0.0.1" : host}:${this.#port}`;
  }

  /** How to reach this server as system:masters from the same process. */
  get loopbackConfig(): RestConfig {
    const certificates = this.#certificates;
    if (certificates === undefined) throw new Error("the API server has not been started");
    return {
      server: this.url,
      caData: certificates.ca,
      clientCertData: certificates.loopback.cert,
      clientKeyData: certificates.loopback.key,
    };
  }

  /** Certificates in use, for whoever puts a cluster together. */
  get certificates(): ServerCertificates {
    if (this.#certificates === undefined) throw new Error("the API server has not been started");
    return this.#certificates;
  }

  /** /readyz fails, watches are closed, requests in flight are finished; the store stays open: it is the caller's. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === "stopped" || this.#state === "stopping") return;
    this.#state = "stopping";
    this.#listener?.stopAccepting();
    const abort = new AbortController();
    await Promise.race([this.#chain.drain(), this.#clock.sleep(DRAIN_MS, abort.signal).catch(() => undefined)]);
    abort.abort();
    this.#compactor.stop();
    await this.#allocationRepair.stop();
    await this.#limits[Symbol.asyncDispose]();
    await this.#aggregation[Symbol.asyncDispose]();
    await this.#custom[Symbol.asyncDispose]();
    await this.#policyStatus[Symbol.asyncDispose]();
    await this.#syncing;
    await this.#security?.[Symbol.asyncDispose]();
    await this.#listener?.close();
    await this.#auditor?.[Symbol.asyncDispose]();
    this.#outbound.client[Symbol.dispose]();
    this.#cacher[Symbol.dispose]();
    this.#state = "stopped";
  }

  async #handle(ctx: RequestContext): Promise<void> {
    const remote = this.#aggregation.find(ctx);
    if (remote !== undefined) await this.#aggregation.proxy(ctx, remote);
    else await (ctx.info.isResourceRequest ? this.#resources.handle(ctx) : this.#handlePath(ctx));
  }

  async #handlePath(ctx: RequestContext): Promise<void> {
    const handler = this.#ready().paths.get(ctx.info.path.replace(/\/$/, ""));
    await (handler === undefined ? this.#paths.handle(ctx) : handler(ctx));
  }

  async #upgrade(request: ApiRequest, socket: Duplex, head: Buffer): Promise<void> {
    const response = new UpgradeResponse(socket);
    await this.#chain.handle(request, response, async (ctx) => {
      const remote = this.#aggregation.find(ctx);
      if (remote !== undefined) {
        await this.#aggregation.upgrade(ctx, remote, { socket, head, taken: () => response.detach() });
        return;
      }
      await seeAllWrites(this.#handlers, ctx);
      const served = ctx.info.isResourceRequest ? this.#resources.find(ctx) : undefined;
      const taken = (): void => response.detach();
      if (served !== undefined && ctx.info.verb === "watch" && isWebSocket(ctx.request))
        await handleWatchWebSocket(this.#handlers, ctx, served, socket, head, taken);
      else if (this.#ready().upgrades(ctx)) await this.#ready().upgrade(ctx, socket, head, taken);
      // Upstream does not look at the header where nothing is to be upgraded. A body would have to be taken off the socket.
      else if (request.method === "GET") await this.#handle(ctx);
      else throw newBadRequest("the connection of this request cannot be upgraded");
    });
  }

  /** One at a time, so that two never make the same object. */
  #syncApiServices(): Promise<void> {
    this.#syncing = this.#syncing
      .then(() => syncLocalApiServices(this.#registry, this.#discovery.groups(), this.#clock))
      .catch((error: unknown) =>
        this.#logger.warn({ err: error }, "local APIServices could not be brought up to date"),
      );
    return this.#syncing;
  }

  #ready(): Security {
    if (this.#security === undefined) throw new Error("the API server has not been started");
    return this.#security;
  }

  #storeFailure(): string | undefined {
    return this.#cacher.failure?.message ?? this.#options.store.health?.();
  }

  #health(): Health {
    const ping = { name: "ping", check: () => undefined };
    const store = { name: "etcd", check: () => this.#storeFailure() };
    const shutdown = {
      name: "shutdown",
      check: () => (this.#state === "stopping" ? "process is shutting down" : undefined),
    };
    const hooks = this.#hooks.checks();
    return new Health({
      livez: [ping, store, ...hooks],
      readyz: [ping, store, { ...store, name: "etcd-readiness" }, ...hooks, shutdown],
    });
  }

  #advertiseHost(): string {
    const { advertiseAddress, bindAddress } = this.#options;
    return advertiseAddress ?? (bindAddress === undefined || bindAddress === "0.0.0.0" ? "127.0.0.1" : bindAddress);
  }

  #advertised(): string {
    return `${this.#advertiseHost()}:${this.#port}`;
  }

  *#storedObjects(): Generator<{ resource: string; count: number }> {
    const seen = new Set<string>();
    for (const { storage } of this.#registry.all()) {
      const resource = groupResource(storage.type.info);
      if (seen.has(resource)) continue;
      seen.add(resource);
      yield { resource, count: storage.cache.size };
    }
  }
}

function isAddress(text: string): boolean {
  return /^[\d.]+$/.test(text) || text.includes(":");
}
