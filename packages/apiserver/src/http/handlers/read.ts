import { listPage, parseRevision, waitForRevision } from "../../registry/listing.ts";
import { selectionOf } from "../../registry/selection.ts";
import { apiVersionOf, prepareEntries } from "../../registry/served.ts";
import type { ServedResource } from "../../registry/served.ts";
import type { Entry } from "../../watch-cache/entry.ts";
import { tableFor } from "../../tables/table.ts";
import { listOptions } from "../options.ts";
import { partialMetadata } from "../partial.ts";
import { negotiate } from "../negotiate.ts";
import { representation } from "../representation.ts";
import type { Representation } from "../representation.ts";
import { sendBytes, sendObject } from "../respond.ts";
import { sendList } from "../send-list.ts";
import type { RequestContext } from "../types.ts";
import type { HandlerDependencies } from "./dependencies.ts";

/** How long one request may encode at a stretch. */
const SLICE_MS = 4;

/** GET of one object. */
export async function handleGet(deps: HandlerDependencies, ctx: RequestContext, served: ServedResource): Promise<void> {
  const { info, request, response } = ctx;
  const negotiated = negotiate(request.headers.accept, deps.codecs, { transforms: true, custom: served.custom });
  const version = info.query.get("resourceVersion") ?? "";
  if (version !== "" && version !== "0") await waitForRevision(deps.cacher, deps.clock, parseRevision(version));
  const entry = served.storage.get(info.namespace, info.name);
  await prepareEntries(served, [entry]);
  const how = representation(served, negotiated, deps.tableOptions(ctx));
  sendBytes(request, response, 200, negotiated.codec.mediaType, how.bytes(entry));
}

/** GET of a collection. */
export async function handleList(
  deps: HandlerDependencies,
  ctx: RequestContext,
  served: ServedResource,
): Promise<void> {
  const { info, request, response } = ctx;
  const negotiated = negotiate(request.headers.accept, deps.codecs, { transforms: true, custom: served.custom });
  const options = listOptions(info.query);
  const selection = selectionOf(served, info.namespace, "", options.labelSelector, options.fieldSelector);
  const page = await listPage(deps.cacher, deps.clock, served, selection, options);
  await prepareEntries(served, page.entries);
  const metadata = {
    resourceVersion: String(page.revision),
    ...(page.continueToken === "" ? {} : { continue: page.continueToken }),
    ...(page.remaining === undefined ? {} : { remainingItemCount: page.remaining }),
  };
  const { codec, as, metaVersion } = negotiated;
  if (as === "table") {
    const table = tableFor(served, page.entries, { ...deps.tableOptions(ctx), metaVersion }, metadata);
    sendObject(request, response, 200, table, codec);
    return;
  }
  const partial = as === "partial";
  const kind = partial ? "PartialObjectMetadataList" : served.info.listKind;
  const apiVersion = partial ? `meta.k8s.io/${metaVersion}` : apiVersionOf(served.info);
  if (codec.list === undefined) {
    const items = page.entries.map((entry) => itemOf(served, entry, partial, metaVersion));
    sendObject(request, response, 200, { kind, apiVersion, metadata, items }, codec);
    return;
  }
  const items = await itemBytes(page.entries, representation(served, negotiated, deps.tableOptions(ctx)));
  await sendList(ctx, codec, codec.list({ kind, apiVersion, metadata }, items));
}

/** Other requests are served while many items are encoded for the first time. */
async function itemBytes(entries: readonly Entry[], how: Representation): Promise<Uint8Array[]> {
  const items: Uint8Array[] = [];
  let until = performance.now() + SLICE_MS;
  for (const entry of entries) {
    items.push(how.bytes(entry));
    // Looking at the clock costs as much as an item that is encoded already.
    if (items.length % 16 !== 0 || performance.now() < until) continue;
    await new Promise<void>((resolve) => setImmediate(resolve));
    until = performance.now() + SLICE_MS;
  }
  return items;
}

function itemOf(served: ServedResource, entry: Entry, partial: boolean, metaVersion: string): object {
  const object = served.converter === undefined ? entry.object : served.converter.toServed(entry.object);
  return partial ? partialMetadata(object, metaVersion) : object;
}
