// Requests for groups that an extension server answers, passed on with who makes them (upstream: proxyHandler).
import type { Agent } from "node:https";
import type { IncomingMessage } from "node:http";
import { sendText } from "../http/respond.ts";
import type { RequestContext } from "../http/types.ts";
import { canonicalPath, pathOf, queryOf } from "../http/url-path.ts";
import { openRequest } from "../streams/dial.ts";
import type { Target } from "../streams/dial.ts";
import { answerHeaders, forwardedHeaders } from "../streams/headers.ts";
import { copyBody, hasBody } from "../streams/proxy.ts";
import { passThrough } from "../streams/upgrade.ts";
import type { ClientConnection } from "../streams/upgrade.ts";
import { transportMessage } from "../outbound/transport-error.ts";
import type { RemoteService } from "./api-services.ts";
import { remoteUserHeaders } from "./remote-user.ts";

/** Undefined when there is nothing to connect to; that has been answered then. */
function targetOf(ctx: RequestContext, { remote, available }: RemoteService, agent?: Agent): Target | undefined {
  if (!available) return unavailable(ctx);
  let address: { host: string; port: number };
  try {
    address = remote.address();
  } catch {
    // The availability condition tells why.
    return unavailable(ctx);
  }
  return {
    scheme: "https",
    ...address,
    path: forwardedPath(ctx.request.url ?? "/"),
    serverName: remote.serverName,
    systemRoots: remote.insecure !== true,
    tls: {
      cert: remote.identity?.cert,
      key: remote.identity?.key,
      ca: remote.insecure === true ? undefined : remote.ca,
    },
    ...(agent === undefined ? {} : { agent }),
  };
}

/** What was authorized is what is asked: the path as it was decoded here, encoded anew. */
function forwardedPath(url: string): string {
  return url.includes("%") || /[^\w.~$&+,/:;=@-]/.test(url) ? canonicalPath(pathOf(url)) + queryOf(url) : url;
}

function unavailable(ctx: RequestContext): undefined {
  sendText(ctx.response, 503, "service unavailable\n");
  return undefined;
}

export async function proxyToService(ctx: RequestContext, service: RemoteService, agent: Agent): Promise<void> {
  const target = targetOf(ctx, service, agent);
  if (target === undefined) return;
  let answer: IncomingMessage;
  try {
    answer = await exchange(ctx, service, target);
  } catch (error) {
    const { host, port } = target;
    const why = transportMessage(error as Error, host, port, service.remote.serverName);
    sendText(ctx.response, 503, `error trying to reach service: ${why}\n`);
    return;
  }
  ctx.response.writeHead(answer.statusCode ?? 502, answerHeaders(answer.rawHeaders));
  ctx.response.flushHeaders();
  await copyBody(ctx, answer);
}

/** A connection that asks for an upgrade; its bytes go both ways afterwards. */
export async function upgradeToService(
  ctx: RequestContext,
  service: RemoteService,
  client: ClientConnection,
): Promise<void> {
  const target = targetOf(ctx, service);
  if (target === undefined) return;
  await passThrough(ctx, client, target, { ...remoteUserHeaders(ctx.user), host: hostOf(service) });
}

function exchange(ctx: RequestContext, service: RemoteService, target: Target): Promise<IncomingMessage> {
  const body = hasBody(ctx.request);
  const headers = {
    ...forwardedHeaders(ctx.request, { upgrade: false }),
    ...remoteUserHeaders(ctx.user),
    host: hostOf(service),
  };
  // Node would send a DELETE's body without saying how long it is.
  if (body && headers["content-length"] === undefined) headers["transfer-encoding"] = "chunked";
  const once = (to: Target, mayRetry: boolean): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const outgoing = openRequest(to, ctx.request.method ?? "GET", headers, ctx.signal);
      outgoing.once("response", resolve);
      outgoing.on("error", (error: NodeJS.ErrnoException) => {
        // A kept connection that the other side closed meanwhile: nothing was received by anybody.
        if (mayRetry && outgoing.reusedSocket && error.code === "ECONNRESET") {
          const { agent: _agent, ...fresh } = to;
          once(fresh, false).then(resolve, reject);
        } else reject(error);
      });
      if (body) ctx.request.pipe(outgoing);
      else outgoing.end();
    });
  return once(target, !body);
}

function hostOf({ remote }: RemoteService): string {
  return new URL(remote.origin).host;
}
