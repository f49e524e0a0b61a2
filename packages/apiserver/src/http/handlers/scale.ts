import { schemaFor } from "@knots/api";
import type { Scale } from "@knots/api/autoscaling/v1";
import { formatTime, jsonPatch, mergePatch, newBadRequest } from "@knots/machinery";
import { methodNotAllowed } from "../method-not-allowed.ts";
import type { KubeObject } from "@knots/machinery";
import { writerOf } from "../../registry/managed-field-tracker.ts";
import { ScaleFields } from "../../registry/special/scale-fields.ts";
import { scaleOf, withScale } from "../../registry/special/scale.ts";
import type { ScaleAccess } from "../../registry/special/scale.ts";
import { apiVersionOf } from "../../registry/served.ts";
import type { StoredObject } from "../../registry/metadata.ts";
import type { ServedResource } from "../../registry/served.ts";
import { readBody } from "../body.ts";
import { negotiate } from "../negotiate.ts";
import { writeOptions } from "../options.ts";
import { sendObject } from "../respond.ts";
import type { RequestContext } from "../types.ts";
import { checkDuplicates, readConfiguration } from "./configuration.ts";
import { typedErrors } from "./apply.ts";
import { checkIdentity, shapeObject } from "./decode.ts";
import type { HandlerDependencies } from "./dependencies.ts";
import { APPLY_PATCH, patchType } from "./patch-type.ts";
import { parsePatch } from "./patch.ts";
import { operationOf } from "./write.ts";

const SCALE_TYPE = { group: "autoscaling", version: "v1", kind: "Scale" };
const SCALE_VERSION = "autoscaling/v1";

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
  if (verb !== "update" && verb !== "patch") throw methodNotAllowed();
  const type = verb === "update" ? undefined : patchType(ctx.request.headers["content-type"], served.custom);
  const applies = type === APPLY_PATCH;
  const options = writeOptions(ctx, verb === "update" ? "UpdateOptions" : "PatchOptions", applies ? "apply" : "plain");
  const body = await readBody(ctx.request);
  const config = applies ? readConfiguration(body, SCALE_TYPE) : undefined;
  const make = type === undefined ? replaced(deps, ctx, body) : applies ? undefined : patched(type, body);
  const op = {
    ...operationOf(deps, ctx, options, verb === "update" ? "UpdateOptions" : "PatchOptions"),
    view: {
      kind: SCALE_TYPE,
      of: (object: KubeObject) => scaleOf(object, access),
      into: (object: KubeObject, scale: KubeObject) => withScale(object as StoredObject, scale as Scale, access),
    },
  };
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
    managedFields: "set-by-transform",
    transform(current) {
      if (current === undefined) throw newBadRequest("a scale cannot be created");
      const fields = new ScaleFields(served.storage.type, apiVersionOf(served.info), access.specReplicas);
      const live = scaleOf(current, access);
      fields.toScale(current, live);
      const writer = writerOf(op, SCALE_VERSION, formatTime(new Date(deps.clock.now())));
      let scale: Scale;
      if (config !== undefined) {
        const applied = typedErrors(() => fields.apply(live, config.object, writer, options.force));
        checkDuplicates(config, options.fieldValidation, (text) => ctx.warn(text));
        scale = shape(applied) as Scale;
      } else {
        scale = shape((make as (current: Scale) => KubeObject)(live));
        fields.update(live, scale, writer);
      }
      if (verb === "patch" && !applies) delete scale.metadata?.resourceVersion;
      const next = withScale(current, scale, access);
      fields.toParent(scale, next);
      return next;
    },
  });
  sendObject(ctx.request, ctx.response, 200, scaleOf(entry.object, access), codec);
}

function replaced(deps: HandlerDependencies, ctx: RequestContext, body: Uint8Array): () => KubeObject {
  const object = deps.codecs.decodeObject(ctx.request.headers["content-type"], body, SCALE_TYPE.kind);
  return () => structuredClone(object);
}

function patched(type: string, body: Uint8Array): (current: Scale) => KubeObject {
  const patch = parsePatch(type, body);
  if (type === "application/json-patch+json") {
    return (current) => jsonPatch(structuredClone(current), patch as Parameters<typeof jsonPatch>[1]) as KubeObject;
  }
  // Scale has no lists: strategic merge and merge patch are the same for it.
  return (current) => mergePatch(structuredClone(current), patch) as KubeObject;
}
