// pods/NAME/log: the kubelet's containerLogs, passed on as it comes.
import type { IncomingMessage } from "node:http";
import { newBadRequest, newInternalError, newNotFound } from "@knots/machinery";
import type { RequestContext } from "../http/types.ts";
import type { SecurityDependencies } from "../security.ts";
import { dialMessage, openRequest, readText, unknownError, urlOf } from "./dial.ts";
import type { Target } from "./dial.ts";
import { kubeletTarget } from "./kubelet.ts";
import { chooseContainer, getPod } from "./pod-streams.ts";

/** Answers with the container's log as plain text. */
export async function podLog(deps: SecurityDependencies, ctx: RequestContext): Promise<void> {
  const source = await openPodLog(deps, ctx);
  ctx.response.writeHead(200, { "content-type": "text/plain" });
  ctx.response.flushHeaders();
  for await (const chunk of source) {
    if (ctx.signal.aborted) break;
    if (!ctx.response.write(chunk)) await drained(ctx);
  }
  ctx.response.end();
}

/** The log's bytes as the kubelet sends them; throws what a client is to be told when there are none to be had. */
export async function openPodLog(deps: SecurityDependencies, ctx: RequestContext): Promise<AsyncIterable<Buffer>> {
  const { namespace, name, query } = ctx.info;
  const pod = getPod(deps, ctx);
  const container = chooseContainer(pod, query.get("container"));
  const nodeName = pod.spec?.nodeName ?? "";
  // Not on a node yet: upstream answers with nothing.
  if (nodeName === "") return nothing();
  const parameters = new URLSearchParams(query);
  parameters.delete("container");
  parameters.delete("insecureSkipTLSVerifyBackend");
  const path = `/containerLogs/${namespace}/${name}/${container}?${parameters.toString()}`;
  const answer = await ask(ctx, kubeletTarget(deps, nodeName, path));
  if (answer.statusCode !== 200) {
    const text = (await readText(answer)).trim();
    if (answer.statusCode === 400) throw newBadRequest(text);
    if (answer.statusCode === 404) throw newNotFound({ group: "", resource: "pods/log" }, name);
    throw newInternalError(text);
  }
  return answer as AsyncIterable<Buffer>;
}

async function* nothing(): AsyncGenerator<Buffer> {
  // No bytes.
}

/** Resolves when the client has taken what was written, or is gone. */
export async function drained(ctx: RequestContext): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      ctx.response.removeListener("drain", done);
      ctx.response.removeListener("close", done);
      resolve();
    };
    ctx.response.on("drain", done);
    ctx.response.on("close", done);
  });
}

async function ask(ctx: RequestContext, target: Target): Promise<IncomingMessage> {
  return await new Promise((resolve, reject) => {
    const request = openRequest(target, "GET", {}, ctx.signal);
    request.once("response", resolve);
    request.on("error", (error) =>
      reject(unknownError(`Get ${JSON.stringify(urlOf(target))}: ${dialMessage(error, target)}`)),
    );
    request.end();
  });
}
