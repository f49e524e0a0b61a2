import { apiVersionOf, prepareEntries } from "../../registry/served.ts";
import type { ServedResource } from "../../registry/served.ts";
import { tableFor } from "../../tables/table.ts";
import type { Entry } from "../../watch-cache/entry.ts";
import type { Negotiated } from "../negotiate.ts";
import { partialMetadata } from "../partial.ts";
import { representation } from "../representation.ts";
import type { Representation } from "../representation.ts";
import { sendObject } from "../respond.ts";
import { sendList } from "../send-list.ts";
import type { RequestContext } from "../types.ts";
import type { HandlerDependencies } from "./dependencies.ts";

/** How long one request may encode at a stretch. */
const SLICE_MS = 4;

/** Answers with a list of the entries in the negotiated form: objects, their metadata or a table. */
export async function sendCollection(
  deps: HandlerDependencies,
  ctx: RequestContext,
  served: ServedResource,
  { codec, as, metaVersion }: Negotiated,
  entries: readonly Entry[],
  metadata: { readonly resourceVersion: string },
): Promise<void> {
  const { request, response } = ctx;
  await prepareEntries(served, entries);
  if (as === "table") {
    const table = tableFor(served, entries, { ...deps.tableOptions(ctx), metaVersion }, metadata);
    sendObject(request, response, 200, table, codec);
    return;
  }
  const partial = as === "partial";
  const kind = partial ? "PartialObjectMetadataList" : served.info.listKind;
  const apiVersion = partial ? `meta.k8s.io/${metaVersion}` : apiVersionOf(served.info);
  if (codec.list === undefined) {
    const items = entries.map((entry) => itemOf(served, entry, partial, metaVersion));
    sendObject(request, response, 200, { kind, apiVersion, metadata, items }, codec);
    return;
  }
  const how = representation(served, { codec, as, metaVersion }, deps.tableOptions(ctx));
  await sendList(ctx, codec, codec.list({ kind, apiVersion, metadata }, await itemBytes(entries, how)));
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
