import { newForbidden } from "@knots/machinery";
import type { KubeObject, Status } from "@knots/machinery";
import { isNotFound } from "@knots/machinery";
import type { DeleteOptions } from "../../registry/deletion.ts";
import { listPage } from "../../registry/listing.ts";
import type { Operation } from "../../registry/operation.ts";
import { selectionOf } from "../../registry/selection.ts";
import { apiVersionOf, prepareEntries } from "../../registry/served.ts";
import type { ServedResource } from "../../registry/served.ts";
import { encodeObject } from "../../watch-cache/encode-object.ts";
import { Entry } from "../../watch-cache/entry.ts";
import { readBody } from "../body.ts";
import { negotiate } from "../negotiate.ts";
import { readDeleteOptions } from "../delete-options.ts";
import { listOptions } from "../options.ts";
import { representation } from "../representation.ts";
import { sendBytes, sendObject } from "../respond.ts";
import { checkPartial } from "../partial.ts";
import type { RequestContext } from "../types.ts";
import type { HandlerDependencies } from "./dependencies.ts";
import { sendCollection } from "./send-collection.ts";

/** Objects deleted at once by deletecollection. */
const WORKERS = 16;

/** DELETE of one object: answers with the object while it waits for something, else with what upstream answers. */
export async function handleDelete(
  deps: HandlerDependencies,
  ctx: RequestContext,
  served: ServedResource,
): Promise<void> {
  const negotiated = negotiate(ctx.request.headers.accept, deps.codecs, { transforms: true, custom: served.custom });
  const options = await readOptions(deps, ctx);
  const { namespace, name } = ctx.info;
  const why = served.storage.type.strategy.undeletable?.(name);
  if (why !== undefined) throw newForbidden(served.info, name, why);
  const { object, removed } = await served.storage.delete(operation(deps, ctx, options), namespace, name, options);
  if (removed && !served.storage.type.returnsDeleted) {
    const { group, resource } = served.info;
    const status: Status = {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Success",
      details: {
        name,
        ...(group === "" ? {} : { group }),
        kind: resource,
        ...(object.metadata.uid === undefined ? {} : { uid: object.metadata.uid }),
      },
    };
    sendObject(ctx.request, ctx.response, 200, status, negotiated.codec);
    return;
  }
  const entry = new Entry("", 0, 0, encodeObject(object), object);
  await prepareEntries(served, [entry]);
  const how = representation(served, negotiated, deps.tableOptions(ctx));
  // Only who asked for its dependents' deletion in the old way hears that it waits.
  const status = !removed && options.orphanDependents === false ? 202 : 200;
  sendBytes(ctx.request, ctx.response, status, negotiated.codec.mediaType, how.bytes(entry));
}

/** DELETE of a collection: every selected object, each by the rules of a single DELETE. */
export async function handleDeleteCollection(
  deps: HandlerDependencies,
  ctx: RequestContext,
  served: ServedResource,
): Promise<void> {
  const negotiated = negotiate(ctx.request.headers.accept, deps.codecs, { transforms: true, custom: served.custom });
  checkPartial(negotiated, served, true);
  const options = await readOptions(deps, ctx);
  const list = listOptions(ctx.info.query);
  const selection = selectionOf(served, ctx.info.namespace, "", list.labelSelector, list.fieldSelector);
  const page = await listPage(deps.cacher, deps.clock, served, selection, list);
  const op = operation(deps, ctx, options);
  const deleted: KubeObject[] = [];
  const queue = [...page.entries];
  const work = async (): Promise<void> => {
    for (let entry = queue.shift(); entry !== undefined; entry = queue.shift()) {
      const { namespace = "", name = "" } = entry.object.metadata ?? {};
      try {
        const { object } = await served.storage.delete(op, namespace, name, options);
        deleted.push(object);
      } catch (error) {
        // Somebody else deleted it first.
        if (!isNotFound(error)) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
  const entries = deleted.map((object) => new Entry("", 0, 0, encodeObject(object), object));
  const metadata = { resourceVersion: String(deps.cacher.revision) };
  await sendCollection(deps, ctx, served, negotiated, entries, metadata);
}

function operation(deps: HandlerDependencies, ctx: RequestContext, options: DeleteOptions): Operation {
  return {
    user: ctx.user,
    subresource: "",
    dryRun: options.dryRun !== undefined,
    fieldManager: "",
    apiVersion: apiVersionOf({ group: ctx.info.apiGroup, version: ctx.info.apiVersion }),
    options: { kind: "DeleteOptions", apiVersion: "meta.k8s.io/v1", ...options },
    admission: deps.admission,
    warn: (text) => ctx.warn(text),
    annotate: ctx.audit?.annotate,
    signal: () => ctx.signal,
  };
}

async function readOptions(deps: HandlerDependencies, ctx: RequestContext): Promise<DeleteOptions> {
  const body = await readBody(ctx.request);
  return readDeleteOptions(deps.codecs, ctx.request.headers["content-type"], body, ctx.info.query);
}
