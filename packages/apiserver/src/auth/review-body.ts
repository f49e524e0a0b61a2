// A review's body in and its answer out, in whatever format the client speaks.
import { newBadRequest, type KubeObject } from "@knots/machinery";
import { readBody } from "../http/body.ts";
import { negotiate } from "../http/negotiate.ts";
import { sendObject } from "../http/respond.ts";
import type { RequestContext } from "../http/types.ts";
import type { SecurityDependencies } from "../security.ts";

export async function readReview(deps: SecurityDependencies, ctx: RequestContext): Promise<KubeObject> {
  const { codecs } = deps.handlers;
  const value = codecs.forBody(ctx.request.headers["content-type"]).decode(await readBody(ctx.request));
  if (value === null || typeof value !== "object" || Array.isArray(value))
    throw newBadRequest("the body must be an object");
  return value;
}

export function sendReview(deps: SecurityDependencies, ctx: RequestContext, review: object): void {
  const { codec } = negotiate(ctx.request.headers.accept, deps.handlers.codecs, { transforms: false });
  sendObject(ctx.request, ctx.response, 201, review, codec);
}
