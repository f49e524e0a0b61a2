import { findDuplicateFields, strictDecodingWarnings } from "@knots/api";
import { cloneJson, newBadRequest } from "@knots/machinery";
import type { KubeObject } from "@knots/machinery";
import type { Operation } from "../../registry/operation.ts";
import { apiVersionOf, prepareEntries } from "../../registry/served.ts";
import type { ServedResource } from "../../registry/served.ts";
import type { Entry } from "../../watch-cache/entry.ts";
import { readBody } from "../body.ts";
import { jsonCodec, yamlCodec } from "../codecs.ts";
import { negotiate } from "../negotiate.ts";
import type { Negotiated } from "../negotiate.ts";
import { writeOptions } from "../options.ts";
import type { WriteOptions } from "../options.ts";
import { checkPartial } from "../partial.ts";
import { representation } from "../representation.ts";
import { sendBytes } from "../respond.ts";
import type { RequestContext } from "../types.ts";
import { duplicateYamlKeys } from "./configuration.ts";
import { checkIdentity, expectedType, shapeObject } from "./decode.ts";
import type { HandlerDependencies } from "./dependencies.ts";

/** The operation that a write request stands for. */
export function operationOf(
  deps: HandlerDependencies,
  ctx: RequestContext,
  options: WriteOptions,
  kind: string,
): Operation {
  return {
    user: ctx.user,
    subresource: ctx.info.subresource,
    dryRun: options.dryRun,
    requestName: ctx.info.name,
    fieldManager: options.fieldManager,
    apiVersion: apiVersionOf({ group: ctx.info.apiGroup, version: ctx.info.apiVersion }),
    options: {
      kind,
      apiVersion: "meta.k8s.io/v1",
      ...(options.dryRun ? { dryRun: ["All"] } : {}),
      ...(ctx.info.query.has("fieldManager") ? { fieldManager: options.fieldManager } : {}),
      ...(ctx.info.query.has("force") ? { force: options.force } : {}),
      ...(ctx.info.query.has("fieldValidation") ? { fieldValidation: options.fieldValidation } : {}),
    },
    admission: deps.admission,
    warn: (text) => ctx.warn(text),
    annotate: ctx.audit?.annotate,
    signal: () => ctx.signal,
  };
}

/** POST to a collection. */
export async function handleCreate(
  deps: HandlerDependencies,
  ctx: RequestContext,
  served: ServedResource,
): Promise<void> {
  const negotiated = negotiate(ctx.request.headers.accept, deps.codecs, { transforms: true, custom: served.custom });
  checkPartial(negotiated, served, false);
  const options = writeOptions(ctx, "CreateOptions");
  const object = await readObject(deps, ctx, served, options);
  const { namespace } = ctx.info;
  if (served.info.namespaced && namespace === "") {
    throw newBadRequest("an empty namespace may not be set during creation");
  }
  checkIdentity(object, served.info.namespaced, namespace, "");
  const op = operationOf(deps, ctx, options, "CreateOptions");
  const entry = await served.storage.create(op, namespace, await toStored(served, object));
  await sendEntry(deps, ctx, served, negotiated, entry, 201);
}

/** PUT of an object or of a subresource that has its parent's kind. */
export async function handleUpdate(
  deps: HandlerDependencies,
  ctx: RequestContext,
  served: ServedResource,
): Promise<void> {
  const negotiated = negotiate(ctx.request.headers.accept, deps.codecs, { transforms: true, custom: served.custom });
  checkPartial(negotiated, served, false);
  const options = writeOptions(ctx, "UpdateOptions");
  const object = await readObject(deps, ctx, served, options);
  const { namespace, name } = ctx.info;
  checkIdentity(object, served.info.namespaced, namespace, name);
  const op = operationOf(deps, ctx, options, "UpdateOptions");
  const stored = await toStored(served, object);
  const unconditional = (stored.metadata?.resourceVersion ?? "") === "";
  const { entry, created } = await served.storage.update(op, {
    namespace,
    name,
    // Where a PUT may create, one must be allowed to.
    transform: (current) =>
      current === undefined ? deps.authorize(ctx, "create").then(() => cloneJson(stored)) : cloneJson(stored),
    retryOnConflict: unconditional,
  });
  await sendEntry(deps, ctx, served, negotiated, entry, created ? 201 : 200);
}

export async function sendEntry(
  deps: HandlerDependencies,
  ctx: RequestContext,
  served: ServedResource,
  negotiated: Negotiated,
  entry: Entry,
  status: number,
): Promise<void> {
  await prepareEntries(served, [entry]);
  const how = representation(served, negotiated, deps.tableOptions(ctx));
  sendBytes(ctx.request, ctx.response, status, negotiated.codec.mediaType, how.bytes(entry));
}

export function toStored(served: ServedResource, object: KubeObject): KubeObject | Promise<KubeObject> {
  return served.converter === undefined ? object : served.converter.toStored(object);
}

async function readObject(
  deps: HandlerDependencies,
  ctx: RequestContext,
  served: ServedResource,
  options: WriteOptions,
): Promise<KubeObject> {
  const body = await readBody(ctx.request);
  const object = deps.codecs.decodeObject(ctx.request.headers["content-type"], body, served.info.kind);
  const shaped = shapeObject(
    object,
    expectedType(served),
    options.fieldValidation,
    (text) => ctx.warn(text),
    duplicates(deps, ctx, body, object, options),
  );
  served.applyDefaults(shaped);
  return shaped;
}

/** What is said of keys that a body names twice; looked for only where somebody wants to know. */
function duplicates(
  deps: HandlerDependencies,
  ctx: RequestContext,
  body: Uint8Array,
  object: KubeObject,
  options: WriteOptions,
): string[] {
  if (options.fieldValidation === "Ignore") return [];
  const codec = deps.codecs.forBody(ctx.request.headers["content-type"]);
  if (codec === yamlCodec) {
    const lines = duplicateYamlKeys(body);
    return lines.length === 0 ? [] : [`yaml: unmarshal errors:\n${lines.map((line) => `  ${line}`).join("\n")}`];
  }
  if (codec !== jsonCodec) return [];
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8").trimEnd();
  // What reads the same when written again named nothing twice: so it is with most clients, and costs little to see.
  return text === JSON.stringify(object) ? [] : strictDecodingWarnings([], findDuplicateFields(text));
}
