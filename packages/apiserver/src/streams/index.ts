// Connections that the API server passes on to kubelets, pods and services.
import type { Duplex } from "node:stream";
import { newBadRequest, newForbidden } from "@knots/machinery";
import { methodNotAllowed } from "../http/method-not-allowed.ts";
import type { KubeObject } from "@knots/machinery";
import type { Authorizer } from "../auth/types.ts";
import { attributesOf } from "../http/handler-chain.ts";
import type { SpecialHandler } from "../http/handlers/resource-router.ts";
import type { RequestContext } from "../http/types.ts";
import type { SecurityDependencies } from "../security.ts";
import { isWebSocket, offeredProtocols } from "./headers.ts";
import { openPodLog, podLog } from "./logs.ts";
import { connectOptions, podStreamTarget, streamOptions } from "./pod-streams.ts";
import { locate } from "./proxy-location.ts";
import { proxyRequest } from "./proxy.ts";
import { translate, V5 } from "./translator.ts";
import { TUNNEL, tunnel } from "./tunnel.ts";
import { passThrough } from "./upgrade.ts";
import type { ClientConnection } from "./upgrade.ts";
import { sendOverWebSocket } from "./websocket-reader.ts";

export { chooseContainer } from "./pod-streams.ts";

const POD_STREAMS = new Set(["exec", "attach", "portforward"]);
const PROXIED = new Set(["pods", "services", "nodes"]);

export interface Streams {
  readonly special: ReadonlyMap<string, SpecialHandler>;
  /** Whether a request with an Upgrade header is answered by an upgraded connection; any other is answered as if it had none. */
  upgrades(ctx: RequestContext): boolean;
  /** Handles a request with an Upgrade header; calls `taken` when the connection is its own. */
  upgrade(ctx: RequestContext, socket: Duplex, head: Buffer, taken: () => void): Promise<void>;
}

export function streamHandlers(deps: SecurityDependencies, authorizer: Authorizer): Streams {
  const special = new Map<string, SpecialHandler>([["get pods/log", (ctx) => podLog(deps, ctx)]]);
  for (const subresource of POD_STREAMS) {
    special.set(`pods/${subresource}`, async (ctx) => {
      checkMethod(ctx);
      await admit(deps, ctx, connectOptions(ctx));
      podStreamTarget(deps, ctx);
      throw newBadRequest("Upgrade request required");
    });
  }
  for (const resource of PROXIED) {
    special.set(`${resource}/proxy`, async (ctx) => {
      await admit(deps, ctx, proxyOptions(ctx));
      await proxyRequest(ctx, locate(deps, ctx));
    });
  }
  return {
    special,
    upgrades(ctx) {
      const { apiGroup, resource, subresource } = ctx.info;
      if (apiGroup !== "") return false;
      if (subresource === "proxy") return PROXIED.has(resource);
      if (resource !== "pods") return false;
      return POD_STREAMS.has(subresource) || (subresource === "log" && isWebSocket(ctx.request));
    },
    async upgrade(ctx, socket, head, taken) {
      const { subresource } = ctx.info;
      const client: ClientConnection = { socket, head, taken };
      if (subresource === "proxy") {
        await admit(deps, ctx, proxyOptions(ctx));
        await passThrough(ctx, client, locate(deps, ctx).target);
      } else if (subresource === "log") {
        await sendOverWebSocket(ctx, client, await openPodLog(deps, ctx));
      } else {
        await podStream(deps, authorizer, ctx, client);
      }
    },
  };
}

async function podStream(
  deps: SecurityDependencies,
  authorizer: Authorizer,
  ctx: RequestContext,
  client: ClientConnection,
): Promise<void> {
  checkMethod(ctx);
  const webSocket = isWebSocket(ctx.request);
  // A WebSocket is asked for with GET; it does what create does (AuthorizePodWebsocketUpgradeCreatePermission).
  if (webSocket && ctx.info.verb === "get") await mayCreate(authorizer, ctx);
  await admit(deps, ctx, connectOptions(ctx));
  const target = podStreamTarget(deps, ctx);
  const offered = webSocket ? offeredProtocols(ctx.request) : [];
  if (ctx.info.subresource === "portforward") {
    if (offered.includes(TUNNEL)) await tunnel(ctx, client, target);
    else await passThrough(ctx, client, target);
    return;
  }
  if (offered.includes(V5)) await translate(ctx, client, streamOptions(ctx.info.query), target);
  else await passThrough(ctx, client, target);
}

function checkMethod(ctx: RequestContext): void {
  const { method } = ctx.request;
  if (method !== "GET" && method !== "POST") throw methodNotAllowed();
}

async function mayCreate(authorizer: Authorizer, ctx: RequestContext): Promise<void> {
  const attributes = { ...attributesOf(ctx.user, ctx.info), verb: "create" };
  const decision = await authorizer.authorize(attributes);
  if (decision.allowed === "allow") return;
  const { namespace, name, subresource } = ctx.info;
  throw newForbidden(
    { group: "", resource: "pods" },
    name,
    `User ${JSON.stringify(ctx.user.name)} cannot create resource "pods/${subresource}" in API group "" in the namespace ${JSON.stringify(namespace)}${decision.reason === "" ? "" : `: ${decision.reason}`}`,
  );
}

function proxyOptions(ctx: RequestContext): Record<string, unknown> {
  const kind = { pods: "PodProxyOptions", services: "ServiceProxyOptions", nodes: "NodeProxyOptions" }[
    ctx.info.resource
  ];
  const below = ctx.info.parts.slice(3).join("/");
  // Upstream's getRequestOptions: with a slash before it, and one behind it where the client wrote one.
  const path = `${below === "" || below.startsWith("/") ? below : `/${below}`}${
    ctx.info.path.endsWith("/") && !below.endsWith("/") ? "/" : ""
  }`;
  return { kind, apiVersion: "v1", ...(path === "" ? {} : { path }) };
}

/** CONNECT admission: before the connection is anybody else's. */
async function admit(deps: SecurityDependencies, ctx: RequestContext, options: Record<string, unknown>): Promise<void> {
  const { resource, namespace, name, subresource } = ctx.info;
  const operation = {
    user: ctx.user,
    subresource,
    dryRun: false,
    fieldManager: "",
    options: {},
    admission: deps.handlers.admission,
    warn: (text: string) => ctx.warn(text),
    annotate: ctx.audit?.annotate,
    signal: () => ctx.signal,
  };
  await deps.registry.storageFor({ group: "", resource }).connect(operation, namespace, name, options as KubeObject);
}
