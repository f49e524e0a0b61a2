import { schemaFor } from "@knots/api";
import type { Scale } from "@knots/api/autoscaling/v1";
import { jsonPatch, mergePatch, newBadRequest, newMethodNotSupported } from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import { scaleOf, withScale } from "../../registry/special/scale.ts";
import type { ScaleAccess } from "../../registry/special/scale.ts";
import type { ServedResource } from "../../registry/served.ts";
import { readBody } from "../body.ts";
import { negotiate } from "../negotiate.ts";
import { writeOptions } from "../options.ts";
import { sendObject } from "../respond.ts";
import type { RequestContext } from "../types.ts";
import { checkIdentity, shapeObject } from "./decode.ts";
import type { HandlerDependencies } from "./dependencies.ts";
import { patchType } from "./patch.ts";
import { operationOf } from "./write.ts";

const SCALE_TYPE = { group: "autoscaling", version: "v1", kind: "Scale" };

/** GET, PUT and PATCH of /scale: the replicas of an object behind one common kind. */
export async function handleScale(
  deps: HandlerDependencies,
  ctx: RequestContext,
  served: ServedResource,
  access: ScaleAccess,
): Promise<void> {
  const { codec } = negotiate(ctx.request.headers.accept, deps.codecs, { transforms: false });
  const { namespace, name, verb } = ctx.info;
  if (verb === "get") {
    sendObject(ctx.request, ctx.response, 200, scaleOf(served.storage.get(namespace, name).object, access), codec);
    return;
  }
  if (verb !== "update" && verb !== "patch") throw newMethodNotSupported(served.info, verb);
  const options = writeOptions(ctx, verb === "update" ? "UpdateOptions" : "PatchOptions");
  const body = await readBody(ctx.request);
  const make = verb === "update" ? replaced(deps, ctx, body) : patched(ctx, body);
  const op = operationOf(deps, ctx, options, verb === "update" ? "UpdateOptions" : "PatchOptions");
  const shape = (object: KubeObject): Scale => {
    const shaped = shapeObject(
      object,
      { ...SCALE_TYPE, schema: schemaFor(SCALE_TYPE) },
      options.fieldValidation,
      (text) => ctx.warn(text),
    );
    checkIdentity(shaped, served.info.namespaced, namespace, name);
    return shaped as Scale;
  };
  const { entry } = await served.storage.update(op, {
    namespace,
    name,
    forceUnconditional: true,
    retryOnConflict: verb === "patch",
    transform(current) {
      if (current === undefined) throw newBadRequest("a scale cannot be created");
      const scale = shape(make(scaleOf(current, access)));
      if (verb === "patch") delete scale.metadata?.resourceVersion;
      return withScale(current, scale, access);
    },
  });
  sendObject(ctx.request, ctx.response, 200, scaleOf(entry.object, access), codec);
}

function replaced(deps: HandlerDependencies, ctx: RequestContext, body: Uint8Array): () => KubeObject {
  const object = deps.codecs.decodeObject(ctx.request.headers["content-type"], body);
  return () => structuredClone(object);
}

function patched(ctx: RequestContext, body: Uint8Array): (current: Scale) => KubeObject {
  const type = patchType(ctx.request.headers["content-type"], true);
  let patch: unknown;
  try {
    patch = JSON.parse(Buffer.from(body).toString("utf8"));
  } catch (error) {
    throw newBadRequest(`error decoding patch: ${(error as Error).message}`);
  }
  if (type === "application/json-patch+json") {
    return (current) => jsonPatch(structuredClone(current), patch as Parameters<typeof jsonPatch>[1]) as KubeObject;
  }
  // Scale has no lists: strategic merge, apply and merge patch are the same for it.
  return (current) => mergePatch(structuredClone(current), patch) as KubeObject;
}
