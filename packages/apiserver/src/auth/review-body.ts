// A review's body in, through admission, and its answer out, in whatever format the client speaks.
import { schemaFor } from "@knots/api";
import { formatTime } from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import { TypedError, everyField, trackUpdate } from "@knots/machinery/managed-fields/index";
import type { Writer } from "@knots/machinery/managed-fields/index";
import type { AdmissionAttributes } from "../admission/types.ts";
import { readBody } from "../http/body.ts";
import { checkIdentity, shapeObject } from "../http/handlers/decode.ts";
import { operationOf } from "../http/handlers/write.ts";
import { negotiate } from "../http/negotiate.ts";
import { writeOptions } from "../http/options.ts";
import { sendObject } from "../http/respond.ts";
import { writerOf } from "../registry/managed-field-tracker.ts";
import type { RequestContext } from "../http/types.ts";
import type { SecurityDependencies } from "../security.ts";

/** The body as one kind, shape-checked as fieldValidation says. */
export async function readReview(
  deps: SecurityDependencies,
  ctx: RequestContext,
  type: { group: string; version: string; kind: string },
): Promise<KubeObject> {
  const body = await readBody(ctx.request);
  const object = deps.handlers.codecs.decodeObject(ctx.request.headers["content-type"], body, type.kind);
  const { fieldValidation } = writeOptions(ctx, "CreateOptions");
  return shapeObject(object, { ...type, schema: schemaFor(type) }, fieldValidation, (text) => ctx.warn(text));
}

/**
 * A review as it is to be answered: read, admitted by mutating plug-ins, checked by `validate` (which throws) and
 * admitted by validating ones, as upstream's handler of creations does it for whatever is not stored.
 */
export async function admitReview(
  deps: SecurityDependencies,
  ctx: RequestContext,
  kind: string,
  validate: (object: KubeObject) => void,
): Promise<KubeObject> {
  const { apiGroup: group, apiVersion: version, resource, subresource, namespace } = ctx.info;
  const type = { group, version, kind };
  const sent = await readReview(deps, ctx, type);
  checkIdentity(sent, namespace !== "", namespace, "");
  if (namespace !== "") Object.assign((sent.metadata ??= {}), { namespace });
  const op = operationOf(deps.handlers, ctx, writeOptions(ctx, "CreateOptions"), "CreateOptions");
  own(sent, type, writerOf(op, `${group}/${version}`, formatTime(new Date(deps.clock.now()))));
  const attributes: AdmissionAttributes = {
    operation: "CREATE",
    group,
    version,
    resource,
    subresource,
    kind: type,
    requestVersion: `${group}/${version}`,
    namespace,
    name: sent.metadata?.name ?? "",
    object: sent,
    oldObject: undefined,
    options: op.options,
    user: op.user,
    dryRun: op.dryRun,
    objects: deps.registry,
    now: deps.clock.now(),
    warn: (text) => op.warn(text),
    annotate: op.annotate,
    signal: op.signal,
    reinvocation: false,
  };
  await op.admission?.mutate(attributes);
  const object = attributes.object ?? sent;
  validate(object);
  await op.admission?.validate(attributes);
  return object;
}

/** The sender's fields are named in a review as in every object that is created, and shown where it is given back. */
function own(sent: KubeObject, type: { group: string; version: string; kind: string }, writer: Writer): void {
  const metadata = (sent.metadata ??= {});
  delete metadata.managedFields;
  try {
    const managedFields = trackUpdate(undefined, sent, writer, {
      typing: () => ({ schema: schemaFor(type), untyped: "atomic" }),
      convert: (object) => object,
      filter: () => everyField,
    });
    if (managedFields !== undefined) metadata.managedFields = managedFields;
  } catch (error) {
    // Whose fields they are is no reason to refuse a question; what is wrong with them is validation's to say.
    if (!(error instanceof TypedError)) throw error;
  }
}

export function sendReview(deps: SecurityDependencies, ctx: RequestContext, review: object): void {
  const { codec } = negotiate(ctx.request.headers.accept, deps.handlers.codecs, { transforms: false });
  sendObject(ctx.request, ctx.response, 201, review, codec);
}
