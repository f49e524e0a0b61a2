import type { Clock, Logger } from "@knots/machinery";
import type { Duplex } from "node:stream";
import type { Authenticator, Authorizer, UserInfo } from "./auth/types.ts";
import { createAuthenticator, createAuthorizer, createImpersonator, securityHandlers } from "./auth/index.ts";
import { bootstrap } from "./bootstrap/index.ts";
import type { ServerCertificates } from "./certificates.ts";
import type { HandlerDependencies } from "./http/handlers/dependencies.ts";
import type { SpecialHandler } from "./http/handlers/resource-router.ts";
import type { PathHandler } from "./http/non-resource.ts";
import type { ApiRequest, RequestContext } from "./http/types.ts";
import type { ApiServerOptions } from "./options.ts";
import type { Registry } from "./registry/registry.ts";
import { createMetricsApi } from "./metrics-api/handlers.ts";
import { streamHandlers } from "./streams/index.ts";

/** What the parts around the registry (who may do what, streams, first objects) are made from. */
export interface SecurityDependencies {
  readonly options: ApiServerOptions;
  readonly certificates: ServerCertificates;
  /** Also the ObjectSource from which roles, bindings, accounts and nodes are read. */
  readonly registry: Registry;
  readonly handlers: HandlerDependencies;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Cluster IP of the `kubernetes` Service. */
  readonly firstServiceAddress: string;
  /** The range of cluster IPs that this server was given. */
  readonly serviceClusterIPRange: string;
  /** Where this server is reached; the port is known once it listens. */
  address(): { readonly host: string; readonly port: number };
}

/** Everything the handler chain needs beside the registry. */
export interface Security extends AsyncDisposable {
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  impersonate(user: UserInfo, request: ApiRequest): UserInfo | Promise<UserInfo>;
  /** Reviews, tokens, log, proxy: by "verb resource.group/subresource". */
  readonly special: ReadonlyMap<string, SpecialHandler>;
  /** /openid/v1/jwks, /.well-known/openid-configuration. */
  readonly paths: ReadonlyMap<string, PathHandler>;
  /** Whether a request with an Upgrade header is answered by `upgrade`. */
  upgrades(ctx: RequestContext): boolean;
  /** exec, attach, port-forward and proxied upgrades; calls `taken` when the connection is its own. Throws StatusError before that. */
  upgrade(ctx: RequestContext, socket: Duplex, head: Buffer, taken: () => void): Promise<void>;
  /** Makes what every cluster has; called when the port is open, resolves when it is there. */
  bootstrap(): Promise<void>;
}

export async function assembleSecurity(deps: SecurityDependencies): Promise<Security> {
  const authenticator = await createAuthenticator(deps);
  const authorizer = createAuthorizer(deps);
  const streams = streamHandlers(deps, authorizer);
  const metrics = createMetricsApi(deps);
  const { special, paths } = securityHandlers({ ...deps, authenticator, authorizer });
  let running: AsyncDisposable | undefined;
  return {
    authenticator,
    authorizer,
    impersonate: createImpersonator(authorizer),
    special: new Map([...special, ...streams.special, ...metrics.special]),
    paths,
    upgrades: (ctx) => streams.upgrades(ctx),
    upgrade: (ctx, socket, head, taken) => streams.upgrade(ctx, socket, head, taken),
    async bootstrap() {
      running = await bootstrap(deps);
    },
    async [Symbol.asyncDispose]() {
      metrics[Symbol.dispose]();
      await running?.[Symbol.asyncDispose]();
    },
  };
}
