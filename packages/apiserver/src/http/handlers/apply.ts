import { StatusError, cloneJson, formatTime, newConflict, newNotFound } from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import { TypedError, trackApply } from "@knots/machinery/managed-fields/index";
import { writerOf } from "../../registry/managed-field-tracker.ts";
import type { StoredObject } from "../../registry/metadata.ts";
import type { Operation } from "../../registry/operation.ts";
import { apiVersionOf, objectFrom, prepareConversion } from "../../registry/served.ts";
import type { ServedResource } from "../../registry/served.ts";
import { versionsFor } from "../../registry/versions.ts";
import { readBody } from "../body.ts";
import { negotiate } from "../negotiate.ts";
import { writeOptions } from "../options.ts";
import { checkPartial } from "../partial.ts";
import type { RequestContext } from "../types.ts";
import { checkDuplicates, readConfiguration } from "./configuration.ts";
import { checkIdentity, expectedType, shapeObject } from "./decode.ts";
import type { HandlerDependencies } from "./dependencies.ts";
import { operationOf, sendEntry, toStored } from "./write.ts";

/** PATCH with application/apply-patch+yaml: server-side apply. */
export async function handleApply(
  deps: HandlerDependencies,
  ctx: RequestContext,
  served: ServedResource,
): Promise<void> {
  const negotiated = negotiate(ctx.request.headers.accept, deps.codecs, { transforms: true, custom: served.custom });
  checkPartial(negotiated, served, false);
  const options = writeOptions(ctx, "PatchOptions", "apply");
  const config = readConfiguration(await readBody(ctx.request), { ...served.info, custom: served.custom });
  const { namespace, name } = ctx.info;
  const op = operationOf(deps, ctx, options, "PatchOptions");
  const { entry, created } = await served.storage.update(op, {
    namespace,
    name,
    createIfMissing: op.subresource === "",
    // A configuration that names a version means that state alone.
    retryOnConflict: (config.object.metadata?.resourceVersion ?? "") === "",
    managedFields: "set-by-transform",
    async transform(current) {
      if (current === undefined) await admitCreation(deps, ctx, served, config.object);
      const next = await applied(served, op, config.object, options.force, current, deps.clock.now());
      checkDuplicates(config, options.fieldValidation, (text) => ctx.warn(text));
      checkIdentity(next, served.info.namespaced, namespace, name);
      return next;
    },
  });
  await sendEntry(deps, ctx, served, negotiated, entry, created ? 201 : 200);
}

/** To apply what does not exist is to create it: one must be allowed to, and cannot mean a former object. */
async function admitCreation(
  deps: HandlerDependencies,
  ctx: RequestContext,
  { info }: ServedResource,
  { metadata }: KubeObject,
): Promise<void> {
  const { name } = ctx.info;
  if (ctx.info.subresource !== "") throw newNotFound(info, name);
  // The configuration is not yet known to fit its type.
  const uid: unknown = metadata?.uid;
  if (typeof uid === "string" && uid !== "") {
    throw newConflict(
      info,
      name,
      `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`,
    );
  }
  await deps.authorize(ctx, "create");
}

/** The object after applying a configuration to it, in its stored version, with managed fields. */
async function applied(
  served: ServedResource,
  op: Operation,
  config: KubeObject,
  force: boolean,
  current: StoredObject | undefined,
  now: number,
): Promise<KubeObject> {
  const { info, storage } = served;
  const apiVersion = apiVersionOf(info);
  if (current !== undefined) await prepareConversion(served, [current]);
  const live: KubeObject =
    current === undefined ? { apiVersion, kind: info.kind, metadata: {} } : objectFrom(served, current);
  const writer = writerOf(op, apiVersion, formatTime(new Date(now)));
  const { object, managedFields } = typedErrors(() =>
    trackApply(live, config, writer, versionsFor(storage.type, op.subresource), force),
  );
  const next = cloneJson(object ?? live);
  if (object !== undefined) {
    shapeObject(next, expectedType(served), "Ignore", () => undefined);
    served.applyDefaults(next);
  }
  const stored = await toStored(served, next);
  const metadata = (stored.metadata ??= {});
  if (managedFields === undefined) delete metadata.managedFields;
  else metadata.managedFields = managedFields;
  return stored;
}

/** What does not fit its type is answered with the text alone and 500, as upstream does. */
export function typedErrors<T>(apply: () => T): T {
  try {
    return apply();
  } catch (error) {
    if (!(error instanceof TypedError)) throw error;
    throw StatusError.fromStatus({
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: error.message,
      code: 500,
    });
  }
}
