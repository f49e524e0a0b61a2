import { apiVersionOf, prepareEntries } from "../../registry/served.ts";
import type { ServedResource } from "../../registry/served.ts";
import { tableFor, tableHead, tableRow } from "../../tables/table.ts";
import type { Entry } from "../../watch-cache/entry.ts";
import type { Negotiated } from "../negotiate.ts";
import { partialMetadata } from "../partial.ts";
import { representation } from "../representation.ts";
import { sendObject } from "../respond.ts";
import { sendList } from "../send-list.ts";
import type { RequestContext } from "../types.ts";
import type { HandlerDependencies } from "./dependencies.ts";

/** How long one request may encode at a stretch. */
const SLICE_MS = 4;
/** Looking at the clock costs as much as an item that is encoded already. */
const LOOK_EVERY = 16;

/** Answers with a list of the entries in the negotiated form: objects, their metadata or a table. */
export async function sendCollection(
  deps: HandlerDependencies,
  ctx: RequestContext,
  served: ServedResource,
  { codec, as, metaVersion }: Negotiated,
  entries: readonly Entry[],
  metadata: { readonly resourceVersion: string },
): Promise<void> {
  await prepareEntries(served, entries);
  if (as === "table") {
    const options = { ...deps.tableOptions(ctx), metaVersion };
    if (codec.table === undefined) {
      sendObject(ctx.request, ctx.response, 200, tableFor(served, entries, options, metadata), codec);
      return;
    }
    const rows = await inSlices(entries, (entry) => codec.encode(tableRow(served, entry, options)), LOOK_EVERY);
    await sendList(ctx, codec, codec.table(tableHead(served, options, metadata), rows));
    return;
  }
  const partial = as === "partial";
  const kind = partial ? "PartialObjectMetadataList" : served.info.listKind;
  const apiVersion = partial ? `meta.k8s.io/${metaVersion}` : apiVersionOf(served.info);
  const how = representation(served, { codec, as, metaVersion }, deps.tableOptions(ctx));
  const { listItem } = codec;
  const items =
    listItem === undefined
      ? await inSlices(entries, (entry) => how.bytes(entry), LOOK_EVERY)
      : await inSlices(entries, (entry) => listItem(itemOf(served, entry, partial, metaVersion)), 1);
  await sendList(ctx, codec, codec.list({ kind, apiVersion, metadata }, items));
}

/** Other requests are served while many items are encoded for the first time. `every`: items from one look at the clock to the next. */
async function inSlices(
  entries: readonly Entry[],
  encode: (entry: Entry) => Uint8Array,
  every: number,
): Promise<Uint8Array[]> {
  const items: Uint8Array[] = [];
  let until = performance.now() + SLICE_MS;
  for (const entry of entries) {
    items.push(encode(entry));
    if (items.length % every !== 0 || performance.now() < until) continue;
    await new Promise<void>((resolve) => setImmediate(resolve));
    until = performance.now() + SLICE_MS;
  }
  return items;
}

function itemOf(served: ServedResource, entry: Entry, partial: boolean, metaVersion: string): object {
  const object = served.converter === undefined ? entry.object : served.converter.toServed(entry.object);
  return partial ? partialMetadata(object, metaVersion) : object;
}
